"""What notebook 17 writes out is what `lib` computes."""

import numpy as np
import pytest
import torch

from lib import losses, one_space
from lib.search import Conversation, Index
from tests.notebooks import own_cells
from tests.unit import test_one_space as toy
from tests.unit import test_search as small

NAME = "17_search_your_sounds"


@pytest.fixture(scope="module")
def taught():
    return own_cells.written(NAME, ("one_space_loss", "query"), torch=torch, losses=losses, np=np)


@pytest.mark.parametrize("weight", [0.3, 1.0])
def test_the_loss(taught, weight):
    known, recipe = toy.toy(96), toy.replace(toy.QUICK, changes=weight, temperature=0.07)
    model = one_space.untrained(known, recipe, torch.Generator().manual_seed(1)).eval()
    for batch in one_space.batches(known.learnt, known.changes, 32, torch.Generator().manual_seed(2)):
        torch.testing.assert_close(taught["one_space_loss"](model, *batch, weight=weight),
                                   one_space.loss(model, batch, recipe))  # fmt: skip


def test_the_query(taught):
    index = Index(small.EMBEDDINGS, small.NAMED)
    for words, row in (("rain", None), ("add dog", 1), ("", 1)):
        sound = None if row is None else small.EMBEDDINGS[row]
        asked = taught["query"](small.WORDS.__getitem__, words, sound)
        found = index.query(asked, 5, without=() if row is None else (row,))
        step = Conversation(index, small.WORDS.__getitem__).ask(words, row=row)
        assert found["clip_id"].tolist() == step.found["clip_id"].tolist()
        np.testing.assert_allclose(found["score"], step.found["score"], rtol=1e-6)
