"""Generated texts beside real ones: `python -m data_scripts.calibrate_world [--seed 100]`.

Prints the statistics of the soundscapes' captions, keywords and titles next to Clotho's, and the share of titles that
name their category next to ESC-10's. It changes nothing: the settings live in `lib/data/world.py`, frozen.
"""

import argparse

import numpy as np
import pandas as pd

from lib import metrics
from lib.data import grading, shared, soundscapes, tags
from lib.data.scene_table import row
from lib.data.text_statistics import clotho, describe, stems

BANDS = {  # generated / real: what counts as near
    "words of a caption": (0.8, 1.3), "their deviation": (0.7, 1.5), "95 % have at most": (0.8, 1.3),
    "distinct share within a caption": (0.93, 1.07), "distinct words of a clip's captions": (0.75, 1.3),
    "keywords of a clip": (0.85, 1.15), "deviation of that": (0.75, 1.25),
    "share of keywords that occur in a caption": (0.75, 1.25), "clips with no such keyword": (0.7, 1.5),
    "words of a title": (0.75, 1.2), "letters of a title": (0.7, 1.2), "titles with a digit": (0.7, 1.3),
    "titles that share a word with a caption": (0.8, 1.2),
}  # fmt: skip


def generated(seed: int, n: int = 1000) -> pd.DataFrame:
    """The table of the first `n` training scenes of a seed."""
    return pd.DataFrame([row(scene) for scene in soundscapes.scenes(seed, "train", n)])


def titles_naming_category() -> float | None:
    """ESC-10: share of recordings whose title names the category. Its clips were found by searching for it."""
    meta, titles = (shared.find(f"esc10/meta/{name}.csv") for name in ("esc50", "freesound_titles"))
    if not meta or not titles:
        return None
    both = pd.read_csv(meta, dtype=str).merge(pd.read_csv(titles, dtype=str), on="filename").drop_duplicates("src_file")
    return float(
        np.mean([bool(stems(c.replace("_", " ")) & stems(t)) for c, t in zip(both["category"], both["title"])])
    )


def titles_naming_event(seed: int, n: int = 1000) -> float:
    """The same for the soundscapes: share of titles with an uploader's word for a true event."""
    scenes = soundscapes.scenes(seed, "train", n)
    known = [stems(" ".join(w for e in s.events for group in tags.KINDS[e.kind] for w in group)) for s in scenes]
    return float(np.mean([bool(own & stems(row(scene)["title"])) for own, scene in zip(known, scenes)]))


def compare(seed: int) -> pd.DataFrame:
    """Real and generated statistics, their ratio and the band in which it should lie."""
    real = clotho()
    frame = pd.DataFrame({"generated": describe(generated(seed))})
    frame["Clotho"] = np.nan if real is None else describe(real)
    frame["ratio"] = frame["generated"] / frame["Clotho"]
    frame["band"] = [BANDS.get(name, "") for name in frame.index]
    return frame


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=100, help="a pilot seed: 100 or more")
    seed = parser.parse_args().seed
    print(compare(seed).round(3).to_string())
    ours, theirs = titles_naming_event(seed), titles_naming_category() or np.nan
    print(f"titles that name a sound: generated {ours:.3f}, ESC-10 {theirs:.3f}")
    similarity, paired = grading.oracle(soundscapes.scenes(seed, "test", 1000))
    print(f"oracle mAP@10 on 1,000 test clips: {metrics.average_precision(similarity, paired).mean():.3f}")


if __name__ == "__main__":
    main()
