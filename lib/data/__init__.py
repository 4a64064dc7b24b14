"""Data by name: `load(DATA, ...)` gives one clip table, whatever the source: the one switch from toy to real."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float

from lib import metrics
from lib.data import sources, table
from lib.data.sources import OFFERS, SOURCES, SourceError
from lib.data.table import caption_rows, check, of_split
from lib.profiles import Profile

__all__ = ["OFFERS", "SOURCES", "SourceError", "caption_rows", "check", "graded", "load", "load_noisy", "noise_levels",
           "noisy_texts", "of_split", "oracle"]
MAX_CHARACTERS = 500  # of an uploader's description


def load(name: str, *, profile: Profile, seed: int = 0, needs: Iterable[str] = ()) -> pd.DataFrame:
    """The clip table of a source; its columns are those of `lib.data.table.COLUMNS`.

    Args:
        name: "soundscapes", "esc50:PATH", "folder:PATH", or a released data set: "clotho", or "clotho:PATH" where it
            lies elsewhere (`SOURCES` has them all); "!shuffled" behind it plants a fault.
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
        clips = sources.FAULTS[fault][0](clips, seed)
    return clips


def load_noisy(name: str, *, profile: Profile, seed: int = 0, noise: float = 1.0) -> pd.DataFrame:
    """The noisy partner of a source: other clips, all of the split "noisy", with uploaders' texts in place of captions.

    Weck et al. 2022, section 3.1, take the descriptions and tags of FSD50K beside the captions of Clotho. Taught in
    notebook 09.

    Args:
        noise: how noisy, of `noise_levels`; 1 is as uploaders write, and real texts know no other.

    Raises:
        SourceError: the source has no such partner, or not at this level, or not one text in it.
    """
    source, argument, faults = sources.resolve(name)
    if source.uploads is None:
        raise SourceError(f"{source.usage} has no uploaders' texts beside its captions; soundscapes have.")
    if len(source.noise_levels) == 1 and noise not in source.noise_levels:
        raise SourceError(f"the texts of {source.usage} are as noisy as they are: expected noise=1, got {noise:g}.")
    if not noise >= 0:
        raise SourceError(f"expected noise 0 (plain naming) or more; got {noise:g}. As uploaders write is 1.")
    clips = source.uploads(argument, profile, seed, noise)
    clips["captions"] = [noisy_texts(row) for row in clips.to_dict("records")]
    clips = table.check(clips[clips["captions"].map(len) > 0])
    if clips.empty:
        raise SourceError(f"{source.usage} has no uploaders' texts here: expected descriptions, keywords or titles.")
    for fault in faults:
        clips = sources.FAULTS[fault][1](clips, seed)
    return clips


def noise_levels(name: str) -> tuple[float, ...]:
    """How noisy the texts of `load_noisy` can be made; (1.0,) where they are what they are."""
    return sources.resolve(name)[0].noise_levels


def noisy_texts(row: Mapping) -> list[str]:
    """What stands in for the captions of an uploaded clip: its description and its tags, as two texts.

    Weck et al. 2022, section 3.1: HTML is removed, each description limited to 500 characters, the tags are joined with
    a single white space in their order. What is empty is left out; a clip with neither has its title.
    """
    described, tagged = table.clean(row["description"])[:MAX_CHARACTERS].strip(), " ".join(row["keywords"])
    return [text for text in (described, tagged) if text] or [text for text in (table.clean(row["title"]),) if text]


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


def oracle(clips: pd.DataFrame, split: str = "test") -> float | None:
    """mAP@10 of one who knows all that happens in each clip of a split but reads only the caption; None where nobody
    knows that."""
    try:
        truth = graded(clips, split)
    except SourceError:
        return None
    return float(metrics.average_precision(truth, caption_rows(clips, split)["clip"].to_numpy()).mean())
