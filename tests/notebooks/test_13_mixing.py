"""Notebook 13's run log is what its arms come to; its claims fall with shuffled captions or idle augmentation."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lib import augment, data, encoders, llm, profiles, recipe, retrieval, run_log, store
from lib import corpus as corpora
from lib.encoders import texts
from lib.show.claims import judge
from lib.variants import completed
from tests.notebooks import own_cells
from tests.unit import toy_corpus as toy

NAME, SPLITS, KEYS = "13_mixing_and_masking", ("test", "shifted"), ("M3", "M4", "M5")
LAPTOP = profiles.PROFILES["laptop"]
SEEDS = LAPTOP.seeds[:3]


@pytest.fixture(scope="module")
def recipes():
    """What the notebook's cells tagged `recipes` define at profile laptop."""
    names = {"profile": LAPTOP, "train": retrieval.train, "Recipe": retrieval.Recipe, "replace": replace}
    for source in own_cells.code(NAME, "recipes"):
        exec(compile(source, "recipes", "exec"), names)
    return names


@pytest.fixture(scope="module")
def log():
    return run_log.read("13")


@pytest.fixture(scope="module")
def table():
    return data.load("soundscapes", profile=LAPTOP, seed=0, needs=("captions",))


def test_the_arms_differ_in_what_they_augment_and_in_nothing_else(recipes):
    arms = recipes["ARMS"]
    assert set(arms) == {"neither", "mixco", "masking", "both"}
    plain = arms["neither"][1]
    assert plain.tune == ("text", "audio") and not plain.mixco and not plain.mask_tokens
    for name, (mixed, share) in {"mixco": (True, 0.0), "masking": (False, 0.15), "both": (True, 0.15)}.items():
        assert arms[name] == [arms["neither"][0], replace(plain, mixco=mixed, mask_tokens=share)]


def identities(seed, views):
    """What the notebook's corpus of a seed is known by, without and with the paraphrases of its queries."""
    clips = data.load("soundscapes", profile=LAPTOP, seed=seed, needs=("captions",))
    known = dict(audio=encoders.audio(), text=encoders.text(), pool="mean", text_pool="mean")
    plain = store.digest(corpora.describe(clips, **known)["identity"], f"first {LAPTOP.n_train // 4}")
    told = {}
    for split in SPLITS:
        captions = list(data.caption_rows(clips, split)["caption"])
        told[split] = completed(captions, llm.variants(captions, n=views, progress=False))
    both = (plain, store.digest(plain, json.dumps(told)))
    return [SimpleNamespace(notes={"identity": identity}) for identity in both]


def test_the_log_holds_every_arm_of_every_seed_as_the_notebook_asks_for_it(recipes, log):
    """Otherwise the notebook would train for an hour where it should replay. Keys of seed 0 (paraphrasing is slow)."""
    arms = set(recipes["ARMS"])
    there = sorted((outcome.seed, outcome.arm) for outcome in log.values())
    assert there == sorted([(s, a) for s in SEEDS for a in (*arms, "adapters alone")] + [(0, a) for a in arms])
    plain, paraphrased = identities(0, recipes["VIEWS"])
    scored = [name for split in SPLITS for name in (split, f"{split} +{recipes['VIEWS']}")]
    wanted = {run_log.key(plain, [recipes["adapters_only"]], 0, SPLITS): "adapters alone"}
    wanted |= {run_log.key(paraphrased, stages, 0, scored): arm for arm, stages in recipes["ARMS"].items()}
    wanted |= {run_log.key(paraphrased, stages, 0, ["test"]): arm for arm, stages in recipes["LONGER"].items()}
    assert {key: outcome.arm for key, outcome in log.items() if outcome.seed == 0} == wanted


