"""Notebook 16's log is what its arms come to; its claims fall where before and after are the same."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lib import difference_map, profiles, run_log, train
from lib.difference_map import Sample
from lib.difference_runs import Recipe
from lib.show.claims import judge
from tests.notebooks import own_cells

NAME, LAPTOP = "16_mapping_differences", profiles.PROFILES["laptop"]


@pytest.fixture(scope="module")
def notebook():
    """What the notebook's cells tagged `recipes` define at profile laptop."""
    names = {"profile": LAPTOP, "train": train, "Recipe": Recipe, "Sample": Sample}
    for source in own_cells.code(NAME, "recipes"):
        exec(compile(source, "recipes", "exec"), names)
    return SimpleNamespace(**{name: names[name] for name in ("ARMS", "SAMPLES")})


@pytest.fixture(scope="module")
def log():
    return run_log.read("16")


def test_the_log_holds_every_arm_of_every_seed_as_the_notebook_asks_for_it(notebook, log):
    for seed in LAPTOP.seeds:
        keys = {difference_map._key("rain", recipe, seed, LAPTOP.n_train, notebook.SAMPLES): arm
                for arm, recipe in notebook.ARMS.items()}
        assert {log[key].arm for key in keys} == set(notebook.ARMS)
    assert len(log) == len(notebook.ARMS) * len(LAPTOP.seeds)


def test_a_planted_difference_is_found(log):
    """The positive control: draw one point in ten to the other side, and the same test sees it."""
    rng = np.random.default_rng(0)
    scores = [o.splits["two kinds"]["silhouette"].to_numpy() for o in log.values() if o.arm == "words"]
    harmed = [s * np.where(rng.random(len(s)) < 0.1, -1, 1) for s in scores]
    assert judge("16.planted", "a planted difference", scores, harmed, margin=0.01).verdict == "replicates"


def test_where_before_and_after_are_the_same_no_kind_keeps_together(monkeypatch):
    """The notebook's very cells at smoke, on pairs whose sides are one sound but for a trace of noise."""
    encode = difference_map.encode

    def same_twice(scene, table):
        found = encode(scene, table)
        if set(table["split"]) != {"evaluate"}:
            return found
        trace = 1e-3 * torch.randn(found.before.shape, generator=torch.Generator().manual_seed(len(found)))
        return difference_map.Pairs(**vars(found) | {"after": found.before + trace})

    monkeypatch.setattr(difference_map, "encode", same_twice)
    ran = own_cells.run(NAME, "soundscapes")
    assert {"T4", "T5"} <= set(ran.claims) and not ran.replicated & {"T4", "16.T4.all", "16.T5.all"}
    for arm in ("baseline", "words", "words-classification"):
        assert ran.metrics[f"16.two-kinds.{arm}.neighbours"] < 0.7
        assert abs(ran.metrics[f"16.two-kinds.{arm}.silhouette"]) < 0.1
        assert ran.metrics[f"16.all-kinds.{arm}.neighbours"] < 0.2
