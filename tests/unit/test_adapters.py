"""Adapters: each is its equation, pooling knows padding from sound, the cheap order equals the paper's if it can."""

import math
from itertools import product

import pytest
import torch

from lib import adapters, pooling, towers

KINDS = {
    "MLP": lambda **named: adapters.MLPAdapter(6, 4, hidden=8, **named),
    "linear": lambda **named: adapters.LinearAdapter(6, 4, **named),
    "block": lambda **named: adapters.ProjectionBlock(6, 4, **named),
    "block, no residual": lambda **named: adapters.ProjectionBlock(6, 4, residual=False, **named),
}
EACH = list(product(KINDS, pooling.POOLINGS, (True, False)))
MASK = torch.tensor([[True] * 5, [True] * 2 + [False] * 3, [True] + [False] * 4])


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def scattered(adapter, generator):
    """The adapter with all its numbers random, biases and gains too, as it is used (no dropout)."""
    with torch.no_grad():
        for value in adapter.parameters():
            value.copy_(torch.randn(value.shape, generator=generator))
    return adapter.eval()


# Layers, against loops over plain numbers


def weighted(x, weight, bias):
    rows = zip(weight.tolist(), bias.tolist(), strict=True)
    return [sum(w * v for w, v in zip(row, x, strict=True)) + b for row, b in rows]


def normalised(x, gain, shift):
    mean = sum(x) / len(x)
    deviation = math.sqrt(sum((v - mean) ** 2 for v in x) / len(x) + 1e-5)
    return [g * (v - mean) / deviation + s for v, g, s in zip(x, gain.tolist(), shift.tolist(), strict=True)]


