"""What notebook 07 writes out is what `lib.losses` computes, and its drawing of imposters is the official code's."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
import torch

from lib import losses
from tests.notebooks import own_cells

TAUGHT = ("cost_of_triplet", "downhill", "cosine", "of_imposters", "triplet", "draw_imposters")
GROUPS = torch.tensor([3, 1, 3, 0, 0, 0, 2])


@pytest.fixture(scope="module")
def taught():
    """The notebook's functions, without running the notebook."""
    return own_cells.written("07_triplet_loss", TAUGHT, torch=torch, F=torch.nn.functional)


def batch(n=7, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 5, generator=generator), torch.randn(n, 5, generator=generator)


@pytest.mark.parametrize("groups", [GROUPS, torch.zeros(7, dtype=torch.long)], ids=["several clips", "one clip"])
@pytest.mark.parametrize("margin", [1.0, 0.2])
@pytest.mark.parametrize("imposters", losses.IMPOSTERS)
def test_the_triplet_loss(taught, imposters, margin, groups):
    draw = torch.Generator()
    mine = taught["triplet"](*batch(), groups, margin, imposters, draw.manual_seed(4))
    named = dict(groups=groups, margin=margin, imposters=imposters, generator=draw.manual_seed(4))
    torch.testing.assert_close(mine, losses.triplet(*batch(), **named))


def test_one_triplet(taught):
    """Two pairs: each meets the other's caption and the other's clip, so that the batch costs four triplets, halved."""
    audio, text = batch(n=2)
    s = losses.cosine(audio, text).tolist()
    costs = [taught["cost_of_triplet"](s[i][i], s[j][k], 0.5) for i, (j, k) in ((0, (0, 1)), (0, (1, 0)), (1, (1, 0)),
                                                                                (1, (0, 1)))]
    assert sum(costs) / 2 == pytest.approx(float(losses.triplet(audio, text, margin=0.5)), abs=1e-6)


def test_downhill_lowers_the_cost(taught):
    points, moves, cost = taught["downhill"]((90.0, 25.0, 125.0), 0.2)
    sound, own, imposter = torch.nn.functional.normalize(points + 0.1 * moves, dim=1)
    assert float(sound @ imposter - sound @ own + 0.2) < cost - 0.05
    assert taught["downhill"]((90.0, 60.0, 160.0), 0.2)[2] == 0
    stuck = taught["downhill"]((90.0, 90.0, 90.0), 0.2)
    assert stuck[2] == pytest.approx(0.2) and float(stuck[1].abs().max()) < 1e-6


def test_the_official_drawing(taught):
    """Of other clips, never the same pair on both sides, every allowed couple alike; and it can go on for ever."""
    labels, rng = [0, 0, 1, 2], np.random.default_rng(0)
    counts = Counter(taught["draw_imposters"](labels, rng)[0] for _ in range(2000))
    assert set(counts) == set(permutations([2, 3], 2))
    assert max(counts.values()) < 1.15 * min(counts.values())
    for endless in ([0, 0, 0], [0, 1], [5]):
        assert taught["draw_imposters"](endless, rng, patience=200) is None
