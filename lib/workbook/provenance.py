"""Where an output comes from (source, `lib`, profile, seed, versions), and whether that still holds."""

import hashlib
import platform
from pathlib import Path

from nbformat import NotebookNode

from lib import version_of
from lib.workbook import ROOT
from lib.workbook.runtimes import blank

PACKAGES = ("torch", "torchaudio", "transformers", "numpy", "scipy", "pandas", "scikit-learn", "soundfile")


def code_hash(notebook: NotebookNode) -> str:
    """Of the code cells alone: a change of prose does not make an output stale."""
    code = "\n# %%\n".join(
        c.source
        for c in notebook.cells
        if c.cell_type == "code" and "injected-parameters" not in c.metadata.get("tags", ())
    )
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def lib_hash(root: Path = ROOT) -> str:
    """Of everything in `lib` that can move a result: its code and data, without the workbook's machinery."""
    digest = hashlib.sha256()
    for path in sorted((root / "lib").rglob("*")):
        relative = path.relative_to(root).as_posix()
        if path.is_file() and "__pycache__" not in relative and not relative.startswith("lib/workbook/"):
            digest.update(relative.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def stamp(notebook: NotebookNode, run, wanted: dict) -> dict:
    """What is written into an executed notebook's metadata (`hearsay`)."""
    return {
        "source": code_hash(notebook),
        "lib": lib_hash(),
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
