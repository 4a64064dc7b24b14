"""Long soundscapes: scenes of 15 to 30 seconds, as long as Clotho's recordings. The rest of their world is unchanged.

Two or three events, so that a clip is not one sound and much background. A clip's length is drawn with its seed, split
and index (a near-twin is as long as its partner), so its locator tells all. Taught in notebook 11.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from jaxtyping import Float

from lib import audio
from lib.data import scene_table, soundscapes, table
from lib.data.world import VERSION, WORLD, World, stream

SCHEME = "long-soundscape"
SECONDS = (15.0, 30.0)
EVENTS = (0.0, 0.4, 0.6)  # one, two, three


def world(seed: int, split: str, index: int) -> World:
    """The world of clip `index`: like all others, but of its own length."""
    rng = stream(seed, split, index // 2, "length")
    return replace(WORLD, seconds=round(float(rng.uniform(*SECONDS)), 1), events=EVENTS)


def build(sizes: Mapping[str, int], seed: int) -> pd.DataFrame:
    """The clip table of the first so many clips of each split.

    Args:
        sizes: split -> clips.
    """
    rows = []
    for split, n in sizes.items():
        for index in range(n):
            own = world(seed, split, index)
            known = scene_table.row(soundscapes.scene(seed, split, index, own), world=own)
            rows.append(known | {"clip_id": f"long-{known['clip_id']}", "path": locator(seed, split, index)})
    return table.build(rows, source="long soundscapes")


def locator(seed: int, split: str, index: int) -> str:
    """Where `lib.audio.load` finds the clip."""
    return f"{SCHEME}://{VERSION}/{seed}/{split}/{index}"


def from_locator(path: str) -> tuple[soundscapes.Scene, World]:
    """The scene of a locator, and its world. Raises ValueError as `soundscapes.from_locator` does."""
    if not path.startswith(f"{SCHEME}://"):
        raise ValueError(f"expected a locator {SCHEME}://{VERSION}/seed/split/index; got {path!r}.")
    short = soundscapes.from_locator(path.replace(SCHEME, soundscapes.SCHEME, 1))
    own = world(short.seed, short.split, short.index)
    return soundscapes.scene(short.seed, short.split, short.index, own), own


def render(path: str, sample_rate: int) -> Float[np.ndarray, "samples"]:
    """The sound of a long soundscape; float32."""
    scene, own = from_locator(path)
    return soundscapes.render(scene, sample_rate, own)


audio.register(SCHEME, render)
