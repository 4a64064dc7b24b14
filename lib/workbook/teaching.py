"""TEACHING.md: are its numbers those that the notebooks measured, and are the places there that it sends a teacher to?

A number is bound as in a notebook's prose (`lint.prose`), to any notebook's metrics; a claim that two notebooks make is
called `claim.KEY@NN`. A place reads `08, section 3 ("Temperature: who gets the push?")`; a title may be left out. More
places of the same notebook may follow in the sentence: `, section 4 ("Which pairs count?") and exercise 2`.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nbformat import NotebookNode

from lib.workbook import METRICS, ROOT, SOURCES, lint, runtimes

PAGE = ROOT / "TEACHING.md"
PLACE = re.compile(
    r"""(?:(?:\b(?P<number>\d\d),\s|(?<=,\s)|(?<=\band\s))(?P<kind>section|exercise)s?\s
        |(?<=\sand\s)(?=\d+\s\("))           # "exercises 2 (...) and 3 ("what an answer earns")"
        (?P<at>\d+)\b(?!\.\d)(?:\s\("(?P<title>[^"]+)"\))?
        |(?P<end>[.;|]\s|\n\n)               # of a sentence or a cell of a table""",
    re.VERBOSE,
)
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)")
LESSON = re.compile(r"^### Lesson \d+: .*\((\d+) minutes\)$")
MINUTES = re.compile(r"^\| (\d+)-(\d+) \|")


class Place(NamedTuple):
    """A section or an exercise that a text sends to."""

    number: str  # of the notebook
    kind: str  # section, exercise
    at: str
    title: str  # empty where the text leaves it out
    span: tuple[int, int]  # in the text


def places(text: str) -> Iterator[Place]:
    """All places that a text names, in its order."""
    number = kind = ""
    for found in PLACE.finditer(text):
        number, kind = ("", "") if found["end"] else (found["number"] or number, found["kind"] or kind)
        if number and found["at"]:
            yield Place(number, kind, found["at"], " ".join((found["title"] or "").split()), found.span())


def entry(metrics: Path = METRICS) -> dict:
    """What all notebooks measured, as if one had (see `lint.known`)."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(metrics.glob("*.json"))]
    claims = [(each["notebook"][:2], claim) for each in found for claim in each["claims"]]
    times = Counter(claim["key"] for _, claim in claims)
    named = [{**c, "key": c["key"] if times[c["key"]] == 1 else f"{c['key']}@{number}"} for number, c in claims]
    return {"metrics": [metric for each in found for metric in each["metrics"]], "claims": named}


def table(metrics: Path = METRICS) -> str:
    """Markdown: what each notebook took when it was last executed."""
    rows = ["| notebook | smoke | laptop | memory at laptop |", "|---|---|---|---|"]
    for path in sorted(metrics.glob("*.json")):
        runs = json.loads(path.read_text(encoding="utf-8"))["runs"]
        small, large = runs["smoke"]["seconds"], runs["laptop"]["seconds"]
        rows.append(f"| {path.stem} | {small:.0f} s | {large:.0f} s | {runs['laptop']['peak_mib']:,.0f} MiB |")
    return "\n".join(rows)


def timed(text: str, metrics: Path = METRICS) -> str:
    """The page with its table of run times as they are now."""
    return runtimes.blank(text).replace(runtimes.OPEN, f"{runtimes.OPEN}\n\n{table(metrics)}\n\n{runtimes.CLOSE}")


def renew(page: Path = PAGE) -> None:
    """Write the table of run times; what sentences say is left to whoever reads them (`make`'s verb numbers)."""
    page.write_text(timed(page.read_text(encoding="utf-8")), encoding="utf-8")


def problems(text: str, metrics: Path = METRICS, sources: Path = SOURCES, root: Path = ROOT) -> Iterator[str]:
    """A sentence for each thing that does not hold."""
    yield from lint.prose(NotebookNode(cells=[NotebookNode(cell_type="markdown", source=text)]), entry(metrics))
    if timed(text, metrics) != text:
        yield "the table of run times is not that of the metrics; run `make notebooks`"
    yield from (f"there is no file {name}" for name in LINK.findall(text) if not (root / name).exists())
    yield from _places(text, sources)
    yield from _lessons(text)


def _places(text: str, sources: Path) -> Iterator[str]:
    headings = {path.name[:2]: _headings(path.read_text(encoding="utf-8")) for path in sources.glob("[0-9][0-9]_*.py")}
    for number, kind, at, title, _ in places(text):
        there = headings.get(number, {}).get((kind, at))
        if there is None:
            yield f"notebook {number} has no {kind} {at}"
        elif title and title != there:
            yield f"notebook {number}, {kind} {at}: the page calls it {title!r}, the notebook {there!r}"


def _headings(source: str) -> dict[tuple[str, str], str]:
    sections = re.findall(r"^# ## (\d+)\. (.+)$", source, flags=re.M)
    exercises = re.findall(r"^# ### Exercise (\d): (.+?) \(\d+ minutes", source, flags=re.M)
    found = {("section", number): title for number, title in sections}
    return found | {("exercise", number): title for number, title in exercises}


def _lessons(text: str) -> Iterator[str]:
    """A lesson's rows follow one another from its first minute to its last."""
    for part in re.split(r"^(?=##)", text, flags=re.M):
        title, *lines = part.splitlines() or [""]
        if found := LESSON.match(title):
            rows = [tuple(map(int, row.groups())) for row in map(MINUTES.match, lines) if row]
            ends = [0, *(end for _, end in rows)]
            if [start for start, _ in rows] != ends[:-1] or ends[-1] != int(found[1]) or ends != sorted(ends):
                yield f"{title.strip('# ')}: its rows do not fill the time, one after the other"
