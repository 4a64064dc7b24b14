"""The world of the soundscapes: every setting of the generator in one frozen place.

Nothing else sets how scenes, sounds and texts are drawn. The settings were chosen once, from pilot seeds (100 and up),
and calibrated on real titles, keywords and captions (`data_scripts/calibrate_world.py`); a change to any of them is
another world and asks for another VERSION, since every weight, band and committed output depends on them.
Taught in notebook 01.
"""

import zlib
from dataclasses import dataclass

import numpy as np

VERSION = "1"
SPLITS = ("train", "validation", "test", "shifted")


@dataclass(frozen=True)
class Mix:
    """How one split sounds. Ranges are uniform; levels in dB."""

    snr_db: tuple[float, float]  # of a loud, near event over the background where it sounds
    quiet_snr_db: tuple[float, float]  # the same over the hiss of a clip without background
    gain_db: tuple[float, float]  # of the whole clip below full scale, as recorders differ
    room: tuple[float, float]  # level of the reverberation of the room about everything, 0 (none) to 1
    reverberation_s: tuple[float, float]  # its time to fall by 60 dB
    backgrounds: tuple[float, ...]  # weights, in the order of `World.backgrounds`


@dataclass(frozen=True)
class World:
    """The frozen settings of the generator. Probabilities unless said otherwise."""

    seconds: float = 5.0

    # What happens in a scene
    events: tuple[float, ...] = (0.15, 0.70, 0.15)  # one, two, three events
    together: float = 0.30  # two neighbours sound at once ("while") rather than in turn ("then")
    pitches: tuple[float, float, float] = (0.40, 0.20, 0.40)  # low, middle, high
    rates: tuple[float, float, float] = (0.35, 0.30, 0.35)  # slow, steady, fast
    counts: tuple[float, ...] = (0.30, 0.30, 0.25, 0.15)  # 1, 2, 3, 4 of a countable kind
    far: float = 0.30
    soft: float = 0.30
    no_background: float = 0.25
    backgrounds: tuple[str, ...] = (
        "rain", "sea_waves", "fire", "wind", "traffic", "crowd", "stream", "night_insects",
    )  # fmt: skip

    # Near-twins: such a share of a split's clips copy their predecessor but for ONE fact (at most 0.5)
    twins: float = 0.16

    # How it sounds
    far_db: float = -6.0
    soft_db: float = -5.0
    usual: Mix = Mix((9.0, 22.0), (22.0, 38.0), (-12.0, -1.0), (0.0, 0.0), (0.1, 0.2), (1, 1, 1, 1, 1, 1, 1, 1))
    shifted: Mix = Mix((2.0, 14.0), (14.0, 28.0), (-26.0, -8.0), (0.2, 0.6), (0.4, 1.0), (2, 1, 0.5, 2, 3, 3, 1, 0.5))

    # What captions leave out (chance that a true fact is NOT stated, given that it could be)
    omit_event: float = 0.10  # each event but the first one chosen
    omit_pitch: float = 0.45
    omit_rate: float = 0.55
    omit_count: float = 0.40
    omit_far: float = 0.50
    omit_soft: float = 0.55
    omit_loud: float = 0.90  # the usual case: rarely worth saying
    omit_background: float = 0.40
    omit_order: float = 0.25  # "A and B" instead of "A, then B"
    modifiers: int = 2  # at most so many attributes of one event in one caption
    length: tuple[int, int] = (8, 20)  # words of a caption; Clotho's own limits
    drafts: int = 4  # people keep the shortest of one to so many drafts
    captions: int = 5
    captions_shifted: int = 1
    unseen_wordings: float = 0.20  # chance of a wording never seen in training, in test and shifted

    # Noisy text, in the manner of uploaders, at noise level 1 (calibrated); level 0 is clean, 2 twice as far from clean
    title_names: float = 0.50  # share of titles that name a true event
    title_wrong: float = 0.04  # share that name a sound which is not there
    title_both: float = 0.30  # of the naming ones: all events, not just one
    keywords: tuple[float, float] = (8.0, 5.0)  # drawn per clip, mean and deviation; 1 to 30, doubles fall away
    keyword_true: float = 0.44  # share drawn for something in the scene; the rest is context, machines, moods
    keyword_synonym: float = 0.40  # of the true ones: a word that captions do not use
    keyword_wrong: float = 0.04  # share naming a sound which is not there
    description_names: float = 0.45  # share of descriptions that name a true event
    description_empty: float = 0.12
    description_html: float = 0.35
    description_url: float = 0.25


WORLD = World()


def stream(seed: int, split: str, index: int, name: str) -> np.random.Generator:
    """The random numbers of one purpose (`name`) of one clip; they depend on the arguments and VERSION alone.

    Raises:
        ValueError: the split is not one of SPLITS.
    """
    if split not in SPLITS:
        raise ValueError(f"expected a split among {', '.join(SPLITS)}; got {split!r}.")
    purpose = zlib.crc32(f"{VERSION}/{name}".encode())
    return np.random.default_rng([purpose, seed, SPLITS.index(split), index])


def pick(rng: np.random.Generator, options):
    """One of the options, all equally likely (`rng.choice` costs ten times as much)."""
    return options[int(rng.random() * len(options))]


def weighted(rng: np.random.Generator, options, weights):
    """One of the options, with the given weights (they need not sum to one)."""
    draw = rng.random() * sum(weights)
    for option, weight in zip(options, weights, strict=True):
        draw -= weight
        if draw < 0:
            return option
    return options[-1]
