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


def test_standardised_inputs_have_mean_zero_and_deviation_one(generator):
    x = 5 + 3 * torch.randn(200, 4, 6, generator=generator)
    x[..., 2] = 7  # a dead feature
    mask = torch.arange(4) < torch.randint(1, 5, (200, 1), generator=generator)
    x[~mask] = 1e6  # whatever stands in the padding
    adapter = adapters.MLPAdapter(6, 4).standardise(x, mask)
    even = (x[mask] - adapter.centre) / adapter.spread
    torch.testing.assert_close(even.mean(0), torch.zeros(6), atol=1e-4, rtol=0)
    torch.testing.assert_close(even.std(0, correction=0), torch.tensor([1.0, 1, 0, 1, 1, 1]), atol=1e-4, rtol=0)
    copied = adapters.MLPAdapter(6, 4)
    copied.load_state_dict(adapter.state_dict())
    on = torch.ones(200, 4, dtype=torch.bool)
    assert torch.equal(copied(x, on), adapter(x, on))  # the numbers travel with the weights


def test_an_unknown_adapter_is_named():
    with pytest.raises(ValueError, match="expected an adapter among MLPAdapter.*got 'os.system'"):
        adapters.build("os.system", {})
    with pytest.raises(ValueError, match="expected the settings of MLPAdapter"):
        adapters.build("MLPAdapter", {"feature_dim": 3, "shell": True})
