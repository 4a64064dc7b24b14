"""APwD (Takeuchi et al. 2022): pairs of ten-second mixtures that differ in one respect, as their authors released them.

    .../datasets/apwd_{rain,traffic}_sc/{dev,eval}/jams/NAME_{s1,s2}.jams    what is mixed, when and how loud
    .../datasets/apwd_{rain,traffic}_sc/{dev,eval}/wav/NAME_{s1,s2}.wav      made from it with the authors' scripts

The sounds are mixed from FSD50K and ESC-50 with scaper by whoever uses them; the texts of the differences were not
released. Notebook 15 builds such pairs, texts and all, from the embedded world.
"""

import json
from pathlib import Path

from lib.data.layout import Tally
from lib.data.release import File, Found, Release, ReleaseError

PAGE = "https://github.com/nttcslab/apwd-dataset"
SCENES, SPLITS = ("rain", "traffic"), {"dev": "train", "eval": "test"}
_COMMIT = "9dead0b645a28d2c2ec79e2f9e0ab9fca2377322"


def read(root: Path) -> Found:
    """The mixtures that have been made, two clips a pair.

    Further columns: `pair`, the name that both share; `scene`; `events`, each with its label, where it begins and how
    long it lasts in seconds, and its level in dB above the background; `level_db`, the background's.
    """
    tally = Tally()
    for scene in SCENES:
        for part, split in SPLITS.items():
            for jams in sorted(root.rglob(f"apwd_{scene}_sc/{part}/jams/*.jams")):
                wav = jams.parents[1] / "wav" / f"{jams.stem}.wav"
                made = wav.is_file()
                row = {"clip_id": jams.stem, "split": split, "licence": "NTT's, for evaluation",
                       "pair": jams.stem.rpartition("_")[0], "scene": scene}  # fmt: skip
                tally.add(split, wav if made else None, row | (_mixed(jams) if made else {}))
    return tally.found("apwd")


def _mixed(jams: Path) -> dict:
    """What a file of the JAMS format, as scaper writes it, says of a mixture."""
    try:
        (annotation,) = json.loads(jams.read_text(encoding="utf-8"))["annotations"]
        values = [one["value"] for one in annotation["data"]]
        events = [{"label": value["label"], "start_s": value["event_time"], "duration_s": value["event_duration"],
                   "snr_db": value["snr"]} for value in values if value["role"] == "foreground"]  # fmt: skip
        return {"events": events, "level_db": annotation["sandbox"]["scaper"]["ref_db"]}
    except (ValueError, KeyError, TypeError) as error:
        raise ReleaseError(f"{jams} is damaged ({str(error)[:80]}). Fetch it again.") from None


RELEASE = Release(
    "apwd", "APwD", "NTT's, for internal evaluation only: no distribution, no modification (file LISENCE); what it is "
    "mixed from has its own (FSD50K's, ESC-50's)", PAGE,
    (File("apwd-dataset.zip", urls=(f"{PAGE}/archive/{_COMMIT}.zip",), folder="apwd-dataset", gib=0.3,
          unpacked_gib=1.5),),
    {"train": 200_000, "test": 4_000}, read,
    "The recordings are made on your machine, from FSD50K and ESC-50: the README there says how (scaper 1.6.5).",
)  # fmt: skip
RELEASES = (RELEASE,)
