"""Trained runs are kept up to a limit: the least recently used go, whole, and never one that is in use."""

import json
import os

import pandas as pd
import pytest
import torch
from filelock import FileLock

from lib import runs, store

SIZE = 40_000  # bytes of weights in a run here


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))
    monkeypatch.delenv("HEARSAY_CACHE_GIB", raising=False)
    return tmp_path / "trained"


def fetch(seed, calls=None):
    """The run of that seed, trained if need be; `calls` takes note."""

    def train(checkpoint):
        (calls if calls is not None else []).append(seed)
        weights = {"w": torch.full((SIZE // 4,), float(seed))}
        return runs.Run(weights, pd.DataFrame({"epoch": [0]}), {})

    run = runs.trained({"seed": seed, "name": f"run {seed}"}, train, tell=False)
    assert run.weights["w"].unique().item() == seed
    return run


def age(path, seconds):
    """As if it had been used that long ago."""
    when = path.stat().st_mtime - seconds
    os.utime(path, (when, when))


def trained_again(*seeds):
    calls = []
    for seed in seeds:
        fetch(seed, calls)
    return calls


@pytest.fixture
def three(folder):
    """Runs 0, 1 and 2; 1 was used last, then 2, then 0."""
    for seed in range(3):
        fetch(seed)
    folders = [path for path in folder.iterdir() if path.is_dir()]
    by_seed = dict(sorted((json.loads((path / "settings.json").read_text())["seed"], path) for path in folders))
    for seed, seconds in ((1, 10), (2, 20), (0, 30)):
        age(by_seed[seed], seconds)
    return by_seed


def test_the_least_recently_used_go_first(three):
    assert runs.trim(limit=2 * SIZE + 10_000) >= SIZE
    assert [seed for seed, path in three.items() if path.exists()] == [1, 2]
    assert trained_again(1, 2) == [] and trained_again(0) == [0]


def test_what_is_read_counts_as_used(three):
    fetch(0)
    runs.trim(limit=SIZE + 10_000)
    assert [seed for seed, path in three.items() if path.exists()] == [0]


def test_within_the_limit_nothing_goes_and_the_default_is_ten_gib(three):
    assert store.limit_bytes() == 10 * 2**30
    assert runs.trim() == 0 and all(path.exists() for path in three.values())


def test_training_keeps_to_the_limit_by_itself(three, monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE_GIB", str((2 * SIZE + 10_000) / 2**30))
    fetch(3)
    assert [seed for seed, path in three.items() if path.exists()] == [1]
    assert trained_again(3) == []


def test_the_folder_is_looked_through_once_in_a_process(three, monkeypatch):
    looked = []
    monkeypatch.setattr(runs, "trim", lambda limit: looked.append(limit))
    monkeypatch.setenv("HEARSAY_CACHE_GIB", "3")
    fetch(3), fetch(4), fetch(4)
    assert looked == [3 * 2**30]


def test_a_run_in_use_stays_even_if_it_is_the_oldest(three):
    with FileLock(three[0].with_suffix(".lock")):
        runs.trim(limit=0)
    assert [seed for seed, path in three.items() if path.exists()] == [0]
    assert trained_again(0) == []


def test_one_run_larger_than_the_limit_is_trained_and_handed_over(folder, monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE_GIB", "0")
    assert fetch(0).new and not fetch(0).new


def test_checkpoints_and_halves_of_broken_off_runs_go_too(three, folder):
    left = [folder / f"{'0' * 32}.checkpoint", folder / f"{'1' * 32}.77.part"]
    for path in left:
        path.write_bytes(bytes(SIZE))
        age(path, 100)
    half = folder / f"{'2' * 32}.part"
    half.mkdir()
    (half / "weights.safetensors").write_bytes(bytes(SIZE))
    age(half, 100)
    runs.trim(limit=3 * SIZE + 10_000)
    assert not any(path.exists() for path in (*left, half)) and all(path.exists() for path in three.values())
    assert not list(folder.glob("*.part"))
