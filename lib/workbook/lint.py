"""What every notebook must have, and must not: structure of the source, hygiene of the outputs, numbers in the prose.

Each rule is a function that yields sentences; none means all is well. `tests/unit/test_workbook_lint.py` breaks each.
"""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode

from lib.workbook import PARAMETERS, SOURCES
from lib.workbook.build import badge, identify, parameters, setup_cell, tagged
from lib.workbook.runtimes import OPEN

MAX_LINES, MAX_SETUP_LINES, MAX_BYTES, MAX_TOTAL_BYTES = 25, 15, 1_000_000, 15_000_000
LARGER = {"16": 4_000_000}  # notebooks whose every point sounds
NUMBER = re.compile(r"\*\*\s*([-+−]?[\d,]*\.?\d+)\s*(%?)\s*\*\*\s*<!--\s*m:([^\s>]+?)\s*-->")
MARKED = re.compile(r"<!--\s*m:")
HEADINGS = {
    "a recap": r"^#+ .*recap",
    "further reading": r"^#+ .*further reading",
    "what it did not show": r"did not show",
}
PATHS = re.compile(r"(?<![\w.:/])/(?:home|Users|root|work|tmp|var|opt|usr|mnt|content)/[\w.-]+|[A-Z]:\\\\?Users\\")


def structure(notebook: NotebookNode, name: str, sources: Path = SOURCES) -> Iterator[str]:
    """The anatomy that all notebooks share, on a built (not executed) notebook."""
    prose = "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    first = notebook.cells[0].source if notebook.cells else ""
    if not first.startswith(f"# {name[:2]} "):
        yield f"expected the first cell to begin with `# {name[:2]} ` and a title, got {first[:40]!r}"
    if badge(name) not in prose:
        yield "no Colab badge to its own address; write {{badge}} under the title"
    code = "\n".join(c.source for c in notebook.cells if c.cell_type == "code")
    if (count := len(re.findall(r"^pipeline\(", code, flags=re.M)) + prose.lower().count("you are here")) != 1:
        yield f"expected the one picture, `pipeline([...])`, once; got it {count} times"
    yield from _head(prose)
    for what, pattern in HEADINGS.items():
        if not re.search(pattern, prose, flags=re.I | re.M):
            yield f"it lacks {what}"
    exercises, folded = len(re.findall(r"^#+ exercise \d", prose, flags=re.I | re.M)), prose.count("<details")
    if exercises != 3 or folded < 3:
        yield f"expected three headings `Exercise N` and a folded solution to each, got {exercises} and {folded}"
    yield from alt_texts(prose)
    yield from cells(notebook, sources)


def _head(prose: str) -> Iterator[str]:
    objectives = re.search(r"after this you can[^\n]*\n+((?:(?:[-*]|\d+\.|  ) .*\n?)+)", prose, flags=re.I)
    bullets = len(re.findall(r"^(?:[-*]|\d+\.) ", objectives.group(1), flags=re.M)) if objectives else 0
    if not 3 <= bullets <= 5:
        yield f"expected `After this you can` with 3 to 5 points below it, got {bullets}"
    if not re.search(r"prerequisite|\*\*before", prose, flags=re.I):
        yield "no prerequisites; write `**Before:** ...`"
    if OPEN not in prose:
        yield f"no table of run times; write {OPEN} on a line of its own"


def alt_texts(prose: str) -> Iterator[str]:
    for alt, target in re.findall(r"!\[([^\]]*)\]\(([^)]*)", prose):
        if not alt.strip():
            yield f"the picture {target[:40]} has no alt text"


