"""What is prepared is what notebooks find in the cache, and nothing is prepared twice."""

from dataclasses import replace

import pytest

from lib import data, profiles, retrieval
from lib.workbook import prepare


@pytest.fixture
def tiny(monkeypatch):
    sizes = replace(profiles.get("smoke"), name="tiny", n_train=3, n_validation=2, n_test=2, n_shifted=1)
    monkeypatch.setitem(profiles.PROFILES, "tiny", sizes)
    return sizes


def test_a_part_is_encoded_once_and_then_found(tiny, capsys):
    first = prepare.encode("tiny", "soundscapes", 90, ("train",))
    assert first == 3 + 15
    assert prepare.encode("tiny", "soundscapes", 90, ("train",)) == 0
    clips = data.load("soundscapes", profile=tiny, seed=90)
    retrieval.encode(clips[clips["split"] == "train"])
    assert "frames: 0 encoded, 3 from cache" in capsys.readouterr().out


def test_recordings_on_disk_are_left_to_the_notebook(tiny):
    assert prepare.prepare(tiny, "folder:/nowhere", 0, ["clean"]) == 0
