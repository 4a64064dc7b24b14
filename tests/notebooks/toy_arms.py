"""Arms compared on the toy corpus of `tests.unit.test_retrieval`, over three seeds: the teeth of notebooks 06 to 08."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lib import retrieval
from tests.unit import test_retrieval as toy

own_cache = toy.own_cache  # a fixture: who imports it gets the toy's sounds, and a cache of its own


def run(
    clips: pd.DataFrame, recipes: Mapping[str, retrieval.Recipe]
) -> tuple[dict[str, list[np.ndarray]], list[np.ndarray]]:
    """Per-query AP@10 of each arm, seed by seed, and the clips of the queries."""
    corpora = {seed: retrieval.encode(clips, audio=toy.Tones(), text=toy.Letters()) for seed in range(3)}
    outcomes = retrieval.compare(corpora, recipes)
    scores = {name: [outcomes[name][seed].scores["AP@10"].to_numpy() for seed in corpora] for name in recipes}
    return scores, [corpus.rows["test"]["clip"].to_numpy() for corpus in corpora.values()]
