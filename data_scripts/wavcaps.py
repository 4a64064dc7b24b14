"""Fetch the captions of WavCaps (180 MB), unpack what archives are there, check it, and say what is missing.

python data_scripts/wavcaps.py [FOLDER] [--only texts|audio] [--check]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lib.data import release, wavcaps

if __name__ == "__main__":
    sys.exit(release.main(wavcaps.RELEASE))
