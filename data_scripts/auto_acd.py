"""Fetch the captions of Auto-ACD (230 MB), take the recordings that you have, check it, and say what is missing.

python data_scripts/auto_acd.py [FOLDER] [--only texts|audio] [--check]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lib.data import auto_acd, release

if __name__ == "__main__":
    sys.exit(release.main(auto_acd.RELEASE))
