"""AudioCaps (Kim et al. 2019): ten seconds of YouTube each, one caption (train) or five (validation, test).

    v1/train.csv, v1/val.csv, v1/test.csv    audiocap_id, youtube_id, start_time, caption; v2/... likewise
    anywhere below                           the recordings that you have

The authors' own folders, dataset and dataset2.0, will do for v1 and v2.

Nobody may hand out the recordings, and videos vanish: the clips that are here are what counts, and `main` lists them.
"""

from collections.abc import Callable
from pathlib import Path

from lib.data.layout import Tally, recordings, rows_of
from lib.data.release import File, Found, Release

SPLITS = {"train": "train", "val": "validation", "test": "test"}
COLUMNS = ("audiocap_id", "youtube_id", "start_time", "caption")
SECONDS = 10
PAGE = "https://github.com/cdjkim/audiocaps"
_COMMIT = "d004db3ea1b01cf4fd0347dd8d27db90cadc8809"
_MIRRORS = (
    f"https://raw.githubusercontent.com/cdjkim/audiocaps/{_COMMIT}",
    f"https://cdn.jsdelivr.net/gh/cdjkim/audiocaps@{_COMMIT}",
)
_FOLDERS = {"v1": "dataset", "v2": "dataset2.0"}
_SHA256 = {
    "v1/train.csv": "c0c5223db682b3bf724ce7e7ce58d5b36929f74572e8526a7211f92d2eef7c8e",
    "v1/val.csv": "dab1c96641d5f3053ddb99dca3949450da9a75737bda53e11cc0aa8b102be0c3",
    "v1/test.csv": "b91c4b7ded2f4f6e7db5b9c4983dc1e1dca3d556f505b61e3fd65cac7e1c638a",
    "v2/val.csv": "dfdd0f83c70fb818fbb86dcba42754abfb97f7774d811fff91a1c89d84d868c5",
    "v2/test.csv": "365c8a8a71c9070a8d5dba5dd44f3a781f906632a49cb82b38bebaaa8f3c5ccb",
}  # of the second train.csv none is known


def files(version: str) -> tuple[File, ...]:
    """The three tables of a version, at a commit of the authors' repository."""
    made = []
    for name in SPLITS:
        hash = {"hash": f"sha256:{_SHA256[here]}"} if (here := f"{version}/{name}.csv") in _SHA256 else {}
        made.append(File(here, urls=tuple(f"{at}/{_FOLDERS[version]}/{name}.csv" for at in _MIRRORS), **hash))
    return tuple(made)


def reader(version: str) -> Callable[[Path], Found]:
    """Reads the clips of a version whose recordings are here; `recording` is the YouTube id."""

    def read(root: Path) -> Found:
        sounds, tally = recordings(root), Tally()
        folder = version if (root / version).is_dir() else _FOLDERS[version]
        for name, split in SPLITS.items():
            clips = {}
            for row in rows_of(root / folder / f"{name}.csv", *COLUMNS):
                clips.setdefault((row["youtube_id"], row["start_time"]), []).append(row)
            for rows in clips.values():
                tally.add(split, _of(rows, sounds), _row(rows, split))
        return tally.found(f"audiocaps{'' if version == 'v1' else '_' + version}")

    return read


def _row(rows: list[dict], split: str) -> dict:
    first = rows[0]
    return {"clip_id": f"{first['youtube_id']}_{first['start_time']}", "split": split,
            "captions": [row["caption"] for row in rows], "licence": "YouTube's; captions for academic use",
            "recording": first["youtube_id"]}  # fmt: skip


def _of(rows: list[dict], sounds: dict[str, Path]) -> Path | None:
    """A clip's recording, under any of the names that the common download scripts give."""
    id_, start = rows[0]["youtube_id"], rows[0]["start_time"]
    seconds = int(float(start))
    span = f"{id_}_{1000 * seconds}_{1000 * (seconds + SECONDS)}"
    names = [f"{id_}_{start}", f"Y{id_}_{start}", f"{id_}_{seconds}", span, f"Y{id_}", id_]
    return next((sounds[name] for name in [*names, *(row["audiocap_id"] for row in rows)] if name in sounds), None)


def _release(version: str, name: str, title: str, clips: dict[str, int]) -> Release:
    return Release(
        name, title, "code and captions free for academic purposes (the authors'); recordings as on YouTube", PAGE,
        files(version), clips, reader(version),
        "The recordings are not handed out freely: ask for them with the form on that page, or fetch them yourself "
        "(yt-dlp), and put them anywhere below the folder as YOUTUBEID_START.wav (or .flac, .ogg, .mp3).",
    )  # fmt: skip


RELEASE = _release("v1", "audiocaps", "AudioCaps", {"train": 49838, "validation": 495, "test": 975})
SECOND = _release("v2", "audiocaps_v2", "AudioCaps 2.0", {"validation": 495, "test": 975})
RELEASES = (RELEASE, SECOND)
