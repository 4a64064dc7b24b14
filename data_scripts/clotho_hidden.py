"""Fetch the hidden set of the challenge of 2022 (Clotho's, about 3 GB unpacked), check it, and say what is missing.

Recordings and queries; which belongs to which was not published.

    python data_scripts/clotho_hidden.py [FOLDER] [--only texts|audio] [--check]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lib.data import clotho, release

if __name__ == "__main__":
    sys.exit(release.main(clotho.HIDDEN))
