"""What notebook 05 writes out is what `lib.adapters` and `lib.pooling` compute, on random input."""

import math

import pytest
import torch

from lib import adapters, pooling
from tests.notebooks import own_cells
from tests.unit.test_adapters import scattered

TAUGHT = ("linear", "mlp", "gelu", "norm", "block", "mean", "largest", "max_mean", "first")


@pytest.fixture(scope="module")
def taught():
    """The notebook's functions, without running the notebook."""
    return own_cells.written("05_adapters", TAUGHT, torch=torch, math=math)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("size", [1.0, 1e3])
@pytest.mark.parametrize(
    "name, make, options",
    [
        ("linear", lambda: adapters.LinearAdapter(6, 4), {}),
        ("mlp", lambda: adapters.MLPAdapter(6, 4, hidden=9), {}),
        ("block", lambda: adapters.ProjectionBlock(6, 4), {}),
        ("block", lambda: adapters.ProjectionBlock(6, 4, residual=False), {"residual": False}),
    ],
)
def test_layers(taught, generator, name, make, options, size):
    adapter, x = scattered(make(), generator), size * torch.randn(5, 3, 6, generator=generator)
    weights = adapter.layers.state_dict().values()
    torch.testing.assert_close(taught[name](x, *weights, **options), adapter.layers(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name, taught_name", [("mean", "mean"), ("max+mean", "max_mean"), ("first", "first")])
def test_poolings(taught, generator, name, taught_name):
    x = torch.randn(4, 5, 3, generator=generator) - 2  # mostly negative: padding's zeros would win a maximum
    mask = torch.arange(5) < torch.tensor([[5], [3], [1], [4]])
    expected = pooling.pooling(name)(x, mask)
    torch.testing.assert_close(taught[taught_name](x, mask), expected)
    torch.testing.assert_close(taught["largest"](x, mask), pooling.masked_max(x, mask))
