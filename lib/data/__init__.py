"""Data by name: `load(DATA, ...)` gives one clip table, whatever the source: the one switch from toy to real."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from jaxtyping import Float

from lib.data import sources, table
from lib.data.sources import OFFERS, SOURCES, SourceError
from lib.data.table import caption_rows, check, of_split
from lib.profiles import Profile

__all__ = ["OFFERS", "SOURCES", "SourceError", "caption_rows", "check", "graded", "load", "of_split"]


def load(name: str, *, profile: Profile, seed: int = 0, needs: Iterable[str] = ()) -> pd.DataFrame:
    """The clip table of a source; its columns are those of `lib.data.table.COLUMNS`.

    Args:
        name: "soundscapes", "esc50:PATH" or "folder:PATH"; "!shuffled" behind it plants a fault.
        profile: gives the sizes of sources that are made to measure (soundscapes).
        seed: of sources that are drawn, and of planted faults.
        needs: what the notebook cannot do without, of `OFFERS`: it stops here, with one sentence, or not at all.

    Raises:
        SourceError: no such source, or one that lacks what is needed; a negative seed.
        AudioError: no recording can be read. A single broken one is left out, with a warning.
    """
    if seed < 0:
        raise SourceError(f"expected SEED 0 or more; got {seed}. Set SEED in the parameters cell.")
    source, argument, faults = sources.resolve(name)
    needs = (needs,) if isinstance(needs, str) else tuple(needs)
    sources.require(source, needs)  # before the data are made, which may take a while
    clips = table.check(source.build(argument, profile, seed))
    sources.require(source, needs, clips)
    for fault in faults:
        clips = sources.FAULTS[fault](clips, seed)
    return clips


def graded(clips: pd.DataFrame, split: str) -> Float[np.ndarray, "caption clip"]:
    """Relevance in [0, 1] of each clip of a split to each of its captions, in the order of `caption_rows`.

    The share of the facts stated in the caption that hold in the clip (soundscapes: exact).

    Raises:
        SourceError: nobody knows it for this source.
    """
    kinds = set(of_split(clips, split)["source"])
    if kinds != {"soundscapes"}:
        raise SourceError(f"graded relevance is known for soundscapes; got clips of {', '.join(sorted(kinds))}.")
    from lib.data import grading

    return grading.graded(clips, split)
