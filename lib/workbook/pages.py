"""`make pages`: the executed notebooks as static pages in build/pages, with the syllabus and the ledger."""

import html
import re
import shutil
from importlib import resources
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter

from lib.workbook import BUILD, METRICS, NOTEBOOKS, ledger

PLOTLY = Path(str(resources.files("plotly"))) / "package_data" / "plotly.min.js"  # 4.8 MB, once for all pages
# MathJax comes by network and stands in the head, so that by now it is there or will not come
OFFLINE = """<p class="equations" hidden>The equations of this page need the network; without it they stand as typed.
</p><script>document.querySelector(".equations").hidden = Boolean(window.MathJax);</script>"""


def index(notebooks: dict[str, nbformat.NotebookNode]) -> str:
    """The first page: each notebook's title and the question it answers."""
    items = ""
    for name, notebook in notebooks.items():
        blocks = [" ".join(block.split()) for block in notebook.cells[0].source.split("\n\n")]
        question = next((re.sub(r"\*\*.*?\*\*", "", b).strip() for b in blocks[1:] if "?" in b), "")
        items += f"<li><a href='{name}.html'>{html.escape(blocks[0].lstrip('# '))}</a> {html.escape(question)}</li>\n"
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Hearsay</title><style>{ledger.STYLE}</style><h1>Hearsay</h1><p>Say it, hear it: language-based audio retrieval,
step by step.</p><ul>{items}</ul><p><a href="ledger.html">The ledger</a>: every claim, and what was measured.</p></html>
"""


def with_word(page: str) -> str:
    """The page, with one line at its head that shows where equations could not be drawn: MathJax comes by network."""
    return re.sub(r"<body[^>]*>", lambda body: f"{body[0]}\n{OFFLINE}", page, count=1)


def with_alt(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with its figures as HTML, since nbconvert's template drops an image's alt text."""
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        alt = output.get("metadata", {}).get("image/png", {}).get("alt")
        if alt and "text/html" not in output.data:
            png = "".join(output.data["image/png"].split())
            output.data["text/html"] = f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{png}">'
    return notebook


def export(source: Path = NOTEBOOKS, out: Path = BUILD / "pages") -> list[Path]:
    """Write one page for each notebook in `source`, the index and the ledger; their paths."""
    out.mkdir(parents=True, exist_ok=True)
    exporter = HTMLExporter(template_name="lab", embed_images=False)
    notebooks = {p.stem: with_alt(nbformat.read(p, 4)) for p in sorted(source.glob("[0-9][0-9]_*.ipynb"))}
    pages = {name: with_word(exporter.from_notebook_node(notebook)[0]) for name, notebook in notebooks.items()}
    pages |= {"index": index(notebooks), "ledger": ledger.page(ledger.rows(ledger.load(METRICS)))}
    for name, text in pages.items():
        (out / f"{name}.html").write_text(text, encoding="utf-8")
    for picture in [*source.glob("*.png"), *source.glob("*.svg")]:
        shutil.copyfile(picture, out / picture.name)
    if any("hearsay-map" in text for text in pages.values()):  # lib/show/sound_map.js looks for it here
        shutil.copyfile(PLOTLY, out / PLOTLY.name)
    return [out / f"{name}.html" for name in pages]


def main() -> int:
    print(f"{len(export())} pages in build/pages; open build/pages/index.html")
    return 0
