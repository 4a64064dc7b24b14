"""Fetch ESC-50 (0.6 GB), check it, and say what is missing.

python data_scripts/esc50.py [FOLDER] [--only texts|audio] [--check]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lib.data import esc50, release

if __name__ == "__main__":
    sys.exit(release.main(esc50.RELEASE))
