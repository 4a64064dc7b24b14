"""Clotho v2.1 (Drossos et al. 2020), in its authors' layout: 15 to 30 s of Freesound, five captions each.

    clotho_captions_SPLIT.csv    file_name, caption_1 ... caption_5
    clotho_metadata_SPLIT.csv    file_name, keywords, sound_id, ..., license; ISO-8859-1
    .../SPLIT/*.wav              wherever the archive was unpacked below the folder

with SPLIT development, validation, evaluation: "train", "validation", "test" here. And the hidden set by which the
challenge of 2022 ranked its systems: recordings, and queries whose truth was not published.

    retrieval_captions.csv, retrieval_audio_metadata.csv, .../test/*.wav
"""

import html
import unicodedata
from pathlib import Path

from lib.data.layout import Tally, rows_of, texts, walked
from lib.data.release import File, Found, Release, ReleaseError, places, zenodo

SPLITS = {"development": "train", "validation": "validation", "evaluation": "test"}
ORDER = tuple(SPLITS.values())
LICENCE = (
    "Tampere University's for the captions (research, not commercial); each recording has its own Creative Commons "
    "licence (metadata, column license)"
)
PAGE, HIDDEN_PAGE = "https://zenodo.org/records/4783391", "https://zenodo.org/records/6590983"
_MD5 = {  # recordings, captions, metadata
    "development": ("c8b05bc7acdb13895bb3c6a29608667e", "d4090b39ce9f2491908eebf4d5b09bae",
                    "170d20935ecfdf161ce1bb154118cda5"),
    "validation": ("7dba730be08bada48bd15dc4e668df59", "5879e023032b22a2c930aaa0528bead4",
                   "2e010427c56b1ce6008b0f03f41048ce"),
    "evaluation": ("4569624ccadf96223f19cb59fe4f849f", "1b16b9e57cf7bdb7f13a13802aeb57e2",
                   "13946f054d4e1bf48079813aac61bf77"),
}  # fmt: skip
_GIB = {"development": (4.0, 7.1), "validation": (1.1, 2.0), "evaluation": (1.2, 2.0)}  # archive and members, about


def files() -> tuple[File, ...]:
    """Three of each split."""
    made = []
    for split, (audio, captions, metadata) in _MD5.items():
        gib, unpacked = _GIB[split]
        made += [
            _file(f"clotho_captions_{split}.csv", captions),
            _file(f"clotho_metadata_{split}.csv", metadata),
            _file(f"clotho_audio_{split}.7z", audio, kind="audio", folder=f"audio_{split}", gib=gib,
                  unpacked_gib=unpacked),
        ]  # fmt: skip
    return tuple(made)


def _file(name: str, md5: str, page: str = PAGE, **further) -> File:
    return File(name, f"md5:{md5}", zenodo(page, name), **further)


def read(root: Path) -> Found:
    """The clips whose recordings are here; the clip id is the file's name, `recording` the Freesound id, as text.

    Five sounds stand in two splits: the clip of the later split is kept (test before validation before train), the
    other is left out and named, whether or not the recording of the later one is here.
    """
    tally, told, notes = Tally(), [], []
    for official, split in SPLITS.items():
        captions = rows_of(texts(root, f"clotho_captions_{official}.csv"), "file_name", "caption_1")
        known, sounds = metadata(root, f"clotho_metadata_{official}.csv"), _recordings(root, official)
        if captions and not known:
            notes.append(f"no clotho_metadata_{official}.csv, so no Freesound ids, keywords and licences of {split}")
        for row in captions:
            told.append(_row(row, split, known))
            tally.add(split, _of(row, sounds), told[-1])
    later = _later(told)
    tally.rows = [row for row in tally.rows if (row["split"], row["clip_id"]) not in later]
    notes += [f"{name} left out of {split}: the same sound is in {other}" for (split, name), other in later.items()]
    return tally.found("clotho", notes)


