"""What notebook 08 writes out is what `lib.losses` computes."""


import pytest
import torch

from lib import losses
from tests.notebooks import own_cells

TAUGHT = ("cosine", "asks", "nt_xent", "pulled_and_pushed", "general")


@pytest.fixture(scope="module")
def taught():
    """The notebook's functions, without running the notebook."""
    return own_cells.written("08_nt_xent_loss", TAUGHT, torch=torch)


def pair(n=7, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 5, generator=generator), torch.randn(n, 5, generator=generator)


def test_cosine(taught):
    torch.testing.assert_close(taught["cosine"](*pair()), losses.cosine(*pair()))


@pytest.mark.parametrize("temperature", [0.02, 0.07, 1.0])
def test_nt_xent(taught, temperature):
    expected = losses.nt_xent(*pair(), temperature=temperature)
    torch.testing.assert_close(taught["nt_xent"](*pair(), temperature), expected)


@pytest.mark.parametrize("pairs", losses.PAIRS)
@pytest.mark.parametrize("same_group", losses.SAME_GROUP)
def test_pairs(taught, pairs, same_group):
    groups = torch.tensor([3, 1, 3, 0, 0, 0, 2])
    masks = taught["pulled_and_pushed"](groups, same_group, pairs)
    for mine, its in zip(masks, losses.pair_masks(groups, same_group=same_group, pairs=pairs), strict=True):
        assert torch.equal(mine, its)
    audio, text = pair()
    sides = [(audio, text), (text, audio)] if pairs == "text-audio" else [(torch.cat([audio, text]),) * 2]
    value = torch.stack([taught["general"](taught["cosine"](*side), *masks) for side in sides]).mean()
    torch.testing.assert_close(value, losses.nt_xent(audio, text, groups=groups, same_group=same_group, pairs=pairs))
