"""The clip table of the soundscapes: each scene's locator, captions and uploader's words. Taught in notebook 01."""

import pandas as pd

from lib.data import table
from lib.data.grammar import captions
from lib.data.noisy_text import description, keywords, title
from lib.data.soundscapes import Scene, scene, scenes
from lib.data.world import SPLITS, WORLD, World
from lib.profiles import Profile


def build(profile: Profile, seed: int, *, noise: float = 1.0, world: World = WORLD) -> pd.DataFrame:
    """One row per scene of all four splits, in the profile's sizes.

    Args:
        seed: each seed is another corpus, with other scenes in every split.
        noise: how far titles, keywords and descriptions are from plain naming; 1 is the level calibrated on real ones.
    """
    sizes = (profile.n_train, profile.n_validation, profile.n_test, profile.n_shifted)
    drawn = [one for split, n in zip(SPLITS, sizes) for one in scenes(seed, split, n, world)]
    return table.build([row(one, noise, world) for one in drawn], source="soundscapes")


def uploads(profile: Profile, seed: int, *, noise: float = 1.0, world: World = WORLD) -> pd.DataFrame:
    """Further clips of the training split (those that follow its `n_train`), without a caption: as uploaded.

    Args:
        noise: as in `build`.
    """
    first = profile.n_train + profile.n_train % 2  # pairs of near-twins stay on one side
    drawn = [scene(seed, "train", first + i, world) for i in range(profile.n_noisy)]
    return table.build([_uploaded(one, noise, world) | {"split": "noisy"} for one in drawn], source="soundscapes")


def row(one: Scene, noise: float = 1.0, world: World = WORLD) -> dict:
    """The clip table's row of one scene."""
    return _uploaded(one, noise, world) | {"captions": [caption.text for caption in captions(one, world)]}


def _uploaded(one: Scene, noise: float, world: World) -> dict:
    """The row without captions, which take longer to write than all the rest."""
    return {
        "clip_id": f"{one.seed}-{one.split}-{one.index:05d}",
        "split": one.split,
        "path": one.locator,
        "keywords": keywords(one, noise, world),
        "title": title(one, noise, world),
        "description": description(one, noise, world),
        "duration_s": world.seconds,
        "licence": "MIT",
    }
