"""A planted difference: the positive control of a notebook's claims, on the scores of its own run log."""

from collections.abc import Mapping

import numpy as np

from lib.run_log import Outcome
from lib.show.claims import Claim, judge


def judged(log: Mapping[str, Outcome], arm: str, *, hidden: float, margin: float = 0.01) -> Claim:
    """An arm against itself with the answers of a share of the queries hidden, judged as the notebook judges.

    Args:
        hidden: the share; five queries belong to a clip.
    """
    rng = np.random.default_rng(0)
    scores = [outcome.scores["AP@10"].to_numpy() for outcome in log.values() if outcome.arm == arm]
    harmed = [s * (rng.random(len(s)) > hidden) for s in scores]
    clips = [np.arange(len(s)) // 5 for s in scores]
    return judge("planted", "a planted difference", scores, harmed, clusters=clips, margin=margin)
