"""`make lab`: working copies in an ignored folder, so that experiments never dirty the repository."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

from lib.workbook import NOTEBOOKS, ROOT

LEDGER = ".copies.json"  # what was copied, so that a reader's own changes are recognised


def copy(originals: Path = NOTEBOOKS, folder: Path = ROOT / "lab") -> list[str]:
    """Copy new and renewed notebooks; a copy that the reader changed stays, and the new one comes beside it.

    Returns:
        One sentence for each thing that the reader should know.
    """
    folder.mkdir(exist_ok=True)
    memory = folder / LEDGER
    given, said = json.loads(memory.read_text()) if memory.exists() else {}, []
    for path in sorted([*originals.glob("*.ipynb"), *originals.glob("*.png"), *originals.glob("*.svg")]):
        target, new = folder / path.name, _hash(path)
        if target.exists() and _hash(target) not in (given.get(path.name), new):
            if given.get(path.name) == new:
                continue  # only the reader's side has changed
            target = target.with_stem(f"{path.stem}.new")
            said.append(f"{path.name} has changed and so has your copy: yours is kept, the new one is {target.name}")
        if not target.exists() or _hash(target) != new:
            shutil.copyfile(path, target)
        given[path.name] = new
    memory.write_text(json.dumps(given, indent=1))
    return said


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> int:
    """Copy, then open JupyterLab there with this Python's kernel."""
    print("\n".join([*copy(), "your copies are in lab/; the originals in notebooks/ stay as they are"]), flush=True)
    quiet = "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"
    command = [sys.executable, "-m", "jupyterlab", "--ServerApp.root_dir=lab", quiet]
    try:
        return subprocess.call(command, cwd=ROOT)
    except KeyboardInterrupt:
        return 0
