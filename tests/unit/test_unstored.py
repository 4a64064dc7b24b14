"""An encoder from scratch that is given waveforms: it learns as one on stored spectrograms does, and may jitter."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from lib import retrieval
from lib.encoders import passt
from lib.encoders.scratch import FromScratch
from lib.encoders.unstored import FromWaveforms
from tests.unit import toy_corpus as toy
from tests.unit.test_scratch import SIZES, TUNED, Learner

FRONT_END = passt.FrontEnd(toy.RATE, n_fft=64, window=50, hop=10, n_mels=8, f_min=20.0, f_max=350.0)
TINY = passt.Settings(FRONT_END, segment_s=1.0, patch=8, stride=8, dim=16, depth=1, heads=2, classes=0)


class Hearer(Learner):
    """The learner of the other tests, whole."""

    def forward(self, waveforms, lengths):
        return self.from_log_mel(*self.log_mel(waveforms, lengths))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))


def fitted(make, kind):
    corpus = retrieval.encode(toy.clips(SIZES, 0), audio=kind(make), text=toy.Reader().frozen())
    assert (corpus.recordings["train"].front_end is None) == (kind is FromWaveforms)
    return retrieval.fit(corpus, TUNED, seed=0, progress=False)


def test_it_learns_what_one_on_stored_spectrograms_learns():
    live, stored = (fitted(Hearer, kind) for kind in (FromWaveforms, FromScratch))
    assert live.model.state_dict().keys() == stored.model.state_dict().keys()
    np.testing.assert_allclose(live.history["loss"], stored.history["loss"], rtol=2e-3)  # waveforms in half precision


def test_edges_wander_only_where_there_is_a_waveform():
    """Teeth: on stored spectrograms the same settings change nothing, which is why this class is here."""
    wandering = replace(TINY, jitter_low=10, jitter_high=60)
    losses = {
        (kind, settings.jitter_high): fitted(partial(passt.PaSST, settings), kind).history["loss"].to_numpy()
        for kind in (FromWaveforms, FromScratch) for settings in (TINY, wandering)
    }  # fmt: skip
    assert abs(losses[FromWaveforms, 60] - losses[FromWaveforms, 0]).max() > 1e-3
    np.testing.assert_array_equal(losses[FromScratch, 60], losses[FromScratch, 0])


def test_its_key_is_not_that_of_one_on_stored_spectrograms():
    assert FromWaveforms(Learner).key != FromScratch(Learner).key


def test_making_one_draws_nothing():
    before = torch.get_rng_state()
    FromWaveforms(Learner)
    assert torch.equal(torch.get_rng_state(), before)
