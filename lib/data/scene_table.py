"""The clip table of the soundscapes: each scene's locator, captions and uploader's words. Taught in notebook 01."""

import pandas as pd

from lib.data import table
from lib.data.grammar import captions
from lib.data.noisy_text import description, keywords, title
from lib.data.soundscapes import Scene, scenes
from lib.data.world import SPLITS, WORLD, World
from lib.profiles import Profile


def build(profile: Profile, seed: int, *, noise: float = 1.0, world: World = WORLD) -> pd.DataFrame:
    """One row per scene of all four splits, in the profile's sizes.

    Args:
        seed: each seed is another corpus, with other scenes in every split.
        noise: how far titles, keywords and descriptions are from plain naming; 1 is the level calibrated on real ones.
    """
    sizes = (profile.n_train, profile.n_validation, profile.n_test, profile.n_shifted)
    drawn = [scene for split, n in zip(SPLITS, sizes) for scene in scenes(seed, split, n, world)]
    return table.build([row(scene, noise, world) for scene in drawn], source="soundscapes")


def row(scene: Scene, noise: float = 1.0, world: World = WORLD) -> dict:
    """The clip table's row of one scene."""
    return {
        "clip_id": f"{scene.seed}-{scene.split}-{scene.index:05d}",
        "split": scene.split,
        "path": scene.locator,
        "captions": [caption.text for caption in captions(scene, world)],
        "keywords": keywords(scene, noise, world),
        "title": title(scene, noise, world),
        "description": description(scene, noise, world),
        "duration_s": world.seconds,
        "licence": "MIT",
    }
