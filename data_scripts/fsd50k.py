"""Fetch FSD50K (archives in parts, about 24 GB, as much again and more unpacked), check it, and say what is missing.

python data_scripts/fsd50k.py [FOLDER] [--only texts|audio] [--check]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lib.data import fsd50k, release

if __name__ == "__main__":
    sys.exit(release.main(fsd50k.RELEASE))
