"""The workbook's machinery: build, run, collect, check. `make` calls it; `python -m lib.workbook -h` lists it.

source (percent .py) -- build --> notebook -- runner --> executed copy -- ledger --> metrics, claims, verdicts
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "notebooks" / "source"
NOTEBOOKS = ROOT / "notebooks"
METRICS = NOTEBOOKS / "metrics"
BUILD = ROOT / "build"
PROFILES = ("smoke", "laptop", "gpu")  # their sizes are in lib.profiles, which costs an import of torch
PARAMETERS = ("PROFILE", "DATA", "SEED")  # all that a notebook may be told from outside


def names(select: str = "", sources: Path = SOURCES) -> list[str]:
    """Names of the notebooks, "00_listen_first" and so on; `select` narrows them: "00,08" or whole names.

    Raises:
        ValueError: a selected notebook does not exist.
    """
    found = sorted(p.stem for p in sources.glob("[0-9][0-9]_*.py"))
    chosen = []
    for want in filter(None, (s.strip() for s in select.split(","))):
        hits = [n for n in found if n == want or n.startswith(f"{want}_")]
        if not hits:
            raise ValueError(f"expected notebooks among {', '.join(found) or '(none)'}; got {want!r}. Try NB=00,08.")
        chosen += hits
    return sorted(set(chosen)) if chosen else found
