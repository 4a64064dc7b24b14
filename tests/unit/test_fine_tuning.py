"""Encoders that are tuned learn, from recordings and captions; frozen ones get no gradient; stages build on stages."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lib import audio, retrieval
from lib.data import scene_table
from lib.examples import Recordings
from lib.profiles import PROFILES
from tests.unit import toy_corpus as toy
from tests.unit.toy_corpus import RECIPE, SETTINGS

TUNES = [(), ("text",), ("audio",), ("text", "audio")]
STILL = replace(RECIPE, training=replace(SETTINGS, learning_rate=0.0, max_epochs=1))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))


@pytest.fixture
def corpus():
    return toy.corpus()


def moved(model, corpus, side):
    """How far each weight of an encoder is from where it started."""
    learnt, start = getattr(model, side).encoder.state_dict(), corpus.encoder(side).state_dict()
    return {name: (learnt[name] - start[name]).abs().max().item() for name in start}


@pytest.mark.parametrize("tune", TUNES)
def test_what_is_tuned_changes_and_nothing_else(corpus, tune):
    before = [encoder.key for encoder in corpus.encoders]
    fitted = retrieval.fit(corpus, replace(RECIPE, tune=tune), seed=0, progress=False)
    assert [encoder.key for encoder in corpus.encoders] == before and fitted.tune == tune and fitted.new
    assert all(p.grad is None and not p.requires_grad for encoder in corpus.encoders for p in encoder.parameters())
    for side, still in (("audio", {"norm.running_mean", "norm.running_var", "norm.num_batches_tracked"}),
                        ("text", {"pooler.weight", "pooler.bias"})):  # fmt: skip
        if side not in tune:
            assert getattr(fitted.model, side).encoder is None  # cached frames stand for it
            continue
        far = moved(fitted.model, corpus, side)
        assert {name for name, distance in far.items() if distance == 0} == still


@pytest.mark.parametrize("tune", TUNES)
def test_gradients_reach_adapters_and_tuned_encoders_alone(corpus, tune):
    recipe = replace(RECIPE, tune=tune)
    model = retrieval.untrained(corpus, recipe, torch.Generator().manual_seed(0)).train()
    examples = corpus.examples(["train"], tune)
    retrieval.batch_loss(recipe)(model, examples.batch(torch.arange(12))).backward()
    reached = {name.rpartition(".")[0] for name, p in model.named_parameters() if p.grad is not None}
    wanted = {f"{side}.adapter.layers.{k}" for side in ("audio", "text") for k in (0, 2)}
    wanted |= {"audio.encoder.layer", "audio.encoder.norm"} if "audio" in tune else set()
    wanted |= {"text.encoder.letters"} if "text" in tune else set()
    assert reached == wanted


@pytest.mark.parametrize("tune", TUNES[1:])
def test_before_it_learns_a_live_encoder_says_what_the_cached_frames_said(corpus, tune):
    said, weights = [], None
    for t in ((), tune):
        model = retrieval.untrained(corpus, replace(RECIPE, tune=t), torch.Generator().manual_seed(0)).eval()
        weights = weights or model.state_dict()
        model.load_state_dict(weights, strict=False)
        said.append(retrieval.similarity(model, corpus.examples(["test"], t)))
    np.testing.assert_allclose(*said, atol=3e-3)  # frames on disk have half precision


def test_encoders_take_steps_of_their_own_size(corpus):
    far = {}
    for scale in (0.0, 0.01, 1.0):
        training = replace(SETTINGS, encoder_scale=scale, max_epochs=1)
        fitted = retrieval.fit(corpus, replace(RECIPE, tune=("text",), training=training), seed=0, progress=False)
        far[scale] = moved(fitted.model, corpus, "text")["letters.weight"]
    assert far[0.0] == 0 and 0 < far[0.01] < 0.05 * far[1.0]


def test_batch_norm_keeps_the_statistics_it_came_with(corpus):
    """Teeth: the statistics of a batch would move them, and a clip's embedding would depend on its neighbours."""
    model = retrieval.untrained(corpus, replace(RECIPE, tune=("audio",)), torch.Generator()).train()
    tower, heard = model.audio, corpus.examples(["train"], ("audio",)).heard
    together, alone = tower(*heard(torch.tensor([0, 1, 2]))), tower(*heard(torch.tensor([0])))
    torch.testing.assert_close(together[:1], alone)
    tower.encoder.norm.train()
    assert (tower(*heard(torch.tensor([0, 1, 2])))[:1] - alone).abs().max() > 1e-2


# Stages


def test_a_stage_starts_from_the_weights_of_the_one_before(corpus):
    for tune in TUNES:
        first = retrieval.fit(corpus, replace(RECIPE, tune=tune), seed=0, progress=False)
        second = retrieval.fit(corpus, replace(STILL, tune=tune), seed=0, start=first, progress=False)
        for name, value in first.model.state_dict().items():
            assert torch.equal(value, second.model.state_dict()[name]), name
        fresh = retrieval.fit(corpus, replace(STILL, tune=tune), seed=0, progress=False)
        assert fresh.key != second.key
        assert not torch.equal(fresh.model.audio.adapter.layers[0].weight, second.model.audio.adapter.layers[0].weight)