@pytest.mark.timeout(900)
def test_an_arm_trained_again_begins_as_the_log_says(recipes, log, table):
    """Seed 0: the adapters alone, then one epoch with both augmentations."""
    corpus = retrieval.encode(table, splits=["train", "validation"]).first(LAPTOP.n_train // 4)
    (logged,) = (o for o in log.values() if (o.arm, o.seed) == ("both", 0) and len(o.splits) > 1)
    frozen, learns = (logged.history[logged.history["stage"] == stage] for stage in (0, 1))
    adapters_only, both = recipes["ARMS"]["both"]
    base = retrieval.fit(corpus, adapters_only, seed=0)
    early = min(len(frozen), len(base.history), 20)  # from there on another machine's rounding moves rates and stops
    for column, near in (("loss", 0.01), ("score", 0.03)):
        ours, theirs = (each[column].to_numpy()[:early] for each in (base.history, frozen))
        np.testing.assert_allclose(ours, theirs, atol=near)
    brief = replace(both, training=replace(recipes["TUNING"], max_epochs=1))
    first = retrieval.fit(corpus, brief, seed=0, start=base).history.iloc[0]
    assert first["loss"] == pytest.approx(learns["loss"].iloc[0], rel=0.25)  # its rate falls within the one epoch
    assert first["score"] == pytest.approx(learns["score"].iloc[0], abs=0.05)


def frozen(cell, sizes=(24, 48, 32)):
    """Encoders that learn would take a minute at smoke: they stay frozen, and batches differ in place of the arms."""
    cell = cell.replace('tune=("text", "audio"), training=TUNING', "training=TUNING")
    for augmented, size in zip(("mixco=True)", "mask_tokens=0.15)", "mixco=True, mask_tokens=0.15)"), sizes):
        cell = cell.replace(f"replace(neither, {augmented}", f"replace(neither, batch_size={size})")
    return cell


def test_the_notebooks_claims_fall_when_captions_are_shuffled():
    ran = own_cells.run(NAME, "soundscapes!shuffled", change=frozen)
    assert set(KEYS) <= set(ran.claims)
    about_ranking = {key for key in ran.replicated if not key.startswith("13.gap")}
    assert len(about_ranking) <= 1, ran.claims  # one in 40 stands by chance
    assert not about_ranking & {"M3", "M5", "13.mixed.rows", "13.interaction", "13.learning"}


def test_an_augmentation_that_does_nothing_brings_the_claims_about_the_gap_down():
    """Every arm is the one with neither: the same training, the same gap, the same answers."""
    idle = own_cells.run(NAME, "soundscapes", change=lambda cell: frozen(cell, (16, 16, 16)))
    gaps = {key for key in idle.claims if key.startswith("13.gap.less")}
    assert gaps == {f"13.gap.less.{arm}" for arm in ("mixco", "masking", "both")}
    assert not idle.replicated & {"M3", "M5", "13.mixco.harm", "13.interaction", "13.mixco.beside.masking"}
    assert not {key for key in idle.replicated if key.startswith(("13.gap", "13.shifted"))}
    assert idle.claims["M4"]["effect"] == 0 and idle.claims["M4"]["verdict"].startswith("equivalent")


@pytest.mark.parametrize("arm", ["neither", "both"])
def test_a_planted_difference_is_found(log, arm):
    """The positive control, on the log's own scores: one query in 25 unanswered is seen."""
    rng = np.random.default_rng(0)
    outcomes = {outcome.seed: outcome for outcome in log.values() if outcome.arm == arm and len(outcome.splits) > 1}
    scores = [outcome.scores["AP@10"].to_numpy() for outcome in outcomes.values()]
    harmed = [s * (rng.random(len(s)) > 1 / 25) for s in scores]
    result = judge("13.planted", "a planted difference", scores, harmed, margin=0.01)
    assert result.verdict == "replicates" and len(scores) == len(SEEDS), result


def reading(seed=0):
    """A model whose real text encoder masks while it learns, on a toy corpus."""
    clips = toy.clips((12, 12, 12))
    corpus = retrieval.encode(clips, audio=toy.Ear().frozen(), text="minilm")
    masks = replace(toy.RECIPE, tune=("text",), mask_tokens=0.5)
    model = retrieval.untrained(corpus, masks, torch.Generator().manual_seed(seed)).eval()
    return model, corpus.examples(["test"], ("text",))


def test_masking_left_on_at_inference_is_caught(monkeypatch):
    model, split = reading()
    first, again = (retrieval.similarity(model, split) for _ in range(2))
    assert model.text.encoder.masking == 0.5 and np.array_equal(first, again)
    monkeypatch.setattr(texts.TransformerText, "training", property(lambda self: True, lambda self, mode: None),
                        raising=False)
    faulty = [retrieval.similarity(model, split) for _ in range(2)]
    assert not np.allclose(faulty[0], faulty[1], atol=1e-3) and not np.allclose(faulty[0], first, atol=1e-3)


@pytest.mark.parametrize("fault", [lambda w, n, partner, share: (w, n, partner, 1 - share),
                                   lambda w, n, partner, share: (w, n, partner.roll(1), share)],
                         ids=["the share swapped", "another partner"])  # fmt: skip
def test_mixtures_that_are_not_what_the_loss_believes_are_caught(monkeypatch, fault):
    """The loss of a batch equals the notebook's own Mixco on the mixtures drawn; with faulty mixtures it does not."""
    corpus = toy.corpus()
    live = replace(toy.RECIPE, tune=("audio",), options={"temperature": 0.1}, mixco=True)
    model = retrieval.untrained(corpus, live, torch.Generator().manual_seed(0)).eval()
    batch = corpus.examples(["train"], ("audio",)).batch(torch.arange(16) * 2)
    names = {"torch": torch, "np": np, "losses": recipe.losses}
    for source in own_cells.code(NAME, "for-exercises"):
        exec(compile(source, "taught", "exec"), names)

    def expected():
        torch.manual_seed(3)
        partner, share = torch.randint(16, (16,)), torch.rand(16)
        waveforms, lengths = batch.audio
        mixed = share[:, None] * waveforms + (1 - share[:, None]) * waveforms[partner]
        audio, text = model(batch.audio, batch.text)
        plain = recipe.losses.nt_xent(audio, text, temperature=0.1, groups=batch.groups)
        heard = model.audio(mixed, torch.maximum(lengths, lengths[partner]))
        return plain + names["mixco"](heard, text, partner, share, 0.1)

    def found():
        torch.manual_seed(3)
        return retrieval.batch_loss(live)(model, batch)

    torch.testing.assert_close(found(), expected())
    own = augment.mix_waveforms
    monkeypatch.setattr(augment, "mix_waveforms", lambda *given: own(*fault(*given)))
    assert (found() - expected()).abs() > 0.01
