"""What the first cell of each notebook calls: is this our `lib`, is anything missing, what does the notebook run on?

Imports nothing from outside but the standard library: it must run where packages are still missing.
"""

import importlib
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from lib import version_of

KEPT = ("torch", "torchaudio", "numpy")  # a notebook service brings its own; replacing them breaks its other packages
SHOWN = ("torch", "numpy", "transformers")


def ready(root: Path) -> None:
    """Make sure that the notebook can run, and say on what it runs. Safe to call again.

    Raises:
        ImportError: another `lib` was imported, or packages are missing and cannot be installed.
    """
    check_origin(root)
    wanted = tomllib.loads((Path(root) / "pyproject.toml").read_text())["project"]["dependencies"]
    if lacking := missing(wanted):
        install(lacking)
    print(described())


def check_origin(root: Path) -> None:
    """Is the `lib` that Python found the one below `root`? The name is generic, so others may have one too."""
    import lib

    found = Path(lib.__file__).resolve()
    if not found.is_relative_to(Path(root).resolve()):
        raise ImportError(
            f"expected `lib` from {root}; got {found}. Restart the kernel (what ran before may have "
            "imported another `lib`), then run this cell first."
        )


def missing(requirements: list[str]) -> list[str]:
    """Those requirements ("name>=1.2") whose package is not installed at all; what is installed stays as it is."""
    return [r for r in requirements if not version_of(_name(r))]


def install(requirements: list[str]) -> None:
    """Install these with pip, and nothing that would replace torch, torchaudio or numpy.

    Raises:
        ImportError: one of those three is itself missing, or pip failed; the message says what to try.
    """
    own = [r for r in requirements if _name(r) in KEPT]
    if own:
        raise ImportError(f"{', '.join(own)} not found; install it for your machine first (see pytorch.org).")
    print(f"installing {', '.join(map(_name, requirements))}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder) / "kept.txt"
        pins.write_text("".join(f"{name}=={version_of(name)}\n" for name in KEPT if version_of(name)))
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", str(pins)]
        done = subprocess.run([*command, *requirements], capture_output=True, text=True)
    if done.returncode:
        raise ImportError(
            f"could not install {', '.join(requirements)}: {done.stderr.strip()[-500:]} Are you online? On your own "
            "machine, `make lab` in the workbook's folder installs everything."
        )
    importlib.invalidate_caches()


def described() -> str:
    """Versions and device, in one line."""
    import torch

    versions = ", ".join(f"{name} {version_of(name)}" for name in SHOWN)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    return f"Python {sys.version.split()[0]}, {versions}, device {device}"


def _name(requirement: str) -> str:
    return re.match(r"[\w.-]+", requirement)[0]
