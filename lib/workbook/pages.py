"""`make pages`: the executed notebooks as a static site in build/pages, to be read without a kernel and a network.

notebook -- prepare --> nbconvert --> soup: anchors, links, sections --> a page; all sections --> search
"""

import html
import json
import re
import shutil
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup
from pygments.formatters import HtmlFormatter

from lib.show.claims import CLAIM, METRIC
from lib.workbook import BUILD, METRICS, NOTEBOOKS, equations, front, ledger, links, teaching
from lib.workbook.build import WIDGET
from lib.workbook.sections import Section, contents, places, split

PLOTLY = Path(str(resources.files("plotly"))) / "package_data" / "plotly.min.js"  # 4.8 MB, once for all pages
SEARCH = Path(str(resources.files("pdoc"))) / "templates" / "resources" / "elasticlunr.min.js"
OWN = ("pages.js", "pages.css")
PICTURE_OUTSIDE = re.compile(r"!\[([^\]]*)\]\(https?://[^)]*\)")
MENTION = re.compile(r"\b(?:[Nn]otebooks?|Helpful:)\s\d\d(?:(?:\s\([^()]*\))?(?:,|\sand|\sto|\sor)+\s\d\d\b(?!%))*")
UNLINKED = ("a", "code", "pre", "math", "summary", "h1", "h2", "h3", "h4", "script")
RUNNING = "while the notebook runs"  # so lib/show's widgets say what stands in their place
ASLEEP = f"Something to play with stands here {RUNNING}."
STILL = "Nothing runs on this page; open the notebook to try it."


@dataclass
class Page:
    """A page in the making."""

    title: str
    soup: BeautifulSoup
    sections: list[Section] = field(default_factory=list)


