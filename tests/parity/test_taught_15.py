"""What notebook 15 writes out is what `lib` computes, and what equations 2 to 6 say."""

import math

import pytest
import torch
from torch.nn import functional as F

from lib import difference, losses
from tests.notebooks import own_cells
from tests.unit import test_difference as toy


@pytest.fixture(scope="module")
def taught():
    """The notebook's functions, without running the notebook."""
    wanted = ("query", "contrastive", "classification", "floor")
    return own_cells.written("15_audio_difference", wanted, torch=torch, F=F, math=math)


@pytest.fixture
def known():
    """A model, its pairs, and what it makes of them."""
    pairs = toy.toy(24)
    model = toy.model_of(pairs)
    with torch.no_grad():
        return model, pairs, model(pairs)


def test_the_query_is_the_models(taught, known):
    model, pairs, (query, *_) = known
    with torch.no_grad():
        torch.testing.assert_close(taught["query"](model.hear(pairs.before), model.read(pairs.text)), query)


@pytest.mark.parametrize("temperature", [1.0, 0.07])
def test_the_losses_are_libs(taught, known, temperature):
    model, pairs, (query, target, before, after) = known
    ours = taught["contrastive"](query, target, -math.log(temperature))
    torch.testing.assert_close(ours, losses.nt_xent(query, target, temperature=temperature))
    crossed = taught["classification"](before, after, pairs.before_labels, pairs.after_labels)
    with torch.no_grad():
        whole = difference.loss(model, pairs, temperature=temperature, classify=0.7)
    torch.testing.assert_close(ours + 0.7 * crossed, whole)


def test_by_hand(taught):
    """Two queries at right angles, each on its target: z is 1 and 0; and a classifier that is 0.8 and 0.4 sure."""
    eye = torch.eye(2)
    assert float(taught["contrastive"](3 * eye, eye)) == pytest.approx(math.log(1 + math.exp(-1)))
    one_way = torch.tensor([[1.0, 0.0], [1.0, 0.0]])  # both ask for the first: rows (1, 0), columns (1, 1) and (0, 0)
    rows = math.log(1 + math.exp(-1)), math.log(1 + math.e)
    expected = (sum(rows) / 2 + math.log(2)) / 2
    assert float(taught["contrastive"](one_way, eye)) == pytest.approx(expected)
    said = torch.logit(torch.tensor([[0.8, 0.4]]))
    crossed = taught["classification"](said, -said, torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]))
    assert float(crossed) == pytest.approx(2 * -(math.log(0.8) + math.log(0.6)) / 2)


@pytest.mark.parametrize("batch", [2, 16, 64, 512])
@pytest.mark.parametrize("tau", [0.0, -math.log(0.07)])
def test_the_floor_is_reached_by_a_simplex_and_by_nothing_else(taught, batch, tau):
    corners = F.normalize(torch.eye(batch, dtype=torch.float64) - 1 / batch, dim=1)
    floor = taught["floor"](batch, tau)
    assert float(taught["contrastive"](corners, corners, tau)) == pytest.approx(floor, rel=1e-9)
    g = torch.Generator().manual_seed(batch)
    nudged = corners + 0.05 * torch.randn(corners.shape, generator=g, dtype=torch.float64)
    assert float(taught["contrastive"](nudged, corners, tau)) > floor


@pytest.mark.parametrize("batch, value", [(16, 1.818), (64, 3.170), (512, 5.240)])
def test_the_floor_in_numbers(taught, batch, value):
    assert taught["floor"](batch) == pytest.approx(value, abs=1e-3)
    assert math.log(batch) - taught["floor"](batch) == pytest.approx(1, abs=0.05)  # about one nat, whatever the batch


def test_an_unshared_temperature_or_one_direction_would_be_seen(taught, known):
    """Teeth: the check above fails for a loss of one direction, or of dot products."""
    _, _, (query, target, *_) = known
    z = F.normalize(query, dim=1) @ F.normalize(target, dim=1).T
    own = torch.arange(len(z))
    right = taught["contrastive"](query, target)
    assert abs(F.cross_entropy(z, own) - right) > 1e-4
    assert abs((F.cross_entropy(query @ target.T, own) + F.cross_entropy(target @ query.T, own)) / 2 - right) > 1e-2
