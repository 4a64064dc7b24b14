"""ESC-50 (Piczak 2015) as a release: 2,000 clips of five seconds in five folds. Its table: `lib.data.sources.esc50`."""

from pathlib import Path

from lib.data import sources, table
from lib.data.layout import rows_of, texts
from lib.data.release import File, Found, Release

PAGE = "https://github.com/karolpiczak/ESC-50"
COMMIT = "33c8ce9eb2cf0b1c2f8bcf322eb349b6be34dbb6"  # pinned; GitHub packs it anew at times, so no hash would last


def home(root: Path) -> Path:
    """The folder with `meta` and `audio`: this one, or the one that the archive was unpacked to below it."""
    csv = texts(root, "esc50.csv")
    return csv.parents[1] if csv else root


def read(root: Path) -> Found:
    """The clips whose recordings can be read to their end."""
    listed = rows_of(texts(root, "esc50.csv"), "filename", "fold")
    here = any(home(root).glob("audio/*"))
    clips = sources.esc50(str(root), None, 0) if here else table.build([], source="esc50")
    known = set(clips["clip_id"])
    names = {f"fold{fold}": [row["filename"] for row in listed if row["fold"] == fold] for fold in "12345"}
    missing = {fold: [name for name in own if Path(name).stem not in known] for fold, own in names.items()}
    return Found(clips, {fold: len(own) for fold, own in names.items() if own}, missing)


RELEASE = Release(
    "esc50", "ESC-50", "CC BY-NC 3.0 (the subset ESC-10: CC BY 3.0); each clip's author is in LICENSE", PAGE,
    (File("ESC-50.zip", urls=(f"{PAGE}/archive/{COMMIT}.zip",), kind="audio", folder="ESC-50", gib=0.6,
          unpacked_gib=0.9),),
    {f"fold{n}": 400 for n in range(1, 6)}, read,
)  # fmt: skip
RELEASES = (RELEASE,)
