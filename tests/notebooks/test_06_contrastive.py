"""The teeth of notebook 06's claims: shuffled captions bring each down; a planted difference is found."""

from dataclasses import replace

import numpy as np

from lib import metrics
from lib.data.sources import FAULTS
from lib.show.claims import judge
from tests.notebooks import own_cells
from tests.notebooks.toy_arms import own_cache, run  # noqa: F401  (the fixture is for all tests here)
from tests.unit import test_retrieval as toy

LONG = replace(toy.RECIPE, loss="contrastive", training=replace(toy.RECIPE.training, max_epochs=30, stop_after=30))
ARMS = {
    f"{mean}, {pairs}": replace(LONG, options={"mean": mean, "pairs": pairs})
    for mean in ("separate", "joint")
    for pairs in ("all", "text-audio")
}
STUCK = replace(LONG, training=replace(LONG.training, learning_rate=1e-9))


def test_shuffled_captions_bring_every_claim_down():
    scores, clips = run(FAULTS["shuffled"][0](toy.clips((60, 30, 150)), 0), ARMS)
    assert max(np.mean(each) for each in scores.values()) < 2.5 * metrics.chance(150)
    for better, worse in (("separate, all", "joint, all"), ("joint, text-audio", "separate, text-audio"),
                          ("separate, text-audio", "separate, all")):
        result = judge("06.x", "the first wins", scores[better], scores[worse], clusters=clips, margin=0.01)
        assert result.verdict != "replicates"


def test_a_planted_difference_is_found():
    """The positive control: adapters that cannot learn are told from those that can."""
    scores, clips = run(toy.clips((100, 30, 100)), {"contrastive": LONG, "stuck": STUCK})
    result = judge("06.x", "the first wins", *scores.values(), clusters=clips, margin=0.01)
    assert result.verdict == "replicates", result


def test_the_notebooks_own_claims_fall_when_captions_are_shuffled():
    """Its very cells, at smoke, where the test above runs arms of its own."""
    ran = own_cells.run("06_contrastive_loss", "soundscapes!shuffled")
    assert set(ran.claims) == {"06.mean.all", "06.mean.text-audio", "06.pairs", "06.nt-xent"}
    assert not ran.replicated, ran.claims