def cells(notebook: NotebookNode, sources: Path = SOURCES) -> Iterator[str]:
    """Setup, parameters, lengths, and no branch on the profile's name."""
    at = tagged(notebook, "setup")
    if at is None or notebook.cells[at].source != setup_cell(sources).source:
        yield "the setup cell differs from notebooks/source/_setup.py"
    elif len(notebook.cells[at].source.splitlines()) > MAX_SETUP_LINES:
        yield f"the setup cell is longer than {MAX_SETUP_LINES} lines"
    try:
        given = tuple(parameters(notebook))
        if sorted(given) != sorted(PARAMETERS):
            yield f"expected the parameters {', '.join(PARAMETERS)} and nothing else, got {', '.join(given)}"
    except ValueError as error:
        yield str(error)
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        if (lines := len(cell.source.splitlines())) > MAX_LINES:
            yield f"cell {number} has {lines} lines; at most {MAX_LINES}"
        if branches_on_profile(cell.source):
            yield f"cell {number} branches on the profile's name; ask the profile for a size instead"


TESTS = {  # where a program decides: the fields of these nodes may not name the profile
    ast.If: ("test",),
    ast.IfExp: ("test",),
    ast.While: ("test",),
    ast.Assert: ("test",),
    ast.Match: ("subject",),
    ast.Compare: ("left", "comparators"),
    ast.Subscript: ("slice",),
    ast.comprehension: ("ifs",),
}


def branches_on_profile(code: str) -> bool:
    """Does a test, a comparison or a look-up depend on PROFILE or on profile.name?"""
    plain = "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in code.splitlines())
    for node in ast.walk(ast.parse(plain)):
        parts = TESTS.get(type(node), ())
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "pop"):
            dictionary = not (isinstance(node.func.value, ast.Attribute) and node.func.value.attr == "profiles")
            parts = ("args",) if dictionary and getattr(node.func.value, "id", "") != "profiles" else ()
        for part in parts:
            value = getattr(node, part)
            if any(_names_profile(n) for v in (value if isinstance(value, list) else [value]) for n in ast.walk(v)):
                return True
    return False


