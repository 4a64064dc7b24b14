"""Auto-ACD (Sun et al. 2024), the part whose sounds are VGGSound's: ten seconds of YouTube, a caption by machine each.

    train.csv         YouTube id and start in seconds ("oPRC3zComfA_000117"), caption
    vggsound.csv      YouTube id, start, label, split; no header: what is of VGGSound, and not of AudioSet
    anywhere below    the recordings that you have, named ID_START.wav (VGGSound's own form, six digits)

Munakata et al. 2024 train on this part alone, since it does better on Clotho.
"""

import re
from pathlib import Path

import pandas as pd

from lib.data import leakage
from lib.data.layout import Tally, recordings, rows_of, texts
from lib.data.release import File, Found, Release, ReleaseError

PAGE = "https://huggingface.co/datasets/Loie/Auto-ACD"
_VGGSOUND = "https://huggingface.co/datasets/Loie/VGGSound"
_ID = re.compile(r"([\w-]{11})_(\d{1,6})", re.ASCII)
_ROWS = 200_000  # read at a time: the whole list has almost two million


def files() -> tuple[File, ...]:
    """The captions, the list of VGGSound, and the lists of evaluation clips that must not be among them."""
    commit, other = "889188e47998cee43bcdacf2b0da45cfc359378d", "2ca3012ef85a60143a8f97b83a45bb1a7b5c2244"
    oxford = "https://www.robots.ox.ac.uk/~vgg/data/vggsound/vggsound.csv"
    return (
        File("train.csv", urls=(f"{PAGE}/resolve/{commit}/train.csv",), gib=0.22),
        File("vggsound.csv", urls=(oxford, f"{_VGGSOUND}/resolve/{other}/vggsound.csv")),
        *leakage.files("youtube"),
    )


def read(root: Path) -> Found:
    """The clips of VGGSound whose recordings are here, none of AudioCaps' validation and test; all of split "train"."""
    listed = rows_of(texts(root, "vggsound.csv"), header=None, names=["id", "start", "label", "split"])
    labels = {f"{row['id']}_{int(row['start']):06}": row["label"] for row in listed}
    sounds, tally = recordings(root), Tally()
    for id, caption in _captions(root, labels):
        row = {"clip_id": id, "split": "train", "captions": [caption], "keywords": [labels[id]],
               "licence": "YouTube's; VGGSound CC BY 4.0", "recording": id[:11]}  # fmt: skip
        tally.add("train", sounds.get(id) or sounds.get(f"Y{id}"), row)
    return leakage.cleaned(tally.found("auto_acd"), root, "youtube")


def _captions(root: Path, wanted: dict[str, str]) -> list[tuple[str, str]]:
    """Id and caption of each clip that is wanted, in the file's order, each id once.

    Raises:
        ReleaseError: captions, and not one id among them that is wanted.
    """
    file, found, n = root / "train.csv", {}, 0
    if not file.is_file() or not wanted:
        return []
    for rows in pd.read_csv(file, dtype=str, keep_default_na=False, header=None, usecols=[0, 1], chunksize=_ROWS):
        n += len(rows)
        for id, caption in zip(rows[0], rows[1]):
            if (match := _ID.fullmatch(id.strip())) and (key := f"{match[1]}_{int(match[2]):06}") in wanted:
                found.setdefault(key, caption)
    if not found:
        raise ReleaseError(f"{file}: not one of {n:,} ids is in vggsound.csv (such as {next(iter(wanted))}).")
    return list(found.items())


RELEASE = Release(
    "auto_acd", "Auto-ACD, VGGSound's part", "the captions' is not stated; VGGSound's list CC BY 4.0; recordings as on "
    "YouTube", PAGE, files(), {}, read,
    f"The recordings are VGGSound's: from {_VGGSOUND} (video in 20 archives), or fetched yourself (yt-dlp); put their "
    "sound anywhere below the folder as ID_START.wav, such as oPRC3zComfA_000117.wav (or .flac, .ogg, .mp3).",
)  # fmt: skip
RELEASES = (RELEASE,)
