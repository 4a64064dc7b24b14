"""What notebook 06 writes out is what `lib.losses` computes; its number of the authors' library is that library's."""


import pytest
import torch
from pytorch_metric_learning.distances import CosineSimilarity
from pytorch_metric_learning.losses import ContrastiveLoss

from lib import losses
from tests.notebooks import own_cells

TAUGHT = ("cost", "cosine", "pulled_and_pushed", "mean_of_nonzero", "averaged", "contrastive", "at_degrees", "nt_xent")
CONSTANTS = ("sounds3", "THE_AUTHORS_LIBRARY")


@pytest.fixture(scope="module")
def taught():
    """The notebook's functions and its constants, without running the notebook."""
    return own_cells.written("06_contrastive_loss", TAUGHT, constants=CONSTANTS, torch=torch, F=torch.nn.functional)


def batch(n=7, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 5, generator=generator), torch.randn(n, 5, generator=generator)


GROUPS = torch.tensor([3, 1, 3, 0, 0, 0, 2])


@pytest.mark.parametrize("pairs", losses.PAIRS)
def test_pairs(taught, pairs):
    masks = taught["pulled_and_pushed"](GROUPS, pairs)
    for mine, its in zip(masks, losses.pair_masks(GROUPS, pairs=pairs), strict=True):
        assert torch.equal(mine, its)


@pytest.mark.parametrize("pairs", losses.PAIRS)
@pytest.mark.parametrize("mean", losses.MEANS)
def test_the_contrastive_loss(taught, pairs, mean):
    ours = losses.contrastive(*batch(), groups=GROUPS, pairs=pairs, mean=mean)
    torch.testing.assert_close(taught["contrastive"](*batch(), GROUPS, pairs, mean), ours)


def test_one_pair(taught):
    """Equation 3 as a function of numbers, against the loss of a batch that holds one such pair."""
    for degrees in (0.0, 40.0, 90.0, 170.0):
        a, t = taught["at_degrees"](0.0), taught["at_degrees"](degrees)
        s = float(losses.cosine(a, t))
        assert taught["cost"](s, True) == pytest.approx(float(losses.contrastive(a, t)), abs=1e-6)
        wrong = losses.contrastive(torch.cat([a, t]), torch.cat([a, t]), pairs="text-audio")
        assert taught["cost"](s, False) == pytest.approx(float(wrong), abs=1e-6)


def test_nt_xent_beside_it(taught):
    audio, text = batch()
    items = torch.cat([audio, text])
    ours = losses.nt_xent(audio, text, pairs="all")
    torch.testing.assert_close(taught["nt_xent"](losses.cosine(items, items)), ours)


def test_what_the_notebook_says_of_the_authors_library(taught):
    items, labels = torch.cat([taught["sounds3"], taught["captions3"]]), taught["labels3"].repeat(2)
    library = ContrastiveLoss(pos_margin=1, neg_margin=0, distance=CosineSimilarity())(items, labels)
    assert float(library) == pytest.approx(taught["THE_AUTHORS_LIBRARY"], abs=5e-7)