def read_hidden(root: Path) -> Found:
    """The recordings of the hidden set, split "hidden", without captions: nobody says which query is whose."""
    sounds, known, tally = _recordings(root, "test"), metadata(root, "retrieval_audio_metadata.csv"), Tally()
    for row in known.values():
        tally.add("hidden", _of(row, sounds), _row(row, "hidden", known))
    return tally.found("clotho_hidden")


def queries(argument: str = "") -> list[str]:
    """The queries of the hidden set, one per line of its file, in their order.

    Raises:
        ReleaseError: they are not here.
    """
    for root in places(HIDDEN, argument):
        if found := rows_of(texts(root, "retrieval_captions.csv"), "caption"):
            return [row["caption"].strip() for row in found]
    raise ReleaseError(f"{HIDDEN.title}: no retrieval_captions.csv. Try: python data_scripts/{HIDDEN.name}.py")


def metadata(root: Path, name: str) -> dict[str, dict]:
    """The rows of a metadata file by plain file name; its ids, as text, are empty where they say "Not found"."""
    rows = rows_of(texts(root, name), "file_name", encoding="iso-8859-1", skipinitialspace=True)
    for row in rows:
        row["sound_id"] = row["sound_id"].strip() if row.get("sound_id", "").strip().isdigit() else ""
    return {plain(row["file_name"]): row for row in rows}


def plain(name: str) -> str:
    """A file's name without what differs between the tables and the disk: entities, accents' form, ":" and spaces."""
    name = unicodedata.normalize("NFC", html.unescape(name)).replace(":", "_")
    stem, dot, suffix = name.rpartition(".")
    return " ".join(stem.split()).replace(" _", "_").replace("_ ", "_") + dot + suffix.lower().strip()


def _row(row: dict, split: str, known: dict[str, dict]) -> dict:
    told = known.get(plain(row["file_name"]), {})
    captions = [row[name] for name in row if name.startswith("caption_") and row[name].strip()]
    return {"clip_id": row["file_name"].strip(), "split": split, "captions": captions,
            "keywords": [word for word in told.get("keywords", "").split(";") if word],
            "title": row["file_name"].strip().rpartition(".")[0],
            "licence": told.get("license", "see Freesound"), "recording": told.get("sound_id", "")}  # fmt: skip


def _recordings(root: Path, below: str) -> dict[str, Path]:
    """The recordings in folders of this name, by name and by plain name."""
    here = [file for file in walked(root).values() if file.parent.name == below]
    return {plain(file.name): file for file in here} | {file.name: file for file in here}


def _of(row: dict, sounds: dict[str, Path]) -> Path | None:
    return sounds.get(row["file_name"]) or sounds.get(plain(row["file_name"]))


def _later(told: list[dict]) -> dict[tuple[str, str], str]:
    """Split and id of the clips whose sound, by its Freesound id or its name, is in a later split: which that is."""
    last = {}
    for row in told:
        for key in _keys(row):
            last[key] = max(last.get(key, 0), ORDER.index(row["split"]))
    latest = {(row["split"], row["clip_id"]): ORDER[max(last[key] for key in _keys(row))] for row in told}
    return {clip: split for clip, split in latest.items() if split != clip[0]}


def _keys(row: dict) -> list[str]:
    return [row["clip_id"], *([row["recording"]] if row["recording"] else [])]


RELEASE = Release(
    "clotho", "Clotho v2.1", LICENCE, PAGE, files(), {"train": 3839, "validation": 1045, "test": 1045}, read
)
HIDDEN = Release(
    "clotho_hidden", "Clotho's hidden retrieval set of 2022", LICENCE, HIDDEN_PAGE,
    (_file("retrieval_captions.csv", "f9e810118be00c64ea8cd7557816d4fe", HIDDEN_PAGE),
     _file("retrieval_audio_metadata.csv", "1301db07acbf1e4fabc467eb54e0d353", HIDDEN_PAGE),
     _file("retrieval_audio.7z", "24102395fd757c462421a483fba5c407", HIDDEN_PAGE, kind="audio", folder="audio_test",
           gib=1.2, unpacked_gib=2.0)),
    {"hidden": 1000}, read_hidden,
)  # fmt: skip
RELEASES = (RELEASE, HIDDEN)
