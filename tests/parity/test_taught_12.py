"""What notebook 12 writes out is what the library does: the reader of answers, and the swap."""

import ast
import random
import re
from pathlib import Path

import jupytext
import numpy as np
import pytest
import torch

from lib import llm
from lib.examples import Examples
from lib.llm import Reason
from lib.variants import Variants

SOURCE = Path(__file__).parents[2] / "notebooks" / "source" / "12_gpt_captions.py"
TAUGHT = ("parse", "swapped")
STRICTER = {Reason.SEVERAL, Reason.SHORT, Reason.REPEATED, Reason.REFUSED}  # what the library looks for besides


@pytest.fixture(scope="module")
def taught():
    """The notebook's functions, without running the notebook."""
    cells = jupytext.read(SOURCE, fmt="py:percent").cells
    code = [node for c in cells if c.cell_type == "code" for node in ast.parse(c.source).body]
    found = [node for node in code if isinstance(node, ast.FunctionDef) and node.name in TAUGHT]
    assert sorted(node.name for node in found) == sorted(TAUGHT)
    namespace = {"re": re}
    exec(compile(ast.Module(found, []), SOURCE.name, "exec"), namespace)
    return namespace


def answer(rng: random.Random, n: int) -> str:
    """A good answer, most of the time a little spoilt."""
    nouns, verbs = ["dog", "clock", "siren", "man", "bird"], ["barks", "ticks", "wails", "sings", "is heard"]
    ends = ["once.", "in the rain.", "near a road, then stops.", "and " * 20 + "on.", "again"]
    lines = [f"{k}. A {rng.choice(nouns)} {rng.choice(verbs)} {k} times {rng.choice(ends)}" for k in range(1, n + 1)]
    for _ in range(rng.randrange(3)):
        at = rng.randrange(len(lines))
        bracket = lines[at].replace(".", ")", 1)
        lines[at] = rng.choice(["", lines[at] + "\n\n", bracket, " " + lines[at], "7. Rain.", "-"])
    return "\n".join(lines)


def test_what_it_takes_the_library_takes_alike(taught):
    """On 3,000 answers; the library takes more, and looks for more faults within a sentence."""
    rng, taken, more = random.Random(0), 0, 0
    for _ in range(3000):
        n = rng.choice([2, 5])
        text = answer(rng, n)
        mine, its = taught["parse"](text, n), llm.parse(text, n=n)
        taken, more = taken + (mine is not None), more + (mine is None and not its.reason)
        if mine is not None:
            assert its.reason in STRICTER or list(its.captions) == mine, (text, its)
    assert taken > 100 and more > 20, (taken, more)


@pytest.mark.parametrize("text", ["", "I cannot.", "1. Rain.", "1. A dog.\n3. A cat.", "1. It is heard.\n2. A cat."])
def test_what_the_library_refuses_it_refuses(taught, text):
    assert taught["parse"](text, 2) is None and llm.parse(text, n=2).reason


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_it_swaps_as_often_as_the_library(taught, p):
    n, k = 4000, 5
    captions = [f"caption {i}" for i in range(n)]
    variants = [[f"{caption}, variant {v}" for v in range(1, k + 1)] for caption in captions]
    mine = taught["swapped"](captions, variants, p, np.random.default_rng(0))
    told = Variants(tuple((c, *own) for c, own in zip(captions, variants)), lambda texts: None)
    frames = (torch.zeros(n, 1, 1), torch.ones(n, 1).bool())
    examples = Examples(*frames, *frames, torch.arange(n), captions=tuple(captions), variants=told)
    epoch = examples.batches(torch.Generator().manual_seed(0), n, None, swap=p)
    (its,) = epoch[0].text
    for texts in (mine, its):
        which = [int(text.rpartition(" ")[2]) if "variant" in text else 0 for text in texts]
        share = np.bincount(which, minlength=k + 1) / n
        np.testing.assert_allclose(share, [1 - p, *[p / k] * k], atol=0.03)
    if p == 0:
        assert mine == captions


def test_a_caption_without_variants_stays(taught):
    assert taught["swapped"](["a dog"], [()], 1.0, np.random.default_rng(0)) == ["a dog"]
