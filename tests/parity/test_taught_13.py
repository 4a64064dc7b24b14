"""What notebook 13 writes out is what `lib.losses` and `lib.augment` compute."""

import ast

import jupytext
import numpy as np
import pytest
import torch

from lib import augment, batch_pairs, losses
from lib.workbook import SOURCES

SOURCE = SOURCES / "13_mixing_and_masking.py"
TAUGHT = ("mix", "targets", "asks", "mixco", "mask_tokens")


@pytest.fixture(scope="module")
def taught():
    """The notebook's functions, without running the notebook."""
    cells = jupytext.read(SOURCE, fmt="py:percent").cells
    code = [node for c in cells if c.cell_type == "code" for node in ast.parse(c.source).body]
    found = [node for node in code if isinstance(node, ast.FunctionDef) and node.name in TAUGHT]
    assert sorted(node.name for node in found) == sorted(TAUGHT)
    namespace = {"torch": torch, "np": np, "losses": losses}
    exec(compile(ast.Module(found, []), SOURCE.name, "exec"), namespace)
    return namespace


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def batch(n=7):
    g = generator(n)
    return (torch.randn(n, 5, generator=g), torch.randn(n, 5, generator=g), torch.randint(n, (n,), generator=g),
            torch.rand(n, generator=g))  # fmt: skip


@pytest.mark.parametrize("temperature", [0.02, 0.07, 1.0])
@pytest.mark.parametrize("n", [1, 2, 7, 32])
def test_mixco(taught, n, temperature):
    expected = losses.mixco(*batch(n), temperature=temperature)
    torch.testing.assert_close(taught["mixco"](*batch(n), temperature), expected, atol=1e-5, rtol=1e-5)


def test_targets(taught):
    _, _, partner, share = batch()
    expected, _ = batch_pairs.mixed_targets(partner, share, torch.arange(7))
    torch.testing.assert_close(taught["targets"](partner, share), expected)


def test_a_swap_of_partner_and_own_is_caught(taught):
    """The teeth: the taught loss with the shares swapped, or with another partner, is another number."""
    mixed, text, partner, share = batch()
    right = losses.mixco(mixed, text, partner, share, temperature=0.07)
    for wrong in ((partner, 1 - share), (partner.roll(1), share)):
        assert (taught["mixco"](mixed, text, *wrong) - right).abs() > 0.01


@pytest.mark.parametrize("lengths", [(400, 400), (400, 250), (120, 400)])
def test_mix(taught, lengths):
    first, second = (torch.randn(n, generator=generator(n)).numpy() for n in lengths)
    rows = torch.zeros(2, 400)
    for row, samples in zip(rows, (first, second)):
        row[: len(samples)] = torch.from_numpy(samples)
    share = torch.tensor([0.7, 0.2])
    mixed, longer = augment.mix_waveforms(rows, torch.tensor(lengths), torch.tensor([1, 0]), share)
    np.testing.assert_allclose(taught["mix"](first, second, 0.7), mixed[0, : longer[0]].numpy(), atol=1e-6)
    np.testing.assert_allclose(taught["mix"](second, first, 0.2), mixed[1, : longer[1]].numpy(), atol=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.15, 1.0])
def test_mask_tokens(taught, share):
    ids = torch.randint(1000, 2000, (40, 12), generator=generator(1))
    maskable = torch.rand(40, 12, generator=generator(2)) < 0.8
    ours, lib = (f(ids, maskable, 103, share, generator(3)) for f in (taught["mask_tokens"], augment.mask_tokens))
    assert torch.equal(ours, lib) and torch.equal(ours[~maskable], ids[~maskable])
