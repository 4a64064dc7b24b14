"""Notebook 12's run log is what its arms come to; its claims fall with another clip's captions or shuffled ones."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from lib import corpus as corpora
from lib import encoders, llm, paraphrase, profiles, retrieval, run_log
from lib.examples import Examples
from lib.show.claims import judge
from tests.notebooks import own_cells

NAME = "12_gpt_captions"
LAPTOP = profiles.PROFILES["laptop"]
SOME = [0, 3]  # seeds whose corpora are looked at: five take minutes
GAINS = {"12.fewer-captions.alone"}  # what holds at smoke too, and by how much: other gains are near the line there


def unread(clips, **_):
    """A corpus of these clips that nobody has listened to: what the log knows it by needs texts and paths alone."""
    names = list(dict.fromkeys(clips["split"]))
    rows = {name: corpora.data.caption_rows(clips, name) for name in names}
    splits = {}
    for name in names:
        groups = torch.tensor(rows[name]["clip"].tolist())
        heard, told = (torch.zeros(n, 1, 1) for n in (int(groups.max()) + 1, len(groups)))
        splits[name] = Examples(heard, heard[..., 0].bool(), told, told[..., 0].bool(), groups)
    notes = corpora.describe(clips, audio=encoders.audio(), text=encoders.text(), pool="mean", text_pool="mean")
    return corpora.Corpus(splits, rows, notes, "unread", {}, ("small_cnn", "minilm"))


@pytest.fixture(scope="module")
def recipes():
    """What the notebook's cells tagged `recipes` define at profile laptop, without encoding anything."""
    names = {"profile": LAPTOP, "seeds": SOME, "DATA": "soundscapes", "SEED": 0}
    exec(next(own_cells.code(NAME)).partition("\nprofile =")[0], names)  # its imports
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieval, "encode", unread)
        for source in own_cells.code(NAME, "recipes"):
            exec(compile(source, "recipes", "exec"), names)
    return names


@pytest.fixture(scope="module")
def log():
    return run_log.read("12")


def arms(names):
    return {k: v for table in ("ARMS", "TEXT", "CURVE", "SCRATCH", "M11", "M2") for k, v in names[table].items()}


@pytest.mark.timeout(900)
def test_the_log_holds_every_arm_of_every_seed_as_the_notebook_asks_for_it(recipes, log):
    """Otherwise the notebook would train for an hour where it should replay."""
    wanted = {run_log.key(corpus, stages, seed, ["test"]) for seed, corpus in recipes["corpora"].items()
              for stages in arms(recipes).values()}  # fmt: skip
    assert wanted <= set(log) and len(log) * len(SOME) == len(wanted) * len(LAPTOP.seeds)
    assert all({"learnt", "validation"} == set(outcome.losses) for outcome in log.values())


@pytest.mark.timeout(900)
def test_an_arm_trained_again_runs_as_the_log_says(recipes, log):
    """Seed 0, one caption a clip, with augmentation, from random adapters."""
    arm = "1 augmented, target alone"
    logged = log[run_log.key(recipes["corpora"][0], recipes["SCRATCH"][arm], 0, ["test"])]
    whole = recipes["everything"](0)
    clips = whole[whole["split"].isin(["train", "1 caption", "validation"])]
    told = {"1 caption": recipes["written"](recipes["target"](0, 1))}
    corpus = retrieval.encode(clips).with_variants(told)
    found = retrieval.fit(corpus, recipes["SCRATCH"][arm][0], seed=0, progress=False)
    early = 15  # from there on another machine's rounding adds up
    for column, near in (("loss", 0.02), ("score", 0.03)):
        ours, theirs = (each[column].to_numpy()[:early] for each in (found.history, logged.history))
        np.testing.assert_allclose(ours, theirs, atol=near)
    assert found.history["score"].max() == pytest.approx(logged.history["score"].max(), abs=0.03)


