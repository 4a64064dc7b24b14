"""Graded relevance, exact: which facts hold in which clip, and the oracle that ranks by nothing else.

relevance(caption, clip) = (facts stated in the caption that hold in the clip) / (facts stated). The oracle knows every
scene and reads only what the caption states; what captions leave out is lost to it too. Taught in notebooks 01 and 02.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from lib.data.grammar import Caption, Fact, attributes, captions, relation
from lib.data.soundscapes import Scene, from_locator


def facts(scene: Scene) -> frozenset[Fact]:
    """Everything that a caption could truly say about the scene."""
    found = [("event", event.kind) for event in scene.events]
    found += [fact for event in scene.events for fact, _ in attributes(event)]
    found += [relation(scene, a, b) for a, b in combinations(range(len(scene.events)), 2)]
    return frozenset(found + ([("background", scene.background)] if scene.background else []))


def relevance(stated: Sequence[Caption], clips: Sequence[Scene]) -> Float[np.ndarray, "caption clip"]:
    """Fraction of each caption's stated facts that hold in each clip, in [0, 1]; 1 for a caption's own clip.

    Raises ValueError for a caption that states nothing.
    """
    if any(not caption.facts for caption in stated):
        raise ValueError("expected captions that state at least one fact each; got one that states none.")
    vocabulary = {fact: k for k, fact in enumerate(sorted(set().union(*(c.facts for c in stated)), key=str))}
    said = _incidence([c.facts for c in stated], vocabulary)
    true = _incidence([facts(clip) for clip in clips], vocabulary)
    return said @ true.T / said.sum(axis=1, keepdims=True)


def _incidence(sets: Sequence[frozenset[Fact]], vocabulary: dict[Fact, int]) -> Float[np.ndarray, "row fact"]:
    matrix = np.zeros((len(sets), len(vocabulary)), dtype=np.float32)
    for row, members in enumerate(sets):
        matrix[row, [vocabulary[fact] for fact in members if fact in vocabulary]] = 1
    return matrix


def oracle(clips: Sequence[Scene]) -> tuple[Float[np.ndarray, "caption clip"], Int[np.ndarray, "caption"]]:
    """The oracle's similarity of all captions of the clips to all clips, and the clip that each caption describes."""
    stated = [captions(clip) for clip in clips]
    paired = np.repeat(np.arange(len(clips)), [len(five) for five in stated])
    return relevance([caption for five in stated for caption in five], clips), paired


def graded(table: pd.DataFrame, split: str) -> Float[np.ndarray, "caption clip"]:
    """Relevance of every clip of a split of the table to its captions, in the order of `table.caption_rows`.

    The table's own captions are read, so permuted captions are graded as what they say, not where they stand.
    """
    clips = [from_locator(path) for path in table.loc[table["split"] == split, "path"]]
    known = {caption.text: caption for clip in clips for caption in captions(clip)}
    texts = [text for own in table.loc[table["split"] == split, "captions"] for text in own]
    missing = [text for text in texts if text not in known]
    if missing:
        raise ValueError(f"expected captions written by the grammar for this split; got {missing[0]!r}.")
    return relevance([known[text] for text in texts], clips)
