"""The teeth of notebook 08's claims: shuffled captions bring each down; a planted difference is found."""

from dataclasses import replace

import numpy as np

from lib import metrics
from lib.data.sources import FAULTS
from lib.show.claims import judge
from tests.notebooks import own_cells
from tests.notebooks.toy_arms import own_cache, run  # noqa: F401  (the fixture is for all tests here)
from tests.unit import test_retrieval as toy

LONG = replace(toy.RECIPE, training=replace(toy.RECIPE.training, max_epochs=30, stop_after=30))
STUCK = replace(LONG, training=replace(LONG.training, learning_rate=1e-9))
ARMS = {
    "standard": toy.RECIPE,
    "temperature 1": replace(toy.RECIPE, options={"temperature": 1.0}),
    "all pairs": replace(toy.RECIPE, options={"pairs": "all"}),
}


def test_shuffled_captions_bring_every_claim_down():
    scores, clips = run(FAULTS["shuffled"][0](toy.clips((60, 30, 150)), 0), ARMS)
    assert max(np.mean(each) for each in scores.values()) < 2.5 * metrics.chance(150)
    for worse in ("temperature 1", "all pairs"):
        result = judge("08.x", "the standard wins", scores["standard"], scores[worse], clusters=clips, margin=0.01)
        assert result.verdict != "replicates"


def test_a_planted_difference_is_found():
    """The positive control: adapters that cannot learn are told from those that can."""
    scores, clips = run(toy.clips((100, 30, 100)), {"standard": LONG, "stuck": STUCK})
    result = judge("08.x", "the standard wins", *scores.values(), clusters=clips, margin=0.01)
    assert result.verdict == "replicates", result


def test_the_notebooks_own_claims_fall_when_captions_are_shuffled():
    """Its very cells, at smoke, where the test above runs arms of its own."""
    ran = own_cells.run("08_nt_xent_loss", "soundscapes!shuffled")
    assert "W6" in ran.claims and len(ran.claims) >= 7
    assert not ran.replicated, ran.claims
