"""FSD50K (Fonseca et al. 2022): sounds of Freesound up to 30 s, with what their uploaders wrote of them.

    FSD50K.ground_truth/dev.csv, eval.csv                  fname, labels, mids, (dev:) split
    FSD50K.metadata/dev_clips_info_FSD50K.json, eval_...   fname -> title, description, tags, license, uploader
    FSD50K.dev_audio/*.wav, FSD50K.eval_audio/*.wav        named by their Freesound id

each wherever its archive was unpacked below the folder. There are no captions: Weck et al. 2022, section 3.1, train on
the descriptions and the tags of the development clips (`lib.data.load_noisy`).
"""

import json
from pathlib import Path

from lib.data import leakage
from lib.data.layout import Tally, rows_of, texts, walked, within
from lib.data.release import File, Found, Release, ReleaseError, zenodo

PAGE = "https://zenodo.org/records/4060432"
SPLITS = {("dev", "train"): "train", ("dev", "val"): "validation", ("eval", ""): "test"}
_MD5 = {
    "FSD50K.dev_audio.z01": "faa7cf4cc076fc34a44a479a5ed862a3",
    "FSD50K.dev_audio.z02": "8f9b66153e68571164fb1315d00bc7bc",
    "FSD50K.dev_audio.z03": "1196ef47d267a993d30fa98af54b7159",
    "FSD50K.dev_audio.z04": "d088ac4e11ba53daf9f7574c11cccac9",
    "FSD50K.dev_audio.z05": "81356521aa159accd3c35de22da28c7f",
    "FSD50K.dev_audio.zip": "c480d119b8f7a7e32fdb58f3ea4d6c5a",
    "FSD50K.eval_audio.z01": "3090670eaeecc013ca1ff84fe4442aeb",
    "FSD50K.eval_audio.zip": "6fa47636c3a3ad5c7dfeba99f2637982",
    "FSD50K.ground_truth.zip": "ca27382c195e37d2269c4c866dd73485",
    "FSD50K.metadata.zip": "b9ea0c829a411c1d42adb9da539ed237",
    "FSD50K.doc.zip": "3516162b82dc2945d3e7feba0904e800",
}


def files() -> tuple[File, ...]:
    """Three small archives, two in parts, and the lists of evaluation clips that must not be among them."""
    small = [_file(f"FSD50K.{name}.zip", folder=f"FSD50K.{name}") for name in ("ground_truth", "metadata", "doc")]
    large = [_audio("dev", 5, gib=3.0, unpacked_gib=24.0), _audio("eval", 1, gib=3.0, unpacked_gib=9.0)]
    return (*small, *large, *leakage.files("freesound"))


def _file(name: str, **further) -> File:
    return File(name, f"md5:{_MD5[name]}", zenodo(PAGE, name), **further)


def _audio(part: str, before: int, **sizes: float) -> File:
    pieces = tuple(_file(f"FSD50K.{part}_audio.z{n:02}", gib=sizes["gib"]) for n in range(1, before + 1))
    return _file(f"FSD50K.{part}_audio.zip", kind="audio", folder=f"FSD50K.{part}_audio", parts=pieces, **sizes)


def read(root: Path) -> Found:
    """The clips whose recordings are here, none of Clotho's validation and evaluation; the clip id is the Freesound id.

    A further column `labels` has the classes that people checked.
    """
    files, tally, notes = walked(root), Tally(), []
    for part in ("dev", "eval"):
        told, sounds = _told(root, part), within(files, f"FSD50K.{part}_audio")
        for row in rows_of(texts(root, f"{part}.csv"), "fname", "labels"):
            tally.add(SPLITS[part, row.get("split", "")], sounds.get(row["fname"]), _row(row, part, told))
        if tally.listed and not told:
            notes.append(f"no {part}_clips_info_FSD50K.json, so no titles, descriptions and tags of its clips")
    return leakage.cleaned(tally.found("fsd50k", notes), root, "freesound")


def _told(root: Path, part: str) -> dict[str, dict]:
    """What the uploaders wrote, by Freesound id."""
    file = texts(root, f"{part}_clips_info_FSD50K.json")
    try:
        return json.loads(file.read_text(encoding="utf-8")) if file else {}
    except ValueError as error:
        raise ReleaseError(f"{file} is damaged ({error}). Fetch it again.") from None


def _row(row: dict, part: str, told: dict[str, dict]) -> dict:
    own = told.get(row["fname"], {})
    return {"clip_id": row["fname"], "split": SPLITS[part, row.get("split", "")], "keywords": list(own.get("tags", [])),
            "title": own.get("title", ""), "description": own.get("description", ""),
            "licence": own.get("license", "see Freesound"), "recording": row["fname"],
            "labels": row["labels"].replace("_", " ").split(",")}  # fmt: skip


RELEASE = Release(
    "fsd50k", "FSD50K", "CC BY 4.0 as a whole; each recording CC0, CC BY, CC BY-NC or CC Sampling+, of its uploader",
    PAGE, files(), {"train": 36796, "validation": 4170, "test": 10231}, read,
)  # fmt: skip
RELEASES = (RELEASE,)
