"""Adapters: pooling knows padding from sound, and the cheap order equals the paper's where it must."""

import pytest
import torch

from lib import adapters


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def test_masked_mean_counts_only_what_is_there(generator):
    x = torch.randn(3, 5, 2, generator=generator)
    mask = torch.tensor([[True] * 5, [True] * 2 + [False] * 3, [True] + [False] * 4])
    mean = adapters.masked_mean(x, mask)
    torch.testing.assert_close(mean, torch.stack([x[0].mean(0), x[1, :2].mean(0), x[2, 0]]))
    x[1, 2:] = 1e6  # whatever stands in the padding
    torch.testing.assert_close(adapters.masked_mean(x, mask), mean)


def test_a_clip_without_frames_has_mean_zero():
    mean = adapters.masked_mean(torch.ones(1, 4, 2), torch.zeros(1, 4, dtype=torch.bool))
    assert mean.tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("pool_first", [True, False])
def test_alone_equals_padded_in_a_batch(generator, pool_first):
    adapter = adapters.MLPAdapter(6, 4, hidden=8, pool_first=pool_first)
    clip = torch.randn(1, 3, 6, generator=generator)
    padded = torch.cat([clip, torch.full((1, 2, 6), 9.0)], dim=1)
    mask = torch.tensor([[True, True, True, False, False]])
    alone = adapter(clip, torch.ones(1, 3, dtype=torch.bool))
    torch.testing.assert_close(adapter(padded, mask), alone, atol=1e-6, rtol=0)


def test_the_two_orders_agree_on_one_frame_and_differ_on_several(generator):
    first, paper = (adapters.MLPAdapter(6, 4, hidden=8, pool_first=order) for order in (True, False))
    paper.load_state_dict(first.state_dict())
    x, mask = torch.randn(2, 5, 6, generator=generator), torch.ones(2, 5, dtype=torch.bool)
    torch.testing.assert_close(first(x[:, :1], mask[:, :1]), paper(x[:, :1], mask[:, :1]))
    assert not torch.allclose(first(x, mask), paper(x, mask), atol=1e-3)


def test_pooling_beforehand_changes_nothing(generator):
    adapter = adapters.MLPAdapter(6, 4)
    x = torch.randn(3, 5, 6, generator=generator)
    mask = torch.arange(5) < torch.tensor([[5], [3], [1]])
    torch.testing.assert_close(adapter(*adapters.pooled(x, mask)), adapter(x, mask))


def test_gradients_reach_each_layer_and_the_frames_that_are_there(generator):
    adapter = adapters.MLPAdapter(6, 4, pool_first=False)
    x = torch.randn(1, 3, 6, generator=generator, requires_grad=True)
    adapter(x, torch.tensor([[True, True, False]])).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in adapter.parameters())
    assert x.grad[0, :2].abs().sum() > 0 and x.grad[0, 2].abs().sum() == 0


def test_an_unknown_adapter_is_named():
    with pytest.raises(ValueError, match="expected an adapter among MLPAdapter.*got 'os.system'"):
        adapters.build("os.system", {})
    with pytest.raises(ValueError, match="expected the settings of MLPAdapter"):
        adapters.build("MLPAdapter", {"feature_dim": 3, "shell": True})
