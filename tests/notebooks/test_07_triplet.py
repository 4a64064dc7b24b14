"""The teeth of notebook 07's claims: shuffled captions bring each down; a planted difference is found."""

from dataclasses import replace

import numpy as np
import pytest

from lib import metrics, retrieval
from lib.data.sources import FAULTS
from lib.show.claims import judge
from tests.notebooks import own_cells
from tests.notebooks.toy_arms import own_cache, run  # noqa: F401  (the fixture is for all tests here)
from tests.unit import test_retrieval as toy

LONG = replace(toy.RECIPE, loss="triplet", training=replace(toy.RECIPE.training, max_epochs=30, stop_after=30))
ARMS = {
    f"{imposters}, {margin}": replace(LONG, options={"imposters": imposters, "margin": margin})
    for imposters in ("random", "all", "hardest")
    for margin in (1.0, 0.2)
}
STUCK = replace(LONG, training=replace(LONG.training, learning_rate=1e-9))
COLLAPSED = replace(ARMS["hardest, 1.0"], training=replace(LONG.training, learning_rate=0.3, warmup_epochs=0))


def test_shuffled_captions_bring_every_claim_down():
    scores, clips = run(FAULTS["shuffled"][0](toy.clips((60, 30, 150)), 0), ARMS)
    assert max(np.mean(each) for each in scores.values()) < 2.5 * metrics.chance(150)
    for better, worse in (("hardest, 1.0", "random, 1.0"), ("hardest, 0.2", "all, 0.2"), ("all, 0.2", "random, 0.2"),
                          ("random, 0.2", "random, 1.0"), ("all, 0.2", "all, 1.0"), ("hardest, 1.0", "hardest, 0.2")):
        result = judge("07.x", "the first wins", scores[better], scores[worse], clusters=clips, margin=0.01)
        assert result.verdict != "replicates"


def test_a_planted_difference_is_found():
    """The positive control: adapters that cannot learn are told from those that can."""
    scores, clips = run(toy.clips((100, 30, 100)), {"triplet": LONG, "stuck": STUCK})
    result = judge("07.x", "the first wins", *scores.values(), clusters=clips, margin=0.01)
    assert result.verdict == "replicates", result


def test_a_collapse_shows_in_the_loss_and_in_the_score():
    """Planted: hardest imposters, huge steps. The loss hangs at twice the margin and the first choice is no better."""
    corpora = {0: retrieval.encode(toy.clips((100, 30, 100)), audio=toy.Tones(), text=toy.Letters())}
    outcomes = retrieval.compare(corpora, {"collapsed": COLLAPSED, "sound": ARMS["all, 1.0"]})
    collapsed, sound = (outcomes[name][0].history for name in ("collapsed", "sound"))
    assert collapsed["loss"].iloc[-1] == pytest.approx(2.0, abs=0.01) and sound["loss"].iloc[-1] < 1.9
    assert collapsed["score"].iloc[-1] < sound["score"].iloc[-1] / 2


def test_the_notebooks_own_claims_fall_when_captions_are_shuffled():
    """Its very cells, at smoke, where the test above runs arms of its own."""
    ran = own_cells.run("07_triplet_loss", "soundscapes!shuffled")
    assert set(ran.claims) == {"07.hardest.one", "07.hardest.small", "07.all.small", "07.margin.random",
                               "07.margin.all", "07.margin.hardest"}
    assert not ran.replicated, ran.claims