def _names_profile(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr == "name" and isinstance(node.value, ast.Name) and node.value.id == "profile"
    return isinstance(node, ast.Name) and node.id == "PROFILE"


def hygiene(notebook: NotebookNode, name: str) -> Iterator[str]:
    """An executed notebook as it may be committed: light, clean, the same on every machine, readable without eyes."""
    text = json.dumps(notebook, ensure_ascii=False)
    most = LARGER.get(name[:2], MAX_BYTES)
    if len(text.encode()) > most:
        yield f"it has {len(text.encode()):,} bytes; at most {most:,}"
    if notebook.metadata.get("widgets"):
        yield "it stores the state of widgets"
    for path in sorted({m.group(0) for m in PATHS.finditer(text)}):
        yield f"it holds an absolute path: {path}"
    counts = [c.execution_count for c in notebook.cells if c.cell_type == "code"]
    if counts != list(range(1, len(counts) + 1)):
        yield f"expected execution counts 1 to {len(counts)}, got {counts}"
    again = identify(NotebookNode(cells=[NotebookNode(c) for c in notebook.cells]), name)
    if [c.id for c in again.cells] != [c.get("id") for c in notebook.cells]:
        yield "its cell ids are not the deterministic ones"
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            yield from (f"cell {number}: {problem}" for problem in _output(output))


def _output(output: NotebookNode) -> Iterator[str]:
    if output.output_type == "error":
        yield f"it failed with {output.ename}: {output.evalue}"
    if output.output_type == "stream" and output.name == "stderr":
        yield f"it wrote to stderr: {output.text.strip()[:80]!r}"
    data = output.get("data", {})
    alt = output.get("metadata", {}).get("image/png", {}).get("alt") or output.get("metadata", {}).get("alt", "")
    if "image/png" in data and not alt.strip():
        yield "a figure has no alt text; use lib.show's `show(fig, alt=...)`"
    for image in re.findall(r"<img\b[^>]*>", "".join(data.get("text/html", ""))):
        if not re.search(r"""alt=(["'])\s*[^"'\s]""", image):
            yield "an image in HTML has no alt text"
    if any(kind.startswith("audio/") for kind in data) or "data:audio/wav" in "".join(data.get("text/html", "")):
        yield "sound in an output must be short Opus in HTML; use lib.show's `play`"


def total(folder: Path) -> Iterator[str]:
    """All notebooks together."""
    size = sum(p.stat().st_size for p in folder.glob("*.ipynb"))
    if size > MAX_TOTAL_BYTES:
        yield f"the notebooks have {size:,} bytes together; at most {MAX_TOTAL_BYTES:,}"


def prose(notebook: NotebookNode, entry: dict) -> Iterator[str]:
    """Numbers bound to metrics: `**0.41**<!--m:name-->` must be metric `name` rounded to the digits printed.

    `name.low`, `name.high`, `name.n` stand for the interval and the count, `claim.KEY` for a claim's effect; a number
    followed by % is a hundred times the value.
    """
    values = known(entry)
    for text in (c.source for c in notebook.cells if c.cell_type == "markdown"):
        hits = NUMBER.findall(text)
        if len(hits) != len(MARKED.findall(text)):
            yield f"a marker <!--m:...--> does not follow a bold number, in: {text.strip()[:60]!r}"
        for printed, percent, name in hits:
            if name not in values:
                yield f"{name} is bound to {printed} but was not measured; known: {', '.join(sorted(values)) or 'none'}"
            elif (now := rounded(values[name] * (100 if percent else 1), printed)) != _plain(printed):
                yield f"{name}: the prose says {printed}, the run measured {now}"


def refill(text: str, entry: dict) -> str:
    """A source's text with every bound number replaced by the measured one, in the form in which it was printed."""
    values = known(entry)

    def now(found: re.Match) -> str:
        printed, percent, name = found.groups()
        if name not in values:
            return found.group(0)
        number = rounded(values[name] * (100 if percent else 1), printed)
        if "," in printed:
            sign, decimals = "+" * number.startswith("+"), len(number.partition(".")[2])
            number = f"{float(number):{sign},.{decimals}f}"
        return found.group(0).replace(printed, number, 1)

    return NUMBER.sub(now, text)


def known(entry: dict) -> dict[str, float]:
    """Every number that prose may name, from one metrics.json."""
    values = {}
    measured = [(m["name"], m["value"], m.get("ci"), m.get("n")) for m in entry["metrics"]]
    measured += [(f"claim.{c['key']}", c["effect"], c["ci"], c["n"]) for c in entry["claims"]]
    for name, value, ci, n in measured:
        values[name] = value
        values |= {f"{name}.low": ci[0], f"{name}.high": ci[1]} if ci else {}
        values |= {f"{name}.n": n} if n is not None else {}
    return values


def _plain(printed: str) -> str:
    return printed.replace(",", "").replace("−", "-")


def rounded(value: float, printed: str) -> str:
    """The value in the form in which the prose prints it: as many decimals, a sign or leading zero as there."""
    plain = _plain(printed)
    decimals = len(plain.partition(".")[2])
    text = f"{value:+.{decimals}f}" if plain.startswith("+") else f"{value:.{decimals}f}"
    return re.sub(r"^([-+]?)0\.", r"\1.", text) if re.match(r"[-+]?\.", plain) else text


def density(notebook: NotebookNode) -> str:
    """A warning when there are fewer than 5 or more than 16 words of prose per line of code (8 to 12 is the aim)."""
    words = sum(len(c.source.split()) for c in notebook.cells if c.cell_type == "markdown")
    code = [c for c in notebook.cells if c.cell_type == "code" and "setup" not in c.metadata.get("tags", ())]
    lines = sum(bool(line.strip()) for c in code for line in c.source.splitlines())
    ratio = words / max(lines, 1)
    return "" if 5 <= ratio <= 16 else f"{ratio:.1f} words per line of code; the aim is 8 to 12"
