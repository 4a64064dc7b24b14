"""Which of the facts that a caption states a clip breaks, kind by kind. Exact on soundscapes; used in notebook 18.

Relevance (`lib.data.grading`) counts the facts that hold and forgets which; whoever asks why a system failed wants
to know whether it was the wrong event, the wrong order or the wrong number.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool

from lib.data import grading, table
from lib.data.grammar import Caption, captions
from lib.data.soundscapes import Scene, from_locator

KINDS = {  # what the reader calls a kind of fact -> what the grammar calls it
    "event": ("event",), "background": ("background",), "order": ("order", "while"), "count": ("count",),
    "pitch": ("pitch",), "rate": ("rate",), "distance": ("distance",), "loudness": ("loudness",),
}  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """What the captions of a split state, in the order of `table.caption_rows`, and which clips break it."""

    captions: tuple[Caption, ...]
    scenes: tuple[Scene, ...]
    stated: dict[str, Bool[np.ndarray, " caption"]]  # does the caption state a fact of this kind at all?
    broken: dict[str, Bool[np.ndarray, "caption clip"]]  # does the clip break one of them?

    def any_broken(self, kinds: Sequence[str] = tuple(KINDS)) -> Bool[np.ndarray, "caption clip"]:
        """Does the clip break a fact of one of these kinds?"""
        return np.logical_or.reduce([self.broken[kind] for kind in kinds])


def read(clips: pd.DataFrame, split: str) -> Facts:
    """The facts of a split of soundscapes. Permuted captions are read as what they say, not where they stand.

    Raises:
        ValueError: a caption that the grammar did not write for this split.
    """
    part = table.of_split(clips, split)
    scenes = tuple(from_locator(path) for path in part["path"])
    known = {caption.text: caption for scene in scenes for caption in captions(scene)}
    texts = [text for own in part["captions"] for text in own]
    if missing := [text for text in texts if text not in known]:
        raise ValueError(f"expected captions written by the grammar for this split; got {missing[0]!r}.")
    written = tuple(known[text] for text in texts)
    true = [grading.facts(scene) for scene in scenes]
    stated, broken = {}, {}
    for kind, names in KINDS.items():
        own = [frozenset(fact for fact in caption.facts if fact[0] in names) for caption in written]
        stated[kind] = np.array([bool(facts) for facts in own])
        broken[kind] = _any_missing(own, true)
    return Facts(written, scenes, stated, broken)


def _any_missing(said: Sequence[frozenset], true: Sequence[frozenset]) -> Bool[np.ndarray, "caption clip"]:
    """Does at least one fact of each row's set not stand in each column's?"""
    vocabulary = {fact: k for k, fact in enumerate(sorted(set().union(*said), key=str))}
    stated, holds = (np.zeros((len(sets), len(vocabulary)), dtype=np.float32) for sets in (said, true))
    for matrix, sets in ((stated, said), (holds, true)):
        for row, members in enumerate(sets):
            matrix[row, [vocabulary[fact] for fact in members if fact in vocabulary]] = 1
    return stated @ (1 - holds.T) > 0.5
