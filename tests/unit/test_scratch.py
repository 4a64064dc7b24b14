"""Encoders that learn from scratch: fresh weights a run, statistics that learn, spectrograms made once."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from lib import audio, fingerprint, retrieval
from lib.encoders.interface import AudioEncoder
from lib.encoders.scratch import FromScratch
from tests.unit import toy_corpus as toy

SIZES, TUNED = (48, 12, 20), replace(toy.RECIPE, tune=("audio",))


class Loudness(nn.Module):
    """How loud each tone of a frame is."""

    def forward(self, waveforms, lengths):
        loud = waveforms.unflatten(1, (-1, toy.FRAME))[:, :, :16].abs()
        return loud, audio.length_mask(lengths // toy.FRAME, loud.shape[1])


class Learner(AudioEncoder):
    """A front end, a linear layer and a batch norm, with random weights."""

    def __init__(self, scale=1.0):
        super().__init__("learner", toy.RATE, 16, {"scale": scale})
        self.log_mel, self.layer, self.norm = Loudness(), nn.Linear(16, 16), nn.BatchNorm1d(16)

    def from_log_mel(self, loud, mask):
        frames = self.norm(self.layer(loud * self.settings["scale"]).transpose(1, 2)).transpose(1, 2)
        return frames * mask[..., None], mask


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))


def corpus(make=Learner, seed=0):
    return retrieval.encode(toy.clips(SIZES, seed), audio=FromScratch(make), text=toy.Reader().frozen())


def test_encoding_reads_no_sound_and_training_reads_each_clip_once(monkeypatch):
    calls = []
    monkeypatch.setitem(audio._RENDERERS, "toy-corpus", lambda path, rate: calls.append(path) or toy.render(path, rate))
    known = corpus()
    assert calls == [] and known.notes["audio"] == "learner from scratch"
    retrieval.fit(known, TUNED, seed=0, progress=False)
    assert len(calls) == len(set(calls)) == SIZES[0] + SIZES[1]


def test_it_learns_and_its_statistics_with_it():
    longer = replace(TUNED, training=replace(toy.SETTINGS, max_epochs=25, learning_rate=1e-2))
    fitted = retrieval.fit(corpus(), longer, seed=0, progress=False)
    norm = fitted.model.audio.encoder.network.norm
    assert norm.running_mean.abs().max() > 0.01 and norm.num_batches_tracked > 0
    scores = fitted.history["score"]
    assert scores.max() > 2 * scores.iloc[0]


def test_the_weights_are_drawn_by_the_seed_and_nothing_else():
    known = corpus()
    drawn = [retrieval.untrained(known, TUNED, torch.Generator().manual_seed(seed)).state_dict() for seed in (0, 0, 1)]
    name = "audio.encoder.network.layer.weight"
    assert torch.equal(drawn[0][name], drawn[1][name]) and not torch.equal(drawn[0][name], drawn[2][name])
    torch.manual_seed(3)
    before = torch.get_rng_state()
    FromScratch(Learner)
    assert torch.equal(torch.get_rng_state(), before)  # making one draws nothing from who makes it


def test_a_frozen_tower_keeps_its_statistics_and_one_from_scratch_does_not():
    """Teeth: a pretrained encoder's batch norm stays in evaluation mode, as before."""
    scratch = retrieval.untrained(corpus(), TUNED, torch.Generator()).train()
    pretrained = retrieval.untrained(toy.corpus(SIZES), TUNED, torch.Generator()).train()
    assert scratch.audio.encoder.network.norm.training and not pretrained.audio.encoder.norm.training
    assert not scratch.eval().audio.encoder.network.norm.training


def test_settings_are_another_identity_and_code_another_run(monkeypatch):
    one, same, other = corpus(), corpus(), corpus(partial(Learner, scale=2.0))
    assert one.notes["identity"] == same.notes["identity"] != other.notes["identity"] and one.key == same.key
    monkeypatch.setattr(fingerprint, "code", lambda *things: "changed")
    changed = corpus()
    assert changed.notes["identity"] == one.notes["identity"] and changed.key != one.key


def test_the_baseline_has_no_adapter_and_may_rank_by_the_dot_product():
    bare = replace(TUNED, loss="triplet", adapter="PoolingAdapter", dim=16, hidden=None)
    by_dot = replace(bare, options={"similarity": "dot"})
    known, found = corpus(), {}
    for recipe in (bare, by_dot):
        model = retrieval.fit(known, recipe, seed=0, progress=False).model
        assert not list(model.text.parameters())
        test = known.examples(["test"], ("audio",))
        found[model.notes.get("similarity", "cosine")] = retrieval.similarity(model, test)
    assert np.abs(found["cosine"]).max() <= 1 + 1e-6 < np.abs(found["dot"]).max()


def test_other_processes_can_draw_it():
    known = {seed: corpus(partial(Learner, scale=1.5), seed) for seed in range(2)}
    torch.set_num_threads(2)
    try:
        outcomes = retrieval.compare(known, {"one": TUNED})
    finally:
        torch.set_num_threads(1)
    alone = retrieval.fit(corpus(partial(Learner, scale=1.5), 1), TUNED, seed=1, progress=False)
    np.testing.assert_allclose(outcomes["one"][1].history["loss"], alone.history["loss"], rtol=1e-6)
