"""Real data that cannot be part of the repository: where it lies on this machine, if it does.

Looked for in `given()`, then in `downloads()`, where the scripts in `data_scripts/` put what they fetch. A notebook
whose section needs it says "not available here" where it is absent.
"""

import os
from pathlib import Path

import platformdirs

ROOT = Path(__file__).resolve().parents[2]


def given() -> Path:
    """Folder of data put there by hand: `HEARSAY_SHARED_DATA`, or `../shared/data` beside the repository."""
    return Path(os.environ.get("HEARSAY_SHARED_DATA") or ROOT.parent / "shared" / "data")


def downloads() -> Path:
    """Folder of fetched data: `HEARSAY_DATA`, or the user's data folder."""
    return Path(os.environ.get("HEARSAY_DATA") or platformdirs.user_data_dir("hearsay"))


def find(path: str) -> Path | None:
    """The file or folder of that relative path ("clotho/mini"), or None where it is absent."""
    places = [folder / path for folder in (given(), downloads())]
    return next((place for place in places if place.exists()), None)
