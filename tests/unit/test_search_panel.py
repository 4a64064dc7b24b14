"""The panel: asks, takes an example, refines, takes back; says what is wrong, and never breaks."""

import io

import numpy as np
import pandas as pd
import pytest
import soundfile

from lib import audio
from lib.search import Conversation, Index
from lib.show import search_panel
from lib.show.search_panel import SearchPanel

WORDS = {"rain": [1.0, 0, 0], "add dog": [0, 2.0, 0], "add <b>thunder</b>": [0, 0, 2.0]}


@pytest.fixture
def panel(tmp_path):
    rows = []
    for i, title in enumerate(["rain", "rain with <i>dog</i>", "thunder", "gone"]):
        path = tmp_path / f"{i}.wav"
        if title != "gone":
            soundfile.write(path, 0.2 * np.sin(np.arange(8000) * (i + 1) / 10), 16000)
        rows.append({"clip_id": str(i), "path": str(path), "title": title})
    vectors = np.array([[1, 0.1, 0], [1, 1, 0], [0.2, 0, 1], [0, -1, 0.1]])

    def hear(path):
        return np.full(3, len(audio.load(path, 16000)) / 8000)

    return SearchPanel(Conversation(Index(vectors, pd.DataFrame(rows)), lambda w: np.array(WORDS[w])), hear)


def do(panel, what, **more):
    do.number = getattr(do, "number", 0) + 1
    panel.request = {"do": what, "number": do.number, **more}
    return panel.reply


def test_words_then_an_answer_as_example_then_back(panel):
    assert [a["label"] for a in do(panel, "ask", words="rain")["answers"]][:2] == ["rain", "rain with <i>dog</i>"]
    assert panel.reply["status"] == "4 answers to “rain”, best first."
    assert do(panel, "example", row=0)["example"] == "rain" and len(panel.reply["answers"]) == 4
    reply = do(panel, "ask", words="add dog")
    assert reply["answers"][0]["label"] == "rain with <i>dog</i>" and reply["example"] == ""
    assert reply["history"] == ["“rain”", "like “rain”, “add dog”"]
    assert 0 not in [a["row"] for a in reply["answers"]]
    assert do(panel, "undo")["history"] == ["“rain”"] and len(panel.reply["answers"]) == 4
    assert do(panel, "undo")["status"].startswith("Back to the beginning") and panel.reply["answers"] == []


def test_an_example_can_be_dropped_and_asked_with_alone(panel):
    do(panel, "example", row=2)
    assert do(panel, "drop")["example"] == ""
    do(panel, "example", row=0)
    assert do(panel, "ask", words="")["status"].endswith("answers to like “rain”, best first.")


def test_a_recording_of_your_own_is_the_example(panel):
    wav = io.BytesIO()
    soundfile.write(wav, np.full(8000, 0.1), 16000, format="WAV")
    panel._handed(panel, {"name": "../../mine.wav"}, [memoryview(wav.getvalue())])
    assert panel.reply["example"] == "mine.wav"
    assert do(panel, "ask", words="add dog")["history"] == ["like “mine.wav”, “add dog”"]


@pytest.mark.parametrize("name, data, said", [
    ("notes.wav", b"no sound", "notes.wav: this is not audio"), ("empty.wav", b"", "empty.wav: the file is empty"),
])  # fmt: skip
def test_a_file_that_is_no_recording_is_refused_in_a_sentence(panel, name, data, said):
    panel._handed(panel, {"name": name}, [data])
    assert said in panel.reply["status"] and panel.reply["example"] == ""


def test_a_file_too_large_is_refused(panel, monkeypatch):
    monkeypatch.setattr(search_panel, "LARGEST", 10)
    panel._handed(panel, {"name": "long.wav"}, [b"0" * 11])
    assert "expected a recording of at most" in panel.reply["status"]


def test_answers_sound_or_say_why_not(panel):
    answers = {a["label"]: a for a in do(panel, "ask", words="rain")["answers"]}
    assert answers["rain"]["address"].startswith("data:audio/ogg;base64,")
    assert answers["gone"]["address"] == "" and answers["gone"]["score"].endswith(search_panel.NOT_HERE)


def test_an_empty_question_is_answered_with_advice_and_keeps_what_was_found(panel):
    do(panel, "ask", words="rain")
    assert "Type what you want to hear" in do(panel, "ask", words="  ")["status"]
    assert len(panel.reply["answers"]) == 4 and panel.reply["history"] == ["“rain”"]


def test_without_a_kernel_it_says_what_stands_here(panel):
    assert repr(panel).startswith("A search panel stands here while the notebook runs")
