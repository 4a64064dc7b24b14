"""What notebook 03 writes out is what `lib` computes: the CRNN, its pooling, the look-up of words; and when to stop."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from lib.encoders import crnn, word2vec
from tests.notebooks import own_cells

TAUGHT = ("l4_pool", "Block", "CRNN", "look_up", "by_patience", "by_spread")


@pytest.fixture(scope="module")
def taught():
    """The notebook's functions and classes, without running the notebook."""
    given = {"torch": torch, "F": torch.nn.functional, "nn": nn, "partial": partial, "np": np}
    return own_cells.written("03_the_2022_baseline", TAUGHT, **given)


def spectrograms(frames=37, seed=0):
    return 4 * torch.randn(2, frames, 64, generator=torch.Generator().manual_seed(seed)) - 7


@pytest.mark.parametrize("slope", [0.1, -0.1])
@pytest.mark.parametrize("channels", [(32, 128, 128, 128, 128), (8, 32, 32, 32, 32)])
def test_the_crnn(taught, channels, slope):
    settings = replace(crnn.SETTINGS["crnn_16k"], channels=channels, slope=slope)
    torch.manual_seed(0)
    library, mine = crnn.CRNN("crnn_16k", settings).eval(), taught["CRNN"](channels, slope).eval()
    mine.load_state_dict(dict(zip(mine.state_dict(), library.state_dict().values(), strict=True)))
    x = spectrograms()
    with torch.no_grad():
        expected, _ = library.from_log_mel(x, torch.ones(x.shape[:2], dtype=torch.bool))
        torch.testing.assert_close(mine(x), expected, rtol=1e-3, atol=1e-3)
        other = taught["CRNN"](channels, -slope).eval()
        other.load_state_dict(mine.state_dict())
        assert (other(x) - expected).abs().max() > 0.01  # teeth: the slope is not lost on the way


def test_the_official_count_of_weights(taught):
    assert sum(p.numel() for p in taught["CRNN"]().parameters()) == 732_354


@pytest.mark.parametrize("window", [(2, 4), (1, 4), (3, 2)])
def test_the_pooling_is_torchs(taught, window):
    x = torch.randn(2, 3, 12, 8, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(taught["l4_pool"](x, window), nn.LPPool2d(4, window)(x))
    silent = torch.zeros(1, 1, 4, 4, requires_grad=True)
    taught["l4_pool"](silent, (2, 4)).sum().backward()
    assert torch.isfinite(silent.grad).all()


def test_words_are_looked_up_as_in_the_library(taught):
    known = {"bark", "barks", "bell", "rain", "glas"}

    def lemma(word):
        found = [word.removesuffix(end) + full for end, full in word2vec.ENDINGS if word.endswith(end)]
        return min([each for each in found if each in known], key=len, default="")

    for word in ("barks", "barked", "bells", "raining", "purring", "glass", "bell"):
        stem = word2vec._stemmer().stem
        assert taught["look_up"](word, known, lemma, stem) == word2vec.look_up(word, known), word


def test_when_to_stop(taught):
    """Patience counts epochs since the smallest value; the spread waits for its grace; both keep the smallest."""
    falling = list(np.linspace(2, 1, 30))
    assert taught["by_patience"](falling) == (29, 29)
    assert taught["by_patience"]([*falling, *[1.5] * 30]) == (39, 29)
    assert taught["by_patience"]([3, 1, 2, 2, 0.5], patience=2) == (3, 1)
    flat = np.r_[np.linspace(2, 1, 40), np.full(60, 1.1)]
    assert taught["by_spread"](flat) == (59, 39)  # at the 60th loss; it lay flat for ten epochs long before
    assert taught["by_spread"](flat, grace=0) == (49, 39)
    noisy = 1 + 0.1 * np.random.default_rng(0).standard_normal(100)
    assert taught["by_spread"](noisy)[0] == 99
