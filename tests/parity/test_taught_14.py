"""What notebook 14 writes out is what `lib` computes."""

import ast
from pathlib import Path

import jupytext
import numpy as np
import pytest
import torch

from lib import books, losses, retrieval
from tests.unit import toy_corpus as toy

SOURCE = Path(__file__).parents[2] / "notebooks" / "source" / "14_many_views_one_ranking.py"
TAUGHT = ("average", "averaged", "ensemble", "soft_targets")


@pytest.fixture(scope="module")
def taught():
    """The notebook's functions, without running the notebook."""
    cells = jupytext.read(SOURCE, fmt="py:percent").cells
    code = [node for c in cells if c.cell_type == "code" for node in ast.parse(c.source).body]
    found = [node for node in code if isinstance(node, ast.FunctionDef) and node.name in TAUGHT]
    assert sorted(node.name for node in found) == sorted(TAUGHT)
    namespace = {"torch": torch, "np": np}
    exec(compile(ast.Module(found, []), SOURCE.name, "exec"), namespace)
    return namespace


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_average_of_views(taught, tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))
    plain = toy.corpus()
    captions = list(plain.rows["test"]["caption"])
    corpus = plain.with_variants({"test": [(text[::-1], text[1:] + text[:1]) for text in captions]})
    model = retrieval.untrained(corpus, toy.RECIPE, torch.Generator().manual_seed(1)).eval()
    split = corpus.examples(["test"])
    with torch.no_grad():
        _, ours = retrieval.embed(model, split, 2)
        views = [model.text(*split.told(torch.arange(40), torch.full((40,), v))) for v in range(3)]
    for row, mine in enumerate(ours):
        torch.testing.assert_close(taught["average"](torch.stack([view[row] for view in views])), mine)


def test_average_of_checkpoints(taught):
    checkpoints = [{"weight": random(3, 2, seed=k), "bias": random(3, seed=9 + k)} for k in range(4)]
    for n in (1, 2, 4):
        for name, value in taught["averaged"](checkpoints[:n]).items():
            torch.testing.assert_close(value, books.averaged(checkpoints[:n])[name])
    one = checkpoints[0]
    assert all(torch.equal(value, one[name]) for name, value in taught["averaged"]([one, one]).items())


@pytest.mark.parametrize("temperature", [0.02, 0.07, 1.0])
def test_soft_targets(taught, temperature):
    audio, text, teacher = random(7, 5), random(7, 5, seed=1), losses.cosine(random(7, 5, seed=2), random(7, 5, seed=3))
    named = dict(temperature=temperature, teacher_temperature=temperature)
    expected = losses.soft_targets(audio, text, teacher=teacher, **named)
    torch.testing.assert_close(taught["soft_targets"](losses.cosine(audio, text), teacher, temperature), expected)


def test_an_ensemble_of_a_model_with_itself_ranks_as_the_model(taught):
    S, other = random(20, 30).numpy(), random(20, 30, seed=1).numpy()
    assert np.array_equal(taught["ensemble"]([S] * 4).argsort(axis=1), S.argsort(axis=1))
    assert not np.array_equal(taught["ensemble"]([S, other]).argsort(axis=1), S.argsort(axis=1))
