"""WavCaps (Mei et al. 2024): 403,050 sounds of four collections, one caption each, written by a language model.

    .../as_final.json, bbc_final.json, fsd_final.json, sb_final.json    {"data": [{id, caption, duration, ...}]}
    .../AudioSet_SL.../*.flac, BBC_Sound_Effects.../, FreeSound.../, SoundBible.../    wherever they were unpacked

The archives (zip in many parts, some 800 GiB in all) come by hand; those that are here are unpacked. Recordings of up
to 18 hours: of a long one thirty seconds are a clip (`lib.data.crop`), and durations are the lists', not measured.
"""

import json
from pathlib import Path

from lib.data import crop, leakage
from lib.data.layout import Tally, texts, walked, within
from lib.data.release import File, Found, Release, ReleaseError

PAGE = "https://huggingface.co/datasets/cvssp/WavCaps"
PARTS = {  # folder -> list, clips
    "AudioSet_SL": ("as_final.json", 108_317),
    "BBC_Sound_Effects": ("bbc_final.json", 31_201),
    "FreeSound": ("fsd_final.json", 262_300),
    "SoundBible": ("sb_final.json", 1_232),
}
_COMMIT = "85a0c21e26fa7696a5a74ce54fada99a9b43c6de"


def files() -> tuple[File, ...]:
    """The four lists, the archives (by hand), and the lists of evaluation clips that must not be among them."""
    made = []
    for part, (name, _) in PARTS.items():
        path = f"json_files/{part}/{name}"
        made.append(File(path, urls=(f"{PAGE}/resolve/{_COMMIT}/{path}",), gib=0.15))
        made.append(File(f"Zip_files/{part}/{part}.zip", kind="audio", folder=f"audio/{part}"))
    return (*made, *leakage.files("freesound", "youtube"))


def read(root: Path) -> Found:
    """The clips whose recordings are here, all of the split "train", none that Clotho or AudioCaps judge by.

    Further columns: `part`, which collection; `recording`, the id at Freesound or YouTube; `whole_s`, the recording's
    length in seconds, of which the clip may be a piece.
    """
    files, tally = walked(root), Tally()
    for part, (name, _) in PARTS.items():
        sounds = within(files, part)
        for one in _told(texts(root, name)):
            id = str(one["id"]).removesuffix(".wav")
            file = sounds.get(id)
            tally.add(part, file, _row(one, id, part, file))
    return leakage.cleaned(tally.found("wavcaps"), root, "freesound", "youtube")


def _row(one: dict, id: str, part: str, file: Path | None) -> dict:
    clip_id, whole = f"{part}/{id}", float(one.get("duration") or 0)
    path, seconds = crop.cut(file or "", whole, clip_id)
    recording = {"AudioSet_SL": id.removeprefix("Y") if len(id) == 12 else id, "FreeSound": id}.get(part, "")
    return {"clip_id": clip_id, "split": "train", "captions": [one["caption"]], "part": part, "path": path,
            "keywords": list(one.get("tags") or []), "title": one.get("title") or one.get("file_name") or "",
            "description": one.get("description") or "", "duration_s": seconds, "whole_s": whole,
            "licence": "academic use", "recording": recording}  # fmt: skip


def _told(file: Path | None) -> list[dict]:
    try:
        return json.loads(file.read_text(encoding="utf-8"))["data"] if file else []
    except (ValueError, KeyError, TypeError) as error:
        raise ReleaseError(f"{file} is damaged ({str(error)[:80]}). Fetch it again.") from None


RELEASE = Release(
    "wavcaps", "WavCaps", "academic use only; each collection has its own licence (Freesound's per clip, BBC's, "
    "SoundBible's, YouTube's)", PAGE, files(), {part: clips for part, (_, clips) in PARTS.items()}, read,
    "The recordings are in archives of many parts: hf download cvssp/WavCaps --repo-type dataset --local-dir FOLDER "
    "fetches them and goes on after a break (--include 'Zip_files/SoundBible/*': one collection). Run this again, and "
    "those that are whole are unpacked.", by="part",
)  # fmt: skip
RELEASES = (RELEASE,)
