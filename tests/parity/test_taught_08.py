"""What notebook 08 writes out is what `lib.losses` computes."""

import ast
from pathlib import Path

import jupytext
import pytest
import torch

from lib import losses

SOURCE = Path(__file__).parents[2] / "notebooks" / "source" / "08_nt_xent_loss.py"
TAUGHT = ("cosine", "asks", "nt_xent", "pulled_and_pushed", "general")


@pytest.fixture(scope="module")
def taught():
    """The notebook's functions, without running the notebook."""
    cells = jupytext.read(SOURCE, fmt="py:percent").cells
    code = [node for c in cells if c.cell_type == "code" for node in ast.parse(c.source).body]
    found = [node for node in code if isinstance(node, ast.FunctionDef) and node.name in TAUGHT]
    assert sorted(node.name for node in found) == sorted(TAUGHT)
    namespace = {"torch": torch}
    exec(compile(ast.Module(found, []), SOURCE.name, "exec"), namespace)
    return namespace


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
