"""Fetch the files of APwD (some 200,000 descriptions of mixtures), check them, and say which are not yet mixed.

python data_scripts/apwd.py [FOLDER] [--only texts|audio] [--check]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lib.data import apwd, release

if __name__ == "__main__":
    sys.exit(release.main(apwd.RELEASE))
