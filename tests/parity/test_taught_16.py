"""What notebook 16 writes out is what `lib.difference_map` computes."""

import ast
from pathlib import Path

import jupytext
import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from lib import difference_map
from tests.unit import test_difference as toy

SOURCE = Path(__file__).parents[2] / "notebooks" / "source" / "16_mapping_differences.py"
TAUGHT = ("differences", "cosines", "share_of_neighbours", "text_is_right")


@pytest.fixture(scope="module")
def taught():
    """The notebook's functions, without running the notebook."""
    cells = jupytext.read(SOURCE, fmt="py:percent").cells
    code = [node for c in cells if c.cell_type == "code" for node in ast.parse(c.source).body]
    found = [node for node in code if isinstance(node, ast.FunctionDef) and node.name in TAUGHT]
    assert sorted(node.name for node in found) == sorted(TAUGHT)
    namespace = {"torch": torch, "np": np, "NearestNeighbors": NearestNeighbors}
    exec(compile(ast.Module(found, []), SOURCE.name, "exec"), namespace)
    return namespace


@pytest.mark.parametrize("words", [True, False])
def test_differences(taught, words):
    pairs = toy.toy(20)
    model = toy.model_of(pairs, toy.replace(toy.QUICK, words=words))
    sounds, texts = taught["differences"](model, pairs)
    found = difference_map.differences(model, pairs, pairs.kinds.numpy())
    np.testing.assert_allclose(sounds, found.sounds)
    np.testing.assert_allclose(texts, found.words) if words else None
    assert (texts is None) == (found.words is None) == (not words)


def test_neighbours_and_texts(taught):
    rng = np.random.default_rng(1)
    points, words, kinds = rng.normal(size=(60, 5)), rng.normal(size=(60, 5)), rng.choice(["a", "b", "c"], 60)
    shares = taught["share_of_neighbours"](points, kinds, 7)
    np.testing.assert_allclose(shares, difference_map.neighbours(points, kinds, 7))
    right = taught["text_is_right"](words, points, kinds)
    assert right.tolist() == (difference_map.nearest_kind(words, points, kinds) == kinds).tolist()