def test_an_encoder_may_begin_to_learn_in_a_later_stage(corpus):
    first = retrieval.fit(corpus, RECIPE, seed=0, progress=False)
    second = retrieval.fit(corpus, replace(STILL, tune=("text",)), seed=0, start=first, progress=False)
    assert set(moved(second.model, corpus, "text").values()) == {0}
    a, b = (retrieval.scores(f.model, corpus.examples(["test"], f.tune))["AP@10"].mean() for f in (first, second))
    assert a == pytest.approx(b, abs=0.02)


@pytest.mark.parametrize("earlier, later, said", [
    (("text",), (), "goes on training the text encoder"),
    (("text", "audio"), ("text",), "goes on training the audio encoder"),
    (("text", "audio"), (), "goes on training the audio, text encoder"),
])  # fmt: skip
def test_an_encoder_that_has_learnt_is_not_frozen_again(corpus, earlier, later, said):
    first = retrieval.fit(corpus, replace(RECIPE, tune=earlier), seed=0, progress=False)
    with pytest.raises(ValueError, match=f"expected a stage that {said}.*from before they learnt"):
        retrieval.fit(corpus, replace(RECIPE, tune=later), seed=0, start=first, progress=False)


@pytest.mark.parametrize("other", [{"adapter": "LinearAdapter", "hidden": None}, {"dim": 12}, {"hidden": 5}])
def test_stages_have_adapters_of_one_shape(corpus, other):
    first = retrieval.fit(corpus, RECIPE, seed=0, progress=False)
    with pytest.raises(ValueError, match="expected an earlier stage with adapters of the same shape"):
        retrieval.fit(corpus, replace(RECIPE, **other), seed=0, start=first, progress=False)


def test_arms_that_begin_alike_share_their_first_stage(corpus, capsys):
    longer = replace(RECIPE, training=replace(SETTINGS, max_epochs=1))
    arms = {"one": RECIPE, "two": [RECIPE, longer], "tuned": [RECIPE, replace(longer, tune=("text",))]}
    outcomes = retrieval.compare({0: corpus}, arms, splits=("test", "validation"))
    assert "trained: 3 now, 2 from cache" in capsys.readouterr().out
    one, two = outcomes["one"][0], outcomes["two"][0]
    assert list(two.splits) == ["test", "validation"] and two.scores is two.splits["test"] and len(two.scores) == 40
    assert two.history["stage"].tolist() == [0, 0, 1] and two.stopped == ("max_epochs", "max_epochs")
    assert two.history["loss"].tolist()[:2] == one.history["loss"].tolist()
    retrieval.compare({0: corpus}, arms)
    assert "trained: 0 now, 5 from cache" in capsys.readouterr().out


def test_it_learns_from_the_splits_that_it_is_told(corpus):
    recipes = [RECIPE, replace(RECIPE, on=("train", "test")), replace(RECIPE, captions_per_clip=None)]
    losses = [retrieval.fit(corpus, r, seed=0, progress=False).history["loss"].iloc[-1] for r in recipes]
    assert len(set(losses)) == 3


def test_seeds_side_by_side_come_to_the_same(tmp_path, monkeypatch, capsys):
    """Two threads: each seed in a process of its own, encoders and recordings and all."""
    corpora, arms = {seed: toy.corpus(seed=seed) for seed in range(2)}, {"tuned": replace(RECIPE, tune=TUNES[-1])}
    alone = retrieval.compare(corpora, arms)
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path / "other"))
    torch.set_num_threads(2)
    try:
        together = retrieval.compare(corpora, arms)
    finally:
        torch.set_num_threads(1)
    assert capsys.readouterr().out.count("trained: 2 now, 0 from cache") == 2
    for seed in corpora:
        a, b = (outcomes["tuned"][seed] for outcomes in (alone, together))
        np.testing.assert_allclose(a.scores, b.scores)
        np.testing.assert_allclose(a.history["loss"], b.history["loss"], rtol=1e-6)


def test_a_process_of_the_pool_can_hear_what_is_rendered():
    """Else an audio encoder that learns would find no renderer there, and the pool would break without a word why."""
    paths = scene_table.build(replace(PROFILES["smoke"], n_train=1, n_validation=1, n_test=1, n_shifted=1), 0)["path"]
    corpora = {0: SimpleNamespace(recordings={"train": Recordings(paths, 16000)})}
    renderers = retrieval._renderers(corpora)
    assert renderers == ["lib.data.soundscapes"]
    start = {"mp_context": get_context("spawn"), "initializer": retrieval._meet, "initargs": (renderers,)}
    with ProcessPoolExecutor(1, **start) as pool:
        assert len(pool.submit(audio.load, paths[0], 16000).result()) == 80000
