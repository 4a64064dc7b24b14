"""Notebook 17's log is what its arms come to; its promise is kept there, and falls when the words are shuffled."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lib import profiles, promise, run_log, train
from lib.one_space import Recipe
from lib.show.claims import judge
from tests.notebooks import own_cells

NAME, LAPTOP, SMOKE = "17_search_your_sounds", profiles.PROFILES["laptop"], profiles.PROFILES["smoke"]
BOTH = "captions and changes"


def arms(profile):
    """What the notebook's cell tagged `recipes` defines."""
    names = {"profile": profile, "train": train, "Recipe": Recipe}
    for source in own_cells.code(NAME, "recipes"):
        exec(compile(source, "recipes", "exec"), names)
    return names["ARMS"]


@pytest.fixture(scope="module")
def log():
    return run_log.read("17")


def kept(outcomes, rival, question="dog", resamples=2000):
    """The promise as the notebook claims it: clips behind the median of the mixes, sound and words against a rival."""
    a, b = ([-o.splits[question][way].to_numpy() for o in outcomes] for way in ("sound and words", rival))
    return judge("17.promise", "the promise", a, b, resamples=resamples)


def test_the_log_holds_every_arm_of_every_seed_as_the_notebook_asks_for_it(log):
    wanted = {promise._key("soundscapes", recipe, seed, LAPTOP.n_train, promise.sizes_of(LAPTOP)): arm
              for arm, recipe in arms(LAPTOP).items() for seed in LAPTOP.seeds}
    assert {key: log[key].arm for key in wanted} == wanted and len(log) == len(wanted)


@pytest.mark.parametrize("rival", ["sound", "words", "sound and wrong words"])
def test_the_promise_is_kept_over_five_seeds(log, rival):
    outcomes = [o for o in log.values() if o.arm == BOTH]
    claim = kept(outcomes, rival)
    assert len(outcomes) == claim.seeds == 5 and claim.verdict == "replicates" and claim.ci[0] > 0, claim


def test_it_is_not_kept_where_sound_and_words_are_as_good_as_the_rival(log):
    same = [SimpleNamespace(splits={"dog": o.splits["dog"].assign(words=o.splits["dog"]["sound and words"])})
            for o in log.values() if o.arm == BOTH]
    assert kept(same, "words").verdict != "replicates"


def shuffled(known, number):
    """The same material with captions that belong to other clips, and words that belong to other pairs."""
    g = torch.Generator().manual_seed(number)
    texts, words = (x[torch.randperm(len(x), generator=g)] for x in (known.learnt.text, known.changes.text))
    return replace(known, learnt=replace(known.learnt, text=texts), changes=replace(known.changes, text=words),
                   key=f"{known.key} shuffled {number}")  # fmt: skip


@pytest.mark.timeout(900)
def test_shuffled_captions_and_words_break_the_promise():
    """One shuffle may point at the dogs by luck: the mean of several must not."""
    recipe = replace(arms(SMOKE)[BOTH], training=train.Settings(learning_rate=1e-3, max_epochs=10, stop_after=10))
    known, tested = promise._prepared("soundscapes", SMOKE, 0)
    whole, *broken = (promise.outcome(BOTH, recipe, 0, each, *tested)
                      for each in (known, *(shuffled(known, number) for number in range(6))))
    gains = [np.mean([kept([each], "sound", question).effect for question in promise.QUESTIONS])
             for each in (whole, *broken)]
    assert gains[0] > 15 and np.mean(gains[1:]) < 0.4 * gains[0], gains
    assert kept([whole], "sound").verdict == "replicates"
    found = [each.splits["captions"]["AP@10"].mean() for each in (whole, *broken)]
    assert max(found[1:]) < 0.5 * found[0], found