def by_hand(kind, x, weights):
    first = weighted(x, *weights[:2])
    if kind == "linear":
        return first
    if kind == "MLP":
        return weighted([max(0.0, v) for v in first], *weights[2:])
    second = weighted([v * 0.5 * (1 + math.erf(v / math.sqrt(2))) for v in first], *weights[2:4])
    added = second if kind == "block, no residual" else [a + b for a, b in zip(first, second, strict=True)]
    return normalised(added, *weights[4:])


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("kind", KINDS)
def test_each_is_its_equation_in_float64(kind, size, generator):
    adapter = scattered(KINDS[kind](), generator).double()
    x = size * torch.randn(5, 6, generator=generator, dtype=torch.float64)
    weights = list(adapter.layers.state_dict().values())
    expected = torch.tensor([by_hand(kind, row.tolist(), weights) for row in x], dtype=torch.float64)
    alone = torch.ones(5, 1, dtype=torch.bool)
    torch.testing.assert_close(adapter(x[:, None], alone), expected, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_finite_differences(kind, generator):
    adapter = scattered(KINDS[kind](pool_first=False), generator).double()
    x = torch.randn(3, 5, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    names, values = zip(*adapter.named_parameters(), strict=True)

    def of(x, *numbers):
        return torch.func.functional_call(adapter, dict(zip(names, numbers, strict=True)), (x, MASK))

    assert torch.autograd.gradcheck(of, (x, *values))


@pytest.mark.parametrize("residual", [True, False])
def test_a_block_whose_second_layer_is_silent_shows_the_residual(residual, generator):
    adapter = adapters.ProjectionBlock(6, 4, residual=residual).eval()
    with torch.no_grad():
        adapter.layers.second.weight.zero_()
        adapter.layers.second.bias.zero_()
        x = torch.randn(3, 6, generator=generator)
        embedded = adapter.layers(x)
    assert (embedded.norm(dim=1) > 1).all() if residual else (embedded == 0).all()


def test_dropout_works_in_training_alone_and_takes_what_was_asked_for(generator):
    x, mask = torch.randn(3, 5, 6, generator=generator), MASK
    adapter = adapters.ProjectionBlock(6, 4, dropout=0.5)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        assert not torch.equal(adapter(x, mask), adapter(x, mask))
        never = adapters.ProjectionBlock(6, 4, dropout=0.0)
        assert torch.equal(never(x, mask), never(x, mask))
    adapter.eval()
    assert torch.equal(adapter(x, mask), adapter(x, mask))


# Poolings


def test_masked_mean_counts_only_what_is_there(generator):
    x = torch.randn(3, 5, 2, generator=generator)
    mean = adapters.masked_mean(x, MASK)
    torch.testing.assert_close(mean, torch.stack([x[0].mean(0), x[1, :2].mean(0), x[2, 0]]))
    x[1, 2:] = 1e6  # whatever stands in the padding
    torch.testing.assert_close(adapters.masked_mean(x, MASK), mean)


def test_masked_max_is_blind_to_padding_even_where_all_that_is_there_is_negative(generator):
    x = -1 - torch.rand(3, 5, 2, generator=generator)
    for padding in (0.0, 1e6, -1e6):
        largest = pooling.masked_max(x.masked_fill(~MASK[..., None], padding), MASK)
        torch.testing.assert_close(largest, torch.stack([x[0].amax(0), x[1, :2].amax(0), x[2, 0]]))


def test_max_and_mean_is_half_of_both(generator):
    x = torch.randn(3, 5, 2, generator=generator)
    expected = torch.stack([(x[i, :n].amax(0) + x[i, :n].mean(0)) / 2 for i, n in enumerate((5, 2, 1))])
    torch.testing.assert_close(pooling.max_mean(x, MASK), expected)


@pytest.mark.parametrize("name", ["mean", "max+mean"])
def test_a_clip_without_frames_is_zero(name):
    assert pooling.pooling(name)(torch.ones(1, 4, 2), torch.zeros(1, 4, dtype=torch.bool)).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("name", pooling.POOLINGS)
def test_a_single_step_is_its_own_pooling_and_pooling_again_changes_nothing(name, generator):
    x = torch.randn(3, 5, 2, generator=generator)
    assert torch.equal(pooling.pooling(name)(x[:, :1], MASK[:, :1]), x[:, 0])
    once = adapters.pooled(x, MASK, name)
    for again in pooling.POOLINGS:  # so text that was pooled beforehand is the same under any adapter
        assert torch.equal(adapters.pooled(*once, again)[0], once[0])


def test_first_is_the_first_step_whatever_follows(generator):
    x = torch.randn(3, 5, 2, generator=generator)
    assert torch.equal(pooling.first(x, MASK), x[:, 0])
    assert torch.equal(pooling.first(torch.cat([x[:, :1], 9 + x[:, 1:]], dim=1), MASK), x[:, 0])


@pytest.mark.parametrize("name, steps", [("mean", 2), ("max+mean", 2), ("first", 1)])
def test_gradients_reach_the_steps_that_are_there(name, steps, generator):
    x = torch.randn(3, 5, 2, generator=generator, requires_grad=True)
    pooling.pooling(name)(x, MASK).sum().backward()
    assert (x.grad[1, :steps] != 0).all() and (x.grad[1, steps:] == 0).all()


def test_an_unknown_pooling_is_named():
    with pytest.raises(ValueError, match=r"expected a pooling among mean, max\+mean, first; got 'sum'"):
        adapters.MLPAdapter(6, 4, pooling="sum")


# Adapters whole


@pytest.mark.parametrize("kind, name, pool_first", EACH)
def test_alone_equals_padded_in_a_batch(kind, name, pool_first, generator):
    adapter = scattered(KINDS[kind](pooling=name, pool_first=pool_first), generator)
    clip = torch.randn(1, 3, 6, generator=generator)
    other = torch.randn(1, 5, 6, generator=generator)
    padded = torch.cat([torch.cat([clip, torch.full((1, 2, 6), 9.0)], dim=1), other])
    mask = torch.tensor([[True, True, True, False, False], [True] * 5])
    alone = adapter(clip, torch.ones(1, 3, dtype=torch.bool))
    torch.testing.assert_close(adapter(padded, mask)[:1], alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", pooling.POOLINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_pooling_beforehand_changes_nothing(kind, name, generator):
    adapter = scattered(KINDS[kind](pooling=name), generator)
    x = torch.randn(3, 5, 6, generator=generator)
    torch.testing.assert_close(adapter(*adapters.pooled(x, MASK, name)), adapter(x, MASK))


@pytest.mark.parametrize("kind, name", product(KINDS, pooling.POOLINGS))
def test_the_two_orders_agree_on_one_frame_and_where_the_pooling_slips_through(kind, name, generator):
    before, after = (KINDS[kind](pooling=name, pool_first=order) for order in (True, False))
    after.load_state_dict(scattered(before, generator).state_dict())
    after.eval()
    x = torch.randn(3, 5, 6, generator=generator)
    torch.testing.assert_close(before(x[:, :1], MASK[:, :1]), after(x[:, :1], MASK[:, :1]))
    slips = name == "first" or (kind, name) == ("linear", "mean")
    assert torch.allclose(before(x, MASK), after(x, MASK), atol=1e-5) == slips


@pytest.mark.parametrize("kind, name, pool_first", EACH)
def test_gradients_reach_each_layer_and_no_padding(kind, name, pool_first, generator):
    adapter = scattered(KINDS[kind](pooling=name, pool_first=pool_first), generator)
    x = torch.randn(3, 5, 6, generator=generator, requires_grad=True)
    adapter(x, MASK).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in adapter.parameters())
    assert x.grad[MASK][[0, 5, 7]].abs().sum() > 0 and (x.grad[~MASK] == 0).all()


@pytest.mark.parametrize("kind, name, pool_first", EACH)
def test_a_saved_tower_comes_back(kind, name, pool_first, generator, tmp_path):
    adapter = scattered(KINDS[kind](pooling=name, pool_first=pool_first), generator)
    text = scattered(adapters.LinearAdapter(3, 4), generator)
    model = towers.DualEncoder(towers.Tower(None, adapter), towers.Tower(None, text)).eval()
    again = towers.load(model.save(tmp_path / "model"))
    inputs = (torch.randn(3, 5, 6, generator=generator), MASK), (torch.randn(3, 5, 3, generator=generator), MASK)
    for a, b in zip(model(*inputs), again(*inputs), strict=True):
        assert torch.equal(a, b)
    assert type(again.audio.adapter) is type(adapter) and again.audio.adapter.settings == adapter.settings


def test_pooling_alone_has_no_weights_and_wants_the_encoders_width(generator):
    adapter = adapters.build("PoolingAdapter", {"feature_dim": 6, "dim": 6})
    x = torch.randn(3, 5, 6, generator=generator)
    assert not list(adapter.parameters())
    torch.testing.assert_close(adapter(x, MASK), adapters.masked_mean(x, MASK))
    with pytest.raises(ValueError, match="expected dim=6, as many as the encoder's features; got 4.*LinearAdapter"):
        adapters.build("PoolingAdapter", {"feature_dim": 6, "dim": 4})


def test_an_unknown_adapter_is_named():
    with pytest.raises(ValueError, match="expected an adapter among MLPAdapter.*got 'os.system'"):
        adapters.build("os.system", {})
    with pytest.raises(ValueError, match="expected the settings of MLPAdapter"):
        adapters.build("MLPAdapter", {"feature_dim": 3, "shell": True})
    with pytest.raises(ValueError, match="expected the settings of LinearAdapter.*hidden"):
        adapters.build("LinearAdapter", {"feature_dim": 3, "dim": 2, "hidden": 5})