def frozen(cell):
    """An encoder that learns would take half a minute at smoke, and learn nothing there."""
    return cell.replace('tune=("text",)', "tune=()")


def smoke(source="soundscapes"):
    return own_cells.run(NAME, source, change=frozen)


@cache
def honest():
    return smoke()


@pytest.mark.timeout(900)
def test_what_must_hold_at_smoke_holds():
    """Without this, the tests below would show nothing."""
    assert GAINS <= honest().replicated
    assert honest().claims["12.fewer-captions.alone"]["effect"] > 0.015


@pytest.mark.timeout(900)
def test_a_paraphraser_that_returns_another_clips_captions_brings_the_claims_down(monkeypatch):
    """Its texts are good ones, and about another clip."""
    pool = [caption for own in honest().names["target"](0)["captions"] for caption in own]

    def another(caption, keywords=(), *, n=5, words="all"):
        at = pool.index(caption) if caption in pool else len(caption)
        return [pool[(at + 5 * k + 35) % len(pool)] for k in range(n)]

    monkeypatch.setattr(paraphrase, "paraphrases", another)
    ran = smoke()
    assert not ran.replicated & GAINS, ran.claims
    for key in ("12.fewer-captions.alone", "M11.soundscapes"):
        assert ran.claims[key]["effect"] < honest().claims[key]["effect"] - 0.01, key
    assert ran.metrics["12.map10.written-alone"] < 0.6 * honest().metrics["12.map10.written-alone"]


@pytest.mark.timeout(900)
def test_shuffled_captions_bring_every_claim_down():
    ran = smoke("soundscapes!shuffled")
    assert len(ran.replicated) <= 1, ran.replicated  # one in 40 stands by chance, and there are two dozen
    assert not ran.replicated & GAINS


@pytest.mark.parametrize("arm", ["5 augmented", "written alone"])  # an arm of two names stands under the later one
def test_a_planted_difference_is_found_where_none_was_claimed(log, arm):
    """The positive control of every "gains nothing": hide one answer in 25, and the same test sees it."""
    rng = np.random.default_rng(0)
    scores = [outcome.scores["AP@10"].to_numpy() for outcome in log.values() if outcome.arm == arm]
    harmed = [score * (rng.random(len(score)) > 1 / 25) for score in scores]
    clusters = [np.arange(len(score)) // 5 for score in scores]
    found = judge("12.planted", "it changes nothing", scores, harmed, clusters=clusters, expect="equal", margin=0.01)
    assert len(scores) == len(LAPTOP.seeds) and found.verdict == "does not replicate here", found


def test_the_arms_differ_in_one_thing(recipes):
    table = arms(recipes)
    plain, augmented = table["fine-tuned"], table["augmented"]
    assert plain[0] == augmented[0] == table["pretrained"][0]
    assert replace(augmented[1], swap=0.0) == plain[1] and augmented[1].swap == 0.3
    assert {table[f"{k} plain"][1].training for k in (1, 2, 5)} == {plain[1].training}
    assert plain[1].training.learning_rate == 0.4 * plain[0].training.learning_rate
    assert plain[0].on[0] == "train", "the loss on what was learnt is taken of the first split"


def test_variants_are_aligned_with_the_captions_of_each_guise(recipes):
    corpus, paraphrases = recipes["corpora"][0], llm.variants
    for name, captions in (("1 caption", 1), ("2 captions", 2), ("train", 5)):
        told = corpus.splits[name].variants.captions
        assert len(told) == captions * recipes["n"]
        assert [each[0] for each in told] == list(corpus.rows[name]["caption"])
    own = corpus.splits["no keywords"].variants.captions[7]
    assert own[1:] == paraphrases([own[0]])[0]
    others, mine = (corpus.splits[name].variants.captions for name in ("others' variants", "train"))
    assert [each[0] for each in others] == [each[0] for each in mine]
    assert not any(set(a[1:]) & set(b[1:]) for a, b in zip(others, mine))