def with_alt(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with its figures as HTML, since nbconvert's template drops an image's alt text."""
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        alt = output.get("metadata", {}).get("image/png", {}).get("alt")
        if alt and "text/html" not in output.data:
            png = "".join(output.data["image/png"].split())
            output.data["text/html"] = f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{png}">'
    return notebook


def asleep(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with a sentence wherever a widget would need a kernel; its own, where it left one."""
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        data = output.get("data", {})
        own = RUNNING in data.get("text/plain", "")
        if WIDGET in data or (own and set(data) == {"text/plain"}):
            text = data["text/plain"] if own else ASLEEP
            rest = {kind: data[kind] for kind in data if kind not in (WIDGET, "text/plain")}
            told = f'<p class="asleep">{html.escape(text)} {STILL}</p>'
            output.data = nbformat.from_dict(rest or {"text/html": told})
    return notebook


def with_anchors(notebook: nbformat.NotebookNode, rows: dict[str, str]) -> dict[str, str]:
    """Mark where each claim is measured, in place: claim or part of a metric's name -> its anchor on the page.

    Args:
        rows: key -> the anchor of its row in the ledger, to which the claim links back.
    """
    found: dict[str, str] = {}
    for cell in notebook.cells:
        for data in (output.data for output in cell.get("outputs", []) if "data" in output):
            for part in data.get(METRIC, {}).get("name", "").split("."):
                found.setdefault(part, f"cell-id={cell.id}")
            if key := data.get(CLAIM, {}).get("key"):
                found[key] = f"claim-{key}"
                back = f" [in the ledger](index.html#{rows[key]})" if key in rows else ""
                data["text/markdown"] = f'<div id="{found[key]}"></div>\n\n{data["text/markdown"]}\n\n{back}'
    return found


def notebook_page(notebook: nbformat.NotebookNode, name: str, exporter: equations.Exporter) -> Page:
    """A notebook's page.

    Raises:
        EquationError: one of its equations cannot be drawn; the message names both.
    """
    for cell in (cell for cell in notebook.cells if cell.cell_type == "markdown"):
        cell.source = PICTURE_OUTSIDE.sub(r"\1", cell.source)  # the Colab badge becomes its words
    try:
        body, _ = exporter.from_notebook_node(asleep(with_alt(notebook)))
    except equations.EquationError as error:
        raise equations.EquationError(f"{name}: {error}") from error
    soup = BeautifulSoup(body, "html.parser")
    for setup in soup.select(".celltag_setup > .jp-Cell-inputWrapper"):  # the same in all, and folded in the notebook
        setup.wrap(soup.new_tag("details")).insert(0, BeautifulSoup("<summary>Set-up</summary>", "html.parser"))
    found = split(soup.select(".jp-MarkdownCell .jp-RenderedMarkdown"))
    return Page(found[0].heading if found else name, soup, found)


def teaching_page(path: Path, pages: dict[str, Page]) -> Page:
    """The page for teachers, from the repository's Markdown; the places that it sends to are links.

    Args:
        pages: of the notebooks, by their names.
    """
    known = {
        (name[:2], *place): f"{name}.html#{anchor}"
        for name, page in pages.items()
        for place, anchor in places(page.sections).items()
    }
    own = {name[:2]: f"{name}.html#no" for name in pages}  # a place that is not there: the check will say so
    soup = BeautifulSoup(f"<div>{equations.markdown(path.read_text(encoding='utf-8'))}</div>", "html.parser")
    for text in [each for each in soup.find_all(string=teaching.PLACE) if not each.find_parent(UNLINKED)]:
        pieces, done = [], 0
        for number, kind, at, _, (start, end) in teaching.places(text):
            if address := known.get((number, kind, at)) or (number in own and f"{own[number]}-{kind}-{at}"):
                told = f'<a href="{address}">{html.escape(text[start:end])}</a>'
                pieces, done = [*pieces, html.escape(text[done:start]), told], end
        if pieces:
            text.replace_with(*BeautifulSoup("".join([*pieces, html.escape(text[done:])]), "html.parser").contents)
    found = split([soup.div])
    return Page(found[0].heading if found else path.stem, soup, found)


def question(notebook: nbformat.NotebookNode) -> str:
    """What its first cell asks."""
    blocks = [" ".join(block.split()) for block in notebook.cells[0].source.split("\n\n")]
    asked = next((re.sub(r"\*\*.*?\*\*|\*", "", b).strip() for b in blocks[1:] if "?" in b), "")
    return asked[:1].upper() + asked[1:]


def relink(soup: BeautifulSoup, home: str, names: dict[str, str]) -> None:
    """In place: links of the repository lead to the site, and "notebook 08" in the prose to its page.

    Args:
        home: the folder of the text, from the repository's root.
        names: name of each page -> its title.
    """
    for tag, attribute in (("a", "href"), ("img", "src")):
        for element in soup.find_all(tag, attrs={attribute: True}):
            if not element[attribute].startswith("data:"):
                element[attribute] = links.target(element[attribute], home, set(names))
    numbers = {name[:2]: name for name in names if re.match(r"\d\d_", name)}

    def link(found: re.Match) -> str:
        name = numbers.get(found[0])
        return f'<a href="{name}.html" title="{html.escape(names[name])}">{found[0]}</a>' if name else found[0]

    for text in soup.find_all(string=MENTION):
        if not text.find_parent(UNLINKED):
            told = MENTION.sub(lambda mention: re.sub(r"\d\d", link, mention[0]), html.escape(text))
            text.replace_with(*BeautifulSoup(told, "html.parser").contents)


def export(source: Path = NOTEBOOKS, out: Path = BUILD / "pages", teachers: Path | None = None) -> list[Path]:
    """Write the front page, a page for each notebook in `source`, and the search; the pages' paths.

    Args:
        teachers: Markdown for them, which becomes a page of its own.

    Raises:
        ValueError: an equation cannot be drawn, or a link of the pages is broken; the message names each.
    """
    notebooks = {path.stem: nbformat.read(path, 4) for path in sorted(source.glob("[0-9][0-9]_*.ipynb"))}
    rows = ledger.rows(ledger.load(METRICS))
    own: dict[str, dict[str, str]] = {name: {} for name in notebooks}  # of each notebook, key -> its row's anchor
    for row, anchor in zip(rows, ledger.anchors(rows)):
        own.get(_measured_in(row), {})[row["key"]] = anchor
    measured = {name: with_anchors(notebook, own[name]) for name, notebook in notebooks.items()}
    questions, exporter = {name: question(notebook) for name, notebook in notebooks.items()}, equations.Exporter()
    pages = {name: notebook_page(notebook, name, exporter) for name, notebook in notebooks.items()}
    titles = {name: page.title for name, page in pages.items()}
    if teachers and teachers.exists():
        pages["teaching"] = teaching_page(teachers, pages)
    body = front.front(titles, questions, rows, lambda row: _where(row, measured), "teaching" in pages)
    pages["index"] = Page("Hearsay", BeautifulSoup(body, "html.parser"))
    texts = _framed(pages, titles)
    return _write({name: exporter.with_code(text) for name, text in texts.items()}, pages, rows, source, out)


def _measured_in(row: dict) -> str:
    return row["notebook"].split(",")[0]


def _where(row: dict, measured: dict[str, dict[str, str]]) -> str:
    """The last cell of a row of the ledger: where it was measured, as a link to that cell."""
    name, told = _measured_in(row), html.escape(row["notebook"])
    if name not in measured:
        return told
    anchor = measured[name].get(row["key"])
    return f'<a href="{name}.html{f"#{anchor}" if anchor else ""}">{told}</a>'


def _framed(pages: dict[str, Page], titles: dict[str, str]) -> dict[str, str]:
    """Each page in its frame, its links as they hold on the site."""
    names, texts = {name: page.title for name, page in pages.items()}, {}
    for name, page in pages.items():
        relink(page.soup, "" if name == "teaching" else "notebooks", names)
        beside = front.around(name, titles) if name in titles else ""
        title = page.title if name == "index" else f"{page.title} · Hearsay"
        texts[name] = front.frame(title, str(page.soup), contents(page.sections), beside)
    return texts


def _write(texts: dict[str, str], pages: dict[str, Page], rows: list[dict], source: Path, out: Path) -> list[Path]:
    """Write the pages and what they share; then look whether all links arrive."""
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.html"):  # of notebooks that are no more
        old.unlink()
    for name, text in texts.items():
        (out / f"{name}.html").write_text(text, encoding="utf-8")
    _write_shared(pages, rows, source, out)
    if faults := links.problems(out):
        raise ValueError("\n".join([f"{len(faults)} faults in the pages:", *faults]))
    return [out / f"{name}.html" for name in pages]


def _write_shared(pages: dict[str, Page], rows: list[dict], source: Path, out: Path) -> None:
    """Style, script, search, pictures; plotly only where a map needs it."""
    found = [
        {"page": f"{name}.html#{s.anchor}", "title": page.title, "heading": s.heading, "text": s.text}
        for name, page in pages.items()
        for s in page.sections
    ]
    for row, anchor in zip(rows, ledger.anchors(rows)):
        said = f"{row['claim']}: {ledger.kind(row)}. {row['paper']} ({row['source']}). {row['ours']}"
        found.append({"page": f"index.html#{anchor}", "title": "The ledger", "heading": row["key"], "text": said})
    data = json.dumps(found, ensure_ascii=False, indent=0)  # as a script: a page from the disk may not fetch a file
    (out / "sections.js").write_text(f"window.hearsaySections = {data};\n", encoding="utf-8")
    script, style = (Path(__file__).with_name(name).read_text(encoding="utf-8") for name in OWN)
    light, dark = (HtmlFormatter(style=s).get_style_defs(".highlight") for s in ("xcode", "github-dark"))
    style = f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n{style}"  # ours has the last word
    (out / "hearsay.js").write_text(script, encoding="utf-8")
    (out / "hearsay.css").write_text(style, encoding="utf-8")
    shutil.copyfile(SEARCH, out / SEARCH.name)
    for picture in [*source.glob("*.png"), *source.glob("*.svg")]:
        shutil.copyfile(picture, out / picture.name)
    if any(page.soup.select_one(".hearsay-map") for page in pages.values()):  # lib/show/sound_map.js looks for it here
        shutil.copyfile(PLOTLY, out / PLOTLY.name)


def main() -> int:
    made = export(teachers=teaching.PAGE)
    size = sum(path.stat().st_size for path in (BUILD / "pages").iterdir()) / 1e6
    print(f"{len(made)} pages in build/pages ({size:.0f} MB), all links arrive; open build/pages/index.html")
    return 0
