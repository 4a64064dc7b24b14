"""Tables written down: the same table, made once; another seed, size, noise or code is another one."""

from dataclasses import replace

import pandas as pd
import pytest

from lib import data, profiles
from lib.data import scene_table, written

TINY = replace(profiles.PROFILES["smoke"], n_train=4, n_validation=2, n_test=2, n_shifted=2, n_noisy=3)


@pytest.fixture(autouse=True)
def made(tmp_path, monkeypatch):
    """Which tables were made."""
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))
    calls = []
    for name in ("build", "uploads"):
        make = getattr(scene_table, name)

        def count(*args, _make=make, _name=name, **named):
            calls.append(_name)
            return _make(*args, **named)

        count.__name__ = name
        monkeypatch.setattr(scene_table, name, count)
    return calls


def load(seed=0, noise=None, profile=TINY):
    if noise is None:
        return data.load("soundscapes", profile=profile, seed=seed)
    return data.load_noisy("soundscapes", profile=profile, seed=seed, noise=noise)


@pytest.mark.parametrize("noise", [None, 1.0])
def test_what_is_read_is_what_was_made(made, noise):
    first, second = load(noise=noise), load(noise=noise)
    assert len(made) == 1
    pd.testing.assert_frame_equal(first, second)


def test_another_seed_size_noise_or_code_is_another_table(made, monkeypatch):
    load(), load(seed=1), load(noise=1.0), load(noise=2.0), load(profile=replace(TINY, n_train=6))
    assert made == ["build", "build", "uploads", "uploads", "build"]
    monkeypatch.setattr(written, "code", lambda *things: "another")
    load()
    assert len(made) == 6


def test_half_a_file_is_made_again(made, tmp_path):
    whole = load()
    (path,) = (tmp_path / "tables").glob("*.json")
    path.write_text(path.read_text()[:100])
    pd.testing.assert_frame_equal(load(), whole)
    assert len(made) == 2


def test_what_a_reader_does_to_a_table_stays_his_own(made):
    load()["captions"].iloc[0].append("mine")
    assert "mine" not in load()["captions"].iloc[0]
