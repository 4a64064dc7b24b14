"""Clotho v2.1 (Drossos et al. 2020), in its authors' layout: 15 to 30 s of Freesound, five captions each.

    clotho_captions_SPLIT.csv    file_name, caption_1 ... caption_5
    clotho_metadata_SPLIT.csv    file_name, keywords, sound_id, ..., license; ISO-8859-1
    .../SPLIT/*.wav              wherever the archive was unpacked below the folder

with SPLIT development, validation, evaluation: "train", "validation", "test" here.
"""

import html
import unicodedata
from pathlib import Path

import pandas as pd
import soundfile

from lib.data import table
from lib.data.release import File, Found, Release, ReleaseError

SPLITS = {"development": "train", "validation": "validation", "evaluation": "test"}
PAGE = "https://zenodo.org/records/4783391"
_MD5 = {  # recordings, captions, metadata
    "development": ("c8b05bc7acdb13895bb3c6a29608667e", "d4090b39ce9f2491908eebf4d5b09bae",
                    "170d20935ecfdf161ce1bb154118cda5"),
    "validation": ("7dba730be08bada48bd15dc4e668df59", "5879e023032b22a2c930aaa0528bead4",
                   "2e010427c56b1ce6008b0f03f41048ce"),
    "evaluation": ("4569624ccadf96223f19cb59fe4f849f", "1b16b9e57cf7bdb7f13a13802aeb57e2",
                   "13946f054d4e1bf48079813aac61bf77"),
}  # fmt: skip
_GIB = {"development": 4.0, "validation": 1.1, "evaluation": 1.2}  # of the archives; the members are as large again


def files() -> tuple[File, ...]:
    """Three of each split."""
    made = []
    for split, (audio, captions, metadata) in _MD5.items():
        for kind, name, md5 in (("texts", f"clotho_captions_{split}.csv", captions),
                                ("texts", f"clotho_metadata_{split}.csv", metadata),
                                ("audio", f"clotho_audio_{split}.7z", audio)):  # fmt: skip
            of_audio = {"folder": f"audio_{split}", "gib": _GIB[split]} if kind == "audio" else {}
            made.append(File(name, f"md5:{md5}", (f"{PAGE}/files/{name}?download=1",), kind, **of_audio))
    return tuple(made)


def read(root: Path) -> Found:
    """The clips whose recordings are here; the clip id is the file's name, `recording` the Freesound id, as text.

    Five sounds stand in two splits: the clip of the later split is kept (test before validation before train), the
    other is left out and named.

    Raises:
        ReleaseError: no file of captions.
    """
    rows, listed, missing, notes = [], {}, {}, []
    for official, split in SPLITS.items():
        captions = root / f"clotho_captions_{official}.csv"
        if not captions.is_file():
            continue
        told = pd.read_csv(captions, dtype=str, keep_default_na=False, encoding="utf-8-sig")
        known, sounds = _metadata(root / f"clotho_metadata_{official}.csv"), _recordings(root, official)
        listed[split], missing[split] = len(told), []
        for row in told.to_dict("records"):
            file = sounds.get(row["file_name"]) or sounds.get(plain(row["file_name"]))
            if file is None:
                missing[split].append(row["file_name"])
                continue
            rows.append(_row(row, split, file, known.get(plain(row["file_name"]), {})))
    if not listed:
        raise ReleaseError(f"{root}: none of clotho_captions_{{{','.join(SPLITS)}}}.csv.")
    rows, notes = _once(rows)
    return Found(table.build(rows, source="clotho"), listed, missing, notes)


def plain(name: str) -> str:
    """A file's name without what differs between the tables and the disk: entities, accents' form, ":" and spaces."""
    name = unicodedata.normalize("NFC", html.unescape(name)).replace(":", "_")
    stem, dot, suffix = name.rpartition(".")
    return " ".join(stem.split()).replace(" _", "_").replace("_ ", "_") + dot + suffix.lower().strip()


def _row(row: dict, split: str, file: Path, known: dict) -> dict:
    captions = [row[name] for name in row if name.startswith("caption_") and row[name].strip()]
    return {"clip_id": row["file_name"].strip(), "split": split, "path": str(file), "captions": captions,
            "keywords": [word for word in known.get("keywords", "").split(";") if word], "title": file.stem,
            "duration_s": soundfile.info(file).duration, "licence": known.get("license", "see Freesound"),
            "recording": known.get("sound_id", "")}  # fmt: skip


def _metadata(csv: Path) -> dict[str, dict]:
    if not csv.is_file():
        return {}
    frame = pd.read_csv(csv, dtype=str, keep_default_na=False, encoding="iso-8859-1")
    return {plain(row["file_name"]): row for row in frame.to_dict("records")}


def _recordings(root: Path, official: str) -> dict[str, Path]:
    """The recordings in folders of the split's name, by name and by plain name."""
    here = sorted(file for file in root.rglob("*.wav") if file.parent.name == official)
    return {plain(file.name): file for file in here} | {file.name: file for file in here}


def _once(rows: list[dict]) -> tuple[list[dict], list[str]]:
    """No sound in two splits, by its Freesound id or its name: the later split keeps it."""
    order, last = list(SPLITS.values()), {}
    for row in rows:
        for key in _keys(row):
            last[key] = max(last.get(key, 0), order.index(row["split"]))
    kept, notes = [], []
    for row in rows:
        later = order[max(last[key] for key in _keys(row))]
        if later == row["split"]:
            kept.append(row)
        else:
            which = f"Freesound {row['recording'] or '?'}"
            notes.append(f"{row['clip_id']} ({which}) left out of {row['split']}: the same sound is in {later}")
    return kept, notes


def _keys(row: dict) -> list[str]:
    return [row["clip_id"], *([row["recording"]] if row["recording"].isdigit() else [])]  # others say "Not found"


RELEASE = Release(
    "clotho", "Clotho v2.1", "Tampere University's for the captions (research, not commercial); each recording has its "
    "own Creative Commons licence (metadata, column license)", PAGE, files(),
    {"train": 3839, "validation": 1045, "test": 1045}, read,
)  # fmt: skip
