"""Notebook 16's log is what its arms come to; its claims fall without a difference, and without the right words."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lib import difference_map, profiles, run_log, train
from lib.difference_map import Sample
from lib.difference_runs import Recipe
from lib.show.claims import judge
from tests.notebooks import own_cells

NAME, LAPTOP = "16_mapping_differences", profiles.PROFILES["laptop"]


@pytest.fixture(scope="module")
def notebook():
    """What the notebook's cells tagged `recipes` define at profile laptop."""
    names = {"profile": LAPTOP, "train": train, "Recipe": Recipe, "Sample": Sample}
    for source in own_cells.code(NAME, "recipes"):
        exec(compile(source, "recipes", "exec"), names)
    return SimpleNamespace(**{name: names[name] for name in ("ARMS", "SAMPLES", "PANELS", "FURTHER")})


@pytest.fixture(scope="module")
def log():
    return run_log.read("16")


def test_the_log_holds_every_arm_of_every_seed_as_the_notebook_asks_for_it(notebook, log):
    asked = [("rain", list(notebook.ARMS), notebook.SAMPLES)]
    asked += [(scene, notebook.PANELS, samples) for scene, samples in notebook.FURTHER.items()]
    for scene, arms, samples in asked:
        for seed in LAPTOP.seeds:
            for arm in arms:
                key = difference_map._key(scene, notebook.ARMS[arm], seed, LAPTOP.n_train, samples)
                assert log[key].arm == arm and set(log[key].splits) == set(samples)
    assert len(log) == len(LAPTOP.seeds) * sum(len(arms) for _, arms, _ in asked)


def test_a_planted_difference_is_found(log):
    """The positive control: draw one point in ten to the other side, and the same test sees it."""
    rng = np.random.default_rng(0)
    scores = [outcome.splits["two kinds"]["silhouette"].to_numpy() for outcome in log.values()
              if outcome.arm == "words" and "nothing" in outcome.splits]
    harmed = [s * np.where(rng.random(len(s)) < 0.1, -1, 1) for s in scores]
    assert judge("16.planted", "a planted difference", scores, harmed, margin=0.01).verdict == "replicates"


EXPERIMENT = ("import numpy as np", "SAMPLES =", "ARMS =", "outcomes =", "given =")  # the cells that the claims need


@pytest.fixture
def with_pairs(monkeypatch):
    """What the experiment's very cells say at smoke, of pairs that something was done to."""
    encode = difference_map.encode

    def run(spoil):
        monkeypatch.setattr(difference_map, "encode", lambda scene, table: spoil(encode(scene, table), table))
        return own_cells.run(NAME, "soundscapes", change=lambda c: c if any(e in c for e in EXPERIMENT) else "")

    return run


def measured(ran, arm, sample, column):
    """The mean over the pairs of the one seed that smoke has."""
    return ran.names["outcomes"][arm][0].splits[sample][column].mean()


def test_of_sound_pairs_the_experiment_says_what_the_notebook_says(with_pairs):
    """The positive control of the two below."""
    ran = with_pairs(lambda known, table: known)
    assert {"T5", "16.T5.all"} <= ran.replicated
    assert measured(ran, "words, classification", "two kinds", "neighbours") > 0.9


def test_where_before_and_after_are_the_same_no_kind_keeps_together(with_pairs):
    """Their sides are one sound but for a trace of noise."""
    def same_twice(known, table):
        if set(table["split"]) != {"evaluate"}:
            return known
        trace = 1e-3 * torch.randn(known.before.shape, generator=torch.Generator().manual_seed(len(known)))
        return replace(known, after=known.before + trace)

    ran = with_pairs(same_twice)
    assert {"T4", "T5"} <= set(ran.claims) and not ran.replicated & {"T4", "16.T4.all", "16.T5.all"}
    for arm in ("baseline", "words", "words, classification"):
        assert measured(ran, arm, "two kinds", "neighbours") < 0.7
        assert abs(measured(ran, arm, "two kinds", "silhouette")) < 0.1
        assert measured(ran, arm, "all kinds", "neighbours") < 0.2


def test_shuffled_texts_lie_where_chance_puts_them(with_pairs):
    """Each pair learns the words of another; asked are the right ones."""
    def shuffled(known, table):
        if set(table["split"]) != {"develop"}:
            return known
        return replace(known, text=known.text[torch.randperm(len(known), generator=torch.Generator().manual_seed(0))])

    ran = with_pairs(shuffled)
    assert not ran.replicated & {"T4", "16.T4.all", "T5", "16.T5.all", "16.baseline.all"}
    assert measured(ran, "words, classification", "two kinds", "text") < 0.8
    assert measured(ran, "words, classification", "all kinds", "text") < 0.15
