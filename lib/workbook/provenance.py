"""Where an output comes from (source, `lib`, profile, seed, versions), and whether that still holds."""

import ast
import functools
import hashlib
import platform
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode

from lib import version_of
from lib.fingerprint import imported
from lib.workbook import ROOT
from lib.workbook.runtimes import blank

ENCODERS = ("encoders", "__init__.py")  # names them all
PACKAGES = ("torch", "torchaudio", "transformers", "numpy", "scipy", "pandas", "scikit-learn", "soundfile")


def code_hash(notebook: NotebookNode) -> str:
    """Of the code cells alone: a change of prose does not make an output stale."""
    code = "\n# %%\n".join(
        c.source
        for c in notebook.cells
        if c.cell_type == "code" and "injected-parameters" not in c.metadata.get("tags", ())
    )
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def lib_hash(notebook: NotebookNode, root: Path = ROOT) -> str:
    """Of all in `lib` that can move this notebook's results: the modules that its code imports, those that they
    import, and `lib`'s data; without the workbook's machinery. A run log that the code names counts as well."""
    digest = hashlib.sha256()
    files = {path for path in (root / "lib").rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    for path in sorted(files | _imports(notebook, root) | _logs(notebook, root)):
        relative = path.relative_to(root).as_posix()
        if not relative.startswith("lib/workbook/"):
            digest.update(relative.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _imports(notebook: NotebookNode, root: Path) -> set[Path]:
    """Modules of `lib` that run when the notebook's code does, with the `__init__` of each package on the way."""
    pending, seen = {name for tree in _trees(notebook) for name in _needed(tree)}, set()
    while pending:
        parts = pending.pop().split(".")
        for end in range(1, len(parts) + 1) if parts[0] == "lib" else ():
            place = root.joinpath(*parts[:end])
            for file in {place / "__init__.py", place.with_suffix(".py")} - seen:
                if file.is_file() and root / "lib" / "workbook" not in file.parents:
                    seen.add(file)
                    pending |= _imported_by(file, file.stat().st_mtime_ns)
    return seen


@functools.lru_cache(maxsize=256)
def _imported_by(file: Path, mtime_ns: int) -> frozenset[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(imported(tree) if file.parts[-2:] == ENCODERS else _needed(tree))


def _needed(tree: ast.AST) -> set[str]:
    """What code imports, and the encoders whose names stand in it as text: those are imported by name."""
    from lib.encoders import AUDIO, TEXT  # here: it waits for torch

    known = AUDIO | TEXT
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {*imported(tree), *(f"lib.encoders.{known[text]}" for text in texts & known.keys())}


def _logs(notebook: NotebookNode, root: Path) -> set[Path]:
    """Committed run logs (`lib.run_log`) that the code names: they stand for runs that it does not make."""
    texts = {n.value for tree in _trees(notebook) for n in ast.walk(tree) if isinstance(n, ast.Constant)}
    return {path for path in (root / "notebooks" / "logs").glob("*.npz") if path.stem in texts}


def _trees(notebook: NotebookNode) -> Iterator[ast.AST]:
    """Code cells as Python reads them; without magics, and without cells that cannot run anyway."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            lines = cell.source.splitlines()
            try:
                yield ast.parse("\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines))
            except SyntaxError:
                continue


def stamp(notebook: NotebookNode, run, wanted: dict) -> dict:
    """What is written into an executed notebook's metadata (`hearsay`)."""
    return {
        "source": code_hash(notebook),
        "lib": lib_hash(notebook),
        "profile": run.profile,
        "data": wanted.get("DATA", "soundscapes"),
        "seed": wanted.get("SEED", 0),
        "seconds": round(run.seconds, 1),
        "peak_mib": round(run.peak_mib),
        "versions": {"python": platform.python_version(), **{p: version_of(p) or "absent" for p in PACKAGES}},
    }


def stale(committed: NotebookNode, built: NotebookNode) -> list[str]:
    """Reasons why committed outputs do not belong to the source as it is now; empty when they do."""
    stamped = committed.metadata.get("hearsay", {})
    if "source" not in stamped:
        return ["it carries no provenance; run `make notebooks`"]
    reasons = []
    if stamped["source"] != code_hash(built):
        reasons.append("its source's code has changed since it was executed; run `make notebooks`")
    elif code_hash(committed) != code_hash(built):
        reasons.append("its cells were edited in the notebook; edit the source, then run `make notebooks`")
    if _prose(committed) != _prose(built):
        reasons.append("its prose differs from the source; run `make notebooks` (nothing is executed for prose alone)")
    return reasons


def _prose(notebook: NotebookNode) -> list[str]:
    """Markdown cells, without the table of run times (which the machine fills in)."""
    return [blank(c.source) for c in notebook.cells if c.cell_type != "code"]
