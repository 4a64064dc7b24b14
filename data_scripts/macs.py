"""Fetch MACS and the archives of TAU Urban Acoustic Scenes 2019 that it is from (about 30 GB), check it, and say what
is missing.

    python data_scripts/macs.py [FOLDER] [--only texts|audio] [--check]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lib.data import macs, release

if __name__ == "__main__":
    sys.exit(release.main(macs.RELEASE))
