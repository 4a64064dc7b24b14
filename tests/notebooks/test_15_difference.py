"""Notebook 15's run log is what its arms come to; its claims fall with shuffled words or exchanged sides."""

import contextlib
import io
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from lib import difference_runs, encoders, profiles, run_log, train
from lib.data import pairs, shared
from lib.difference import similarity
from lib.difference_runs import Recipe
from lib.show import bundle
from lib.show.claims import CLAIM, judge
from tests.notebooks import own_cells

NAME, REAL = "15_audio_difference", "esc10-rain-faa7c3cd"
LAPTOP = profiles.PROFILES["laptop"]
SIZES = {"develop": LAPTOP.n_train, "evaluate": LAPTOP.n_test // 5}
WORDS = {"T1", "15.T1.rain", "15.T1.temperature", "15.wrong-words"}  # what words do, at smoke too


@pytest.fixture(scope="module")
def recipes():
    """What the notebook's cells tagged `recipes` define at profile laptop."""
    names = {"profile": LAPTOP, "train": train, "Recipe": Recipe, "replace": replace, "pairs": pairs}
    for source in own_cells.code(NAME, "recipes"):
        exec(compile(source, "recipes", "exec"), names)
    return names


@pytest.fixture(scope="module")
def log():
    return run_log.read("15")


def logged(log, recipes, scene, arm):
    """The outcomes of one arm, seed by seed, as the notebook asks for them."""
    tests = recipes["REAL_TESTS" if scene == REAL else "TESTS"]
    keys = [difference_runs._key(scene, recipes["ARMS"][arm], seed, SIZES, tests) for seed in LAPTOP.seeds]
    return [log[key] for key in keys]


def test_the_log_holds_every_arm_of_every_scene_and_seed_as_the_notebook_asks_for_it(recipes, log):
    for scene in ("rain", "traffic", REAL):
        for arm in recipes["ARMS"]:
            found = logged(log, recipes, scene, arm)
            assert [outcome.seed for outcome in found] == list(LAPTOP.seeds)
            assert {outcome.arm for outcome in found} == {arm}
            assert {len(outcome.history) for outcome in found} == {60}
    assert len(log) == 3 * len(recipes["ARMS"]) * len(LAPTOP.seeds)


def test_the_arms_differ_in_one_thing(recipes):
    arms = recipes["ARMS"]
    assert arms["words"] == replace(arms["baseline"], words=True) == replace(arms["words, classification"], classify=0)
    assert arms["words"].temperature == 1.0 and arms["words, classification"].classify == 1.0
    for arm in ("words", "baseline", "words, classification"):
        assert arms[f"{arm}, t = 0.07"] == replace(arms[arm], temperature=0.07)


@pytest.fixture(scope="module")
def develop():
    """The pairs that seed 0 learns from, in the rain."""
    return encoded({"develop": SIZES["develop"]}, pairs.Settings())


def encoded(sizes, settings):
    towers = encoders.audio("small_cnn"), encoders.text("minilm")
    return difference_runs.encode(pairs.build("rain", sizes, 0, settings), *towers, pairs.SCENES["rain"].events)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("arm", ["words", "words, t = 0.07"])
def test_an_arm_trained_again_begins_as_the_log_says(recipes, log, develop, arm):
    """Rain, seed 0: later on, another machine's rounding is felt."""
    known = logged(log, recipes, "rain", arm)[0].history
    history = difference_runs.fit(develop, recipes["ARMS"][arm], seed=0)[1]
    for column in ("loss", "score"):
        ours, theirs = (each[column].to_numpy()[:10] for each in (history, known))
        np.testing.assert_allclose(ours, theirs, atol=0.05)


@pytest.mark.timeout(600)
def test_exchanged_sides_fail(recipes, develop):
    """From after to before, "add" and "remove" lead the wrong way: worse than to say nothing."""
    model, _ = difference_runs.fit(develop, recipes["ARMS"]["words, t = 0.07"], seed=0)
    right = encoded({"evaluate": 100}, pairs.Settings(operations="cd", two=0.0))
    wrong = replace(right, before=right.after, after=right.before)
    effect = {}
    for name, known in (("right", right), ("wrong", wrong)):
        found = [similarity(model, known, asked=asked) for asked in ("both", "sound")]
        ranks = [1 + (each > each.diagonal()[:, None]).sum(axis=1) for each in found]
        effect[name] = judge("15.exchanged", "words help", *[1 / rank for rank in ranks], margin=0.01)
    assert effect["right"].verdict == "replicates", effect
    assert effect["wrong"].effect < 0 and effect["wrong"].verdict != "replicates", effect


@pytest.mark.parametrize("scene, arm", [("rain", "words"), ("traffic", "baseline"), (REAL, "words, t = 0.07")])
def test_a_planted_difference_is_found(recipes, log, scene, arm):
    """The positive control of what shows no difference: take one answer in five away, and the same test sees it."""
    rng = np.random.default_rng(0)
    scores = [each.splits["all targets"]["AP@10"].to_numpy() for each in logged(log, recipes, scene, arm)]
    harmed = [each * (rng.random(len(each)) > 1 / 5) for each in scores]
    assert judge("15.planted", "a planted difference", scores, harmed, margin=0.01).verdict == "replicates"


def test_the_baseline_finds_its_own_sound_where_it_is_in_the_gallery(recipes, log):
    """So the paper's R@1 of .256 comes from another gallery."""
    for scene in ("rain", "traffic", REAL):
        found = logged(log, recipes, scene, "baseline")
        assert max(outcome.splits["all all"]["R@1"].max() for outcome in found) == 0
        assert max(outcome.splits["all targets"]["R@1"].max() for outcome in found) == 1


def smoke(fault=lambda split, known: known):
    """The notebook's very cells at smoke where there is no ESC-10, with a fault in what is encoded, and what it says.

    Args:
        fault: makes of a split ("develop") and its pairs others.
    """
    encode, said = difference_runs.encode, io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setattr(difference_runs, "encode", lambda table, *_: fault(table["split"].iloc[0], encode(table, *_)))
        patch.setattr(shared, "find", lambda path: None)
        return own_cells.run(NAME, "soundscapes"), said.getvalue()


@cache
def honest():
    return smoke()


@pytest.mark.timeout(900)
def test_what_must_hold_at_smoke_holds():
    """Without this, the tests below would show nothing."""
    assert WORDS <= honest()[0].replicated
    assert honest()[0].metrics["15.snr.error"] < 0.1


@pytest.mark.timeout(900)
def test_shuffled_words_fall_to_the_baseline():
    def shuffled(split, known):
        order = torch.randperm(len(known), generator=torch.Generator().manual_seed(5))
        return replace(known, text=known.text[order]) if split == "develop" else known

    ran, _ = smoke(shuffled)
    assert not WORDS & ran.replicated, ran.claims
    assert ran.claims["T1"]["effect"] < honest()[0].claims["T1"]["effect"] / 2


@pytest.mark.timeout(900)
def test_without_esc10_and_without_a_log_of_these_sizes_it_says_so_and_goes_on():
    ran, said = honest()
    assert "not available here: ESC-10's recordings" in said
    assert not ran.names["there"] and {"T1", "T2", "T3"} <= set(ran.claims)
    assert not [key for key in [*ran.claims, *ran.metrics] if "real" in key or "esc10" in key]
    assert "15.length.words" in ran.metrics  # which comes after


@pytest.mark.timeout(900)
def test_without_esc10_the_real_scene_is_replayed_from_the_log(monkeypatch):
    """At laptop; nothing is encoded and nothing trained."""

    def refuse(*_):
        raise AssertionError("this is not in the log")

    monkeypatch.setattr(shared, "find", lambda path: None)
    monkeypatch.setattr(difference_runs, "encode", refuse)
    shown, names = [], {"PROFILE": "laptop", "DATA": "soundscapes", "SEED": 0}
    monkeypatch.setattr(bundle, "emit", lambda content, metadata=None: shown.append(content))
    for cell in own_cells.code(NAME):
        if not any(part in cell for part in ("difference_runs.encode(", "develop[", "model.hear(", "lowest(")):
            exec(compile(cell, "at laptop", "exec"), names)
    claims = {each[CLAIM]["key"]: each[CLAIM] for each in shown if CLAIM in each}
    assert names["there"] and {"T1", "T2", "T3", "15.real.T1", "15.real.T2", "15.real.T3"} <= set(claims)
    assert {claims[key]["seeds"] for key in claims} == {5}
    assert claims["15.real.T1"]["n"] == 5 * SIZES["evaluate"]
