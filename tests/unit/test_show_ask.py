"""Answers, best first: in words and players, escaped; the search box answers, says what is wrong, and never breaks."""

import numpy as np
import pandas as pd
import pytest
import soundfile

from lib.data import soundscapes
from lib.search import Index
from lib.show import ask, bundle


@pytest.fixture
def index(tmp_path):
    """Three clips; the second is called by something nasty."""
    rows = []
    for i, caption in enumerate(["a dog barks", "<img src=x onerror=alert(1)>", "thunder"]):
        path = tmp_path / f"{i}.wav"
        soundfile.write(path, 0.2 * np.sin(np.arange(8000) * (i + 1) / 10), 16000)
        rows.append({"clip_id": str(i), "path": str(path), "captions": [caption], "title": ""})
    return Index(np.eye(3), pd.DataFrame(rows))


def embed(query):
    return np.array([0.1, 0.7, 0.2]) if "nasty" in query else np.array([0.5, 0.1, 0.2])


def test_answers_in_order_with_players_and_words(index, monkeypatch):
    seen = []
    monkeypatch.setattr(bundle, "emit", lambda data, metadata=None: seen.append(data))
    ask.show("a <b>dog</b>", index.query(embed("dog"), 3))
    page, text = seen[0]["text/html"], seen[0]["text/plain"]
    assert page.count("<audio") == 3 and page.index("a dog barks") < page.index("thunder") < page.index("onerror")
    assert "<b>" not in page and "<img" not in page
    assert text.splitlines()[1].startswith("1. sound, 0.5 s: a dog barks (similarity 0.9")


def test_the_box_answers_and_counts(index):
    box = ask.Search(lambda query: index.query(embed(query), 2), "a dog")
    assert [a["label"] for a in box.reply["answers"]] == ["a dog barks", "thunder"]
    assert box.reply["status"].startswith("2 answers to “a dog”, best first")
    box.question = {"text": "nasty", "number": 1}
    assert box.reply["answers"][0]["label"].startswith("<img")  # escaped in the browser, as text
    assert all(a["address"].startswith("data:audio/ogg;base64,") for a in box.reply["answers"])


@pytest.mark.parametrize("text", ["", "   "])
def test_an_empty_question_asks_for_one(index, text):
    box = ask.Search(lambda query: index.query(embed(query), 2), "a dog")
    box.question = {"text": text, "number": 7}
    assert box.reply == {"status": "Type what you want to hear, then press Enter.", "answers": []}


def test_an_error_is_said_where_the_reader_looks():
    def broken(query):
        raise ValueError("no clips")

    box = ask.Search(broken, "a dog")
    assert box.reply == {"status": "That did not work: ValueError: no clips", "answers": []}


def test_the_script_never_writes_markup():
    script = ask.Search._esm.read_text() if hasattr(ask.Search._esm, "read_text") else str(ask.Search._esm)
    assert "textContent" in script
    forbidden = ("innerHTML", "insertAdjacentHTML", "outerHTML", "document.write", "http")
    assert not [word for word in forbidden if word in script]


def test_without_a_front_end_the_box_says_what_it_is(index):
    box = ask.Search(lambda query: index.query(embed(query), 2))
    assert "search box" in repr(box) and box.reply["answers"] == []


def test_long_captions_are_cut():
    assert len(ask._label({"captions": ["word " * 100], "clip_id": "1"})) == ask.LABEL_CHARACTERS
    assert ask._label({"captions": [], "title": "", "clip_id": "7.wav"}) == "7.wav"


def test_below_a_soundscape_stands_the_truth():
    scene = soundscapes.scene(0, "test", 299)
    path = scene.locator
    said = ask.truth(path)
    for event in scene.events:
        assert event.kind.replace("_", " ") in said
    assert said.index("thunder") < said.index("dog bark") and said.endswith("over traffic")
    assert ask.truth("dog.wav") == ""
