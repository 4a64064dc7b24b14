"""Fetch what notebook 02 rescores: the 2022 baseline's official predictions, and the captions they answer (2 MB).

    python data_scripts/fetch_dcase2022_predictions.py [FOLDER]

From github.com/xieh97/dcase2022-audio-retrieval at the commit below: `test.output.csv` (MIT licence) and `test.gt.csv`,
which is Clotho v2.1's own file of evaluation captions (Tampere University's licence, non-commercial research). They go
where `lib.data.shared.find` looks, unless a FOLDER is given.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lib.data import shared
from lib.fetch import FetchError, fetch

COMMIT = "f6fad505857cfe8a6c25e15e799645b5375296e6"
SOURCE = f"https://raw.githubusercontent.com/xieh97/dcase2022-audio-retrieval/{COMMIT}"
FILES = {  # name there -> place here, hash
    "test.output.csv": (
        "clotho/dcase2022_baseline/test.output.csv",
        "sha256:ad12649ef313f51d9412c32128c1b90b5d19ff9c2c690e11ea1f29348e3023c8",
    ),
    "test.gt.csv": (
        "clotho/clotho_captions_evaluation.csv",
        "sha256:0e116233909a57449572b2d67d4c7a2f7df5b7a88c918f3697e61f684e664e84",
    ),
}
MIRRORS = {"test.gt.csv": ["https://zenodo.org/records/4783391/files/clotho_captions_evaluation.csv?download=1"]}
LICENCES = {
    "test.output.csv": "MIT (Huang Xie and others)",
    "test.gt.csv": "Tampere University's licence for Clotho: research, not commercial; see zenodo.org/records/4783391",
}


def main(folder: Path, source: str = SOURCE) -> list[Path]:
    """Fetch both files into `folder`, laid out as `lib.data.shared` expects; what is there already is kept.

    Raises:
        FetchError: a file is missing and no address gives it; the others are fetched all the same.
    """
    paths, missing = [], []
    for name, (place, digest) in FILES.items():
        path = folder / place
        print(f"{path.name}: licence {LICENCES[name]}")
        urls = [f"{source}/{name}", *(MIRRORS.get(name, []) if source == SOURCE else [])]
        try:
            paths.append(fetch(urls, path.parent, hash=digest, name=path.name))
            print(f"{path.name}: there, {path.stat().st_size:,} bytes")
        except FetchError as error:
            missing.append(str(error))
    if missing:
        raise FetchError("\n".join(missing))
    return paths


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=shared.downloads(), help="%(default)s if not given")
    try:
        main(parser.parse_args().folder)
    except FetchError as error:
        sys.exit(str(error))
