"""From a source in percent format to a notebook that is the same, byte for byte, on every machine."""

import ast
import hashlib
import re
import tomllib
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from lib.workbook import PARAMETERS, ROOT, SOURCES
from lib.workbook.runtimes import blank

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
BADGE = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab}/notebooks/{name}.ipynb)"
PROGRESS = re.compile(r"\d+%\||it/s|s/it|\d+it \[")  # what tqdm writes
WIDGET = (
    "application/vnd.jupyter.widget-view+json"  # without its state it shows as an error, so the fallback stays alone
)


def repository(root: Path = ROOT) -> str:
    """The repository's address, from its one place in pyproject.toml."""
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]["urls"]["Repository"]


def badge(name: str) -> str:
    colab = repository().replace("https://github.com/", "https://colab.research.google.com/github/") + "/blob/main"
    return BADGE.format(colab=colab, name=name)


def build(name: str, sources: Path = SOURCES) -> NotebookNode:
    """The unexecuted notebook of that name: setup cell and badge filled in, deterministic cell ids.

    `{{badge}}` in Markdown stands for the Colab badge; the setup cell (tag `setup`, or else just before the
    `parameters` cell) always holds `_setup.py`.
    """
    notebook = jupytext.read(sources / f"{name}.py", fmt="py:percent")
    hearsay = dict(notebook.metadata.get("hearsay", {}))
    notebook.metadata = NotebookNode(kernelspec=KERNELSPEC, language_info={"name": "python"}, hearsay=hearsay)
    insert_setup(notebook, sources)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = cell.source.replace("{{badge}}", badge(name))
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return clean(identify(notebook, name))


def setup_cell(sources: Path = SOURCES) -> NotebookNode:
    """The one setup cell, from its one source."""
    return next(c for c in jupytext.read(sources / "_setup.py", fmt="py:percent").cells if c.cell_type == "code")


def insert_setup(notebook: NotebookNode, sources: Path = SOURCES) -> None:
    if not (sources / "_setup.py").exists():
        return
    cell = setup_cell(sources)
    cell.metadata.setdefault("tags", ["setup"])
    at = tagged(notebook, "setup")
    if at is not None:
        notebook.cells[at] = cell
    else:
        notebook.cells.insert(tagged(notebook, "parameters") or 0, cell)


def tagged(notebook: NotebookNode, tag: str) -> int | None:
    """Position of the first cell with that tag."""
    return next((i for i, c in enumerate(notebook.cells) if tag in c.metadata.get("tags", ())), None)


def identify(notebook: NotebookNode, name: str) -> NotebookNode:
    """Give each cell an id made of the notebook's name and the cell's own content, so that diffs stay small."""
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        content = f"{name}:{cell.cell_type}:{blank(cell.source)}"
        seen[content] = seen.get(content, 0) + 1
        cell["id"] = hashlib.sha256(f"{content}:{seen[content]}".encode()).hexdigest()[:12]
    return notebook


def clean(notebook: NotebookNode) -> NotebookNode:
    """Strip what differs between machines or bloats: papermill's and widgets' metadata, empty tags, progress bars."""
    for key in ("papermill", "widgets"):
        notebook.metadata.pop(key, None)
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        for key in ("papermill", "execution", "lines_to_next_cell"):
            cell.metadata.pop(key, None)
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.get("outputs", []) if not _progress(o)]
            for output in cell.outputs:
                if "data" in output and len(output.data) > 1:
                    output.data.pop(WIDGET, None)
    return notebook


def _progress(output: NotebookNode) -> bool:
    """Is this output nothing but a progress bar, written or as a widget?"""
    if WIDGET in output.get("data", {}):
        return bool(PROGRESS.search("".join(output.data.get("text/plain", ""))))
    if output.output_type != "stream" or output.name != "stderr":
        return False
    return all(PROGRESS.search(line) for line in re.split(r"[\r\n]+", output.text) if line.strip())


def parameters(notebook: NotebookNode) -> dict:
    """Names and values that the cell tagged `parameters` sets.

    Raises:
        ValueError: there is no such cell, or it holds more than plain assignments of constants.
    """
    at = tagged(notebook, "parameters")
    if at is None:
        raise ValueError('expected one code cell tagged `parameters`, got none. Try: # %% tags=["parameters"]')
    found = {}
    for node in ast.parse(notebook.cells[at].source).body:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            raise ValueError(
                f"expected only {', '.join(PARAMETERS)} = constant in the parameters cell, got line {node.lineno}"
            )
        found[node.targets[0].id] = ast.literal_eval(node.value)
    return found


def write(notebook: NotebookNode, path: Path) -> None:
    """Write atomically, in one canonical form."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(nbformat.writes(notebook).rstrip("\n") + "\n", encoding="utf-8")
    part.replace(path)
