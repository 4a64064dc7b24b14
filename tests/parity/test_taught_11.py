"""What notebook 11 writes out is what `lib.encoders.passt` computes."""

from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lib import train
from lib.encoders import passt
from lib.encoders.transformer import Attention
from tests.notebooks import own_cells

TAUGHT = ("patches", "Block", "patchout", "PaSST", "of_recording")
SETTINGS = replace(passt.SMALL, dim=24, depth=2, heads=3, segment_s=2.0, stride=10, patchout_mel=1, patchout_time=3)


@pytest.fixture(scope="module")
def taught():
    """The notebook's functions and classes, without running the notebook."""
    given = {"torch": torch, "nn": nn, "F": F, "partial": partial, "passt": passt}
    return own_cells.written("11_spectrogram_transformers", TAUGHT, **given)


@pytest.fixture(scope="module")
def both(taught):
    """The taught network and the library's, with the same weights."""
    with train.lend_chance(torch.Generator().manual_seed(0)):
        library = passt.PaSST(SETTINGS)
        for parameter in library.parameters():
            nn.init.normal_(parameter, std=0.1)
    mine = taught["PaSST"](SETTINGS)
    shapes = [[tuple(v.shape) for v in network.state_dict().values()] for network in (mine, library)]
    assert shapes[0] == shapes[1]
    mine.load_state_dict(dict(zip(mine.state_dict(), library.state_dict().values(), strict=True)))
    return mine, library


def log_mels(n=3):
    return torch.randn(n, SETTINGS.frames, SETTINGS.front_end.n_mels, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("stride", [7, 16])
def test_patches(taught, stride):
    spectrogram, projection = log_mels(1)[0], nn.Conv2d(1, 5, 16, stride)
    mine = taught["patches"](spectrogram, 16, stride) @ projection.weight.flatten(1).T + projection.bias
    torch.testing.assert_close(mine.permute(2, 0, 1), projection(spectrogram.T[None]), atol=1e-4, rtol=1e-4)


def test_attention(taught):
    block, library = taught["Block"](12, 3), Attention(12, 3)
    library.load_state_dict({k: v for k, v in block.state_dict().items() if k.startswith(("qkv", "proj"))})
    x = torch.randn(2, 9, 12)
    torch.testing.assert_close(block.attend(x), library(x))


@pytest.mark.parametrize("training", [False, True])
def test_network(both, training):
    x, found = log_mels(), []
    for network in both:
        with train.lend_chance(torch.Generator().manual_seed(2)):
            network.train(training)
            mask = torch.ones(x.shape[:2]).bool()
            found.append(network(x) if network is both[0] else network.from_log_mel(x, mask)[0][:, 0])
    torch.testing.assert_close(*found, atol=1e-5, rtol=1e-4)


def test_patchout_draws_as_the_library_does(taught, both):
    x, found = torch.randn(2, 4, SETTINGS.rows, SETTINGS.columns), []
    both[1].train()
    for call in (lambda: taught["patchout"](x, SETTINGS.patchout_time, SETTINGS.patchout_mel),
                 lambda: both[1]._patchout(x)):  # fmt: skip
        with train.lend_chance(torch.Generator().manual_seed(3)):
            found.append(call())
    assert torch.equal(*found) and found[0].shape[2:] == (SETTINGS.rows - 1, SETTINGS.columns - 3)


@pytest.mark.parametrize("seconds", [0.7, 2.0, 5.3])
def test_recording(taught, both, seconds):
    mine, library = (network.eval() for network in both)
    samples = torch.randn(int(16000 * seconds), generator=torch.Generator().manual_seed(4)) / 10
    frames, mask = library(samples[None], torch.tensor([len(samples)]))
    expected = frames[0][mask[0]].mean(0)
    torch.testing.assert_close(taught["of_recording"](mine, samples, SETTINGS), expected, atol=1e-5, rtol=1e-4)
