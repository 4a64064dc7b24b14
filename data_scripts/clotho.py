"""Fetch Clotho v2.1 (about 13 GB unpacked), check it, and say what is missing.

python data_scripts/clotho.py [FOLDER] [--only texts|audio] [--check]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lib.data import clotho, release

if __name__ == "__main__":
    sys.exit(release.main(clotho.RELEASE))
