"""What notebook 19 writes out is what `lib` computes: gradients in pieces, and the hours of a training."""

import ast
from functools import partial

import jupytext
import pytest
import torch

from lib import costs, losses
from lib.encoders.pieces import in_pieces
from lib.workbook import SOURCES
from tests.unit import toy_corpus as toy

SOURCE = SOURCES / "19_full_scale.py"
TAUGHT = ("work", "cached_backward", "SEGMENT, CAPTION")


@pytest.fixture(scope="module")
def taught():
    """The notebook's functions and numbers, without running the notebook."""
    cells = jupytext.read(SOURCE, fmt="py:percent").cells
    code = [node for c in cells if c.cell_type == "code" for node in ast.parse(c.source).body]
    named = [(node, node.name if isinstance(node, ast.FunctionDef) else ast.unparse(node.targets[0]).strip("()"))
             for node in code if isinstance(node, ast.FunctionDef | ast.Assign)]  # fmt: skip
    found = [(node, name) for node, name in named if name in TAUGHT]
    assert sorted(name for _, name in found) == sorted(TAUGHT)
    namespace = {"torch": torch}
    exec(compile(ast.Module([node for node, _ in found], []), SOURCE.name, "exec"), namespace)
    return namespace


def gradients(fill):
    """Of an ear that has heard ten clips."""
    ear = toy.Ear().eval()
    fill(ear)
    return {name: p.grad for name, p in ear.named_parameters()}


@pytest.mark.parametrize("size", [1, 3, 10])
def test_cached_gradients(taught, size):
    """By hand, by `lib`, and of the whole batch: all the same; of pieces by themselves: not."""
    torch.manual_seed(0)
    waveforms, text, lengths = torch.rand(10, 800), torch.randn(10, 16), torch.full((10,), 800)

    def embed(ear, x):
        return ear(x, torch.full((len(x),), 800))[0].mean(1)

    def loss(embeddings):
        return losses.nt_xent(embeddings, text)

    whole = gradients(lambda ear: loss(embed(ear, waveforms)).backward())
    by_hand = gradients(lambda ear: taught["cached_backward"](partial(embed, ear), loss, waveforms, size))
    ours = gradients(lambda ear: loss(in_pieces(ear, size)(waveforms, lengths)[0].mean(1)).backward())
    for name, wanted in whole.items():
        torch.testing.assert_close(by_hand[name], wanted, msg=name)
        torch.testing.assert_close(ours[name], wanted, msg=name)


def test_the_teeth_of_it(taught):
    torch.manual_seed(0)
    waveforms, text = torch.rand(10, 800), torch.randn(10, 16)

    def alone(ear):
        for x, y in zip(waveforms.split(5), text.split(5)):
            (losses.nt_xent(ear(x, torch.full((5,), 800))[0].mean(1), y) / 2).backward()

    def together(ear):
        taught["cached_backward"](lambda x: ear(x, torch.full((len(x),), 800))[0].mean(1),
                                  lambda e: losses.nt_xent(e, text), waveforms, 5)  # fmt: skip

    one, other = gradients(alone), gradients(together)
    assert not torch.allclose(one["layer.weight"], other["layer.weight"], rtol=0.05)


def test_the_work_of_a_training(taught):
    assert taught["work"](3, 19_195, 20) == pytest.approx(costs.ON_CLOTHO.operations)
    assert (taught["SEGMENT"], taught["CAPTION"]) == (costs.PATCHED_OUT["passt_n"], costs.TEXT["roberta_large"])
