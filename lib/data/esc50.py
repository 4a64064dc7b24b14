"""ESC-50 (Piczak 2015), or a part of it: 2,000 clips of five seconds in five folds."""

import warnings
from pathlib import Path

import pandas as pd

from lib.data import folder, table
from lib.data.layout import rows_of, texts
from lib.data.release import File, Found, Release, ReleaseError

PAGE = "https://github.com/karolpiczak/ESC-50"
COMMIT = "33c8ce9eb2cf0b1c2f8bcf322eb349b6be34dbb6"  # pinned; GitHub packs it anew at times, so no hash would last


def home(root: Path) -> Path:
    """The folder with `meta` and `audio`: this one, or the one that the archive was unpacked to below it."""
    csv = texts(root, "esc50.csv")
    return csv.parents[1] if csv else root


def clips_of(root: Path) -> pd.DataFrame:
    """ESC-50 or a part of it (Piczak 2015): `meta/esc50.csv` and `audio/`, .wav as released or .ogg.

    The split is the fold ("fold1" ... "fold5": clips of one source recording share a fold), the caption the category in
    words, the title what the uploader wrote if `meta/freesound_titles.csv` is there, `recording` the Freesound id.

    Raises:
        ReleaseError: it is not there.
    """
    root = home(root)
    meta = root / "meta" / "esc50.csv"
    if not meta.is_file():
        raise ReleaseError(f"expected ESC-50 with meta/esc50.csv in {root}; there is none. Try another esc50:PATH.")
    frame = pd.read_csv(meta, dtype=str)
    titles = _titles(root / "meta" / "freesound_titles.csv")
    found = {name: _either(root / "audio" / name) for name in frame["filename"]}
    durations = folder.readable(list(found.values()))
    rows = []
    for row in frame.to_dict("records"):
        file, words = found[row["filename"]], row["category"].replace("_", " ")
        if file in durations:
            rows.append({"clip_id": file.stem, "split": f"fold{row['fold']}", "path": str(file), "captions": [words],
                         "keywords": [words], "licence": "CC BY-NC", "duration_s": durations[file],
                         "recording": row["src_file"], **titles.get(file.stem, {})})  # fmt: skip
    return table.build(rows, source="esc50")


def read(root: Path) -> Found:
    """The clips whose recordings can be read to their end."""
    listed = rows_of(texts(root, "esc50.csv"), "filename", "fold")
    here = any(home(root).glob("audio/*"))
    clips = clips_of(root) if here else table.build([], source="esc50")
    known = set(clips["clip_id"])
    names = {f"fold{fold}": [row["filename"] for row in listed if row["fold"] == fold] for fold in "12345"}
    missing = {fold: [name for name in own if Path(name).stem not in known] for fold, own in names.items()}
    return Found(clips, {fold: len(own) for fold, own in names.items() if own}, missing)


def _either(file: Path) -> Path:
    """The file, or its copy in the other format: the released ESC-50 is .wav, lighter copies are .ogg."""
    copies = (file.with_suffix(suffix) for suffix in (file.suffix, ".wav", ".ogg"))
    return next((copy for copy in copies if copy.is_file()), file)


def _titles(csv: Path) -> dict[str, dict[str, str]]:
    if not csv.is_file():
        return {}
    frame = pd.read_csv(csv, dtype=str, keep_default_na=False)
    if not {"filename", "title", "licence"} <= set(frame.columns):
        got = ", ".join(frame.columns)
        warnings.warn(f"{csv.name}: expected filename, title, licence; got {got}: no titles.", stacklevel=4)
        return {}
    return {Path(row.filename).stem: {"title": row.title, "licence": row.licence} for row in frame.itertuples()}


RELEASE = Release(
    "esc50", "ESC-50", "CC BY-NC 3.0 (the subset ESC-10: CC BY 3.0); each clip's author is in LICENSE", PAGE,
    (File("ESC-50.zip", urls=(f"{PAGE}/archive/{COMMIT}.zip",), kind="audio", folder="ESC-50", gib=0.6,
          unpacked_gib=0.9),),
    {f"fold{n}": 400 for n in range(1, 6)}, read,
)  # fmt: skip
RELEASES = (RELEASE,)
