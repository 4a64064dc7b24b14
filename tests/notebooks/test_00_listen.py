"""Notebook 00 on every kind of data it promises to take, and its claim when captions are shuffled."""

import numpy as np
import pytest
import soundfile

from lib.data import shared
from lib.show import ask
from tests.notebooks import own_cells


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the notebook's cells here, at smoke: (metrics by name, claims by key, all that was shown, all printed)."""

    def on(data, esc10=False):
        if not esc10:
            monkeypatch.setattr(shared, "find", lambda path: None)
        ran = own_cells.run("00_listen_first", data)
        return ran.metrics, ran.claims, ran.shown, capsys.readouterr().out

    return on


@pytest.fixture
def recordings(tmp_path):
    """A reader's own folder: three sounds, one of them broken, no captions."""
    rng = np.random.default_rng(0)
    for name in ("rain.wav", "dog.flac"):
        soundfile.write(tmp_path / name, 0.1 * rng.normal(size=44100), 22050)
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    return tmp_path


def test_it_finds_more_than_chance_and_than_titles(run):
    metrics, verdicts, shown, printed = run("soundscapes")
    assert 5 * metrics["00.map10.chance"] < metrics["00.map10.sound"] < metrics["00.map10.oracle"]
    assert verdicts["00.hearing"]["verdict"] == "replicates"
    assert "not available here: ESC-10" in printed
    answers = [c["text/html"] for c in shown if "<ol>" in c.get("text/html", "")]
    assert len(answers) == 3 and all(page.count("<audio") == 3 for page in answers)  # the static page sounds


def test_shuffled_captions_score_chance_and_bring_the_claim_down(run):
    metrics, verdicts, _, _ = run("soundscapes!shuffled")
    assert abs(metrics["00.map10.sound"] - metrics["00.map10.chance"]) < 0.03
    assert verdicts["00.hearing"]["verdict"] != "replicates"


def test_a_folder_without_captions_is_searched_and_its_broken_file_named(run, recordings):
    with pytest.warns(UserWarning, match="broken.wav"):
        metrics, verdicts, shown, _ = run(f"folder:{recordings}")
    assert not verdicts and set(metrics) == {"00.order.swapped", "00.order.other-sounds"}
    answers = [c["text/plain"] for c in shown if "<ol>" in c.get("text/html", "")]
    assert len(answers) == 3 and all(": dog (" in text and "broken" not in text for text in answers)


def test_a_folder_with_captions_is_scored_too(run, recordings):
    (recordings / "broken.wav").unlink()
    (recordings / "captions.csv").write_text("file_name,caption\nrain.wav,rain falls\ndog.flac,a dog barks\n")
    metrics, verdicts, _, _ = run(f"folder:{recordings}")
    assert 0.5 <= metrics["00.map10.sound"] <= 1 and "00.map10.oracle" not in metrics
    assert "00.hearing" in verdicts


def test_real_recordings_from_raw_audio(run, shared_data):
    metrics, _, _, printed = run(f"esc50:{shared_data / 'esc10'}", esc10=True)
    assert metrics["00.map10.sound"] > 2 * metrics["00.map10.chance"]
    assert metrics["00.esc10.map10"] > 2 * metrics["00.esc10.chance"]
    assert "of the split fold1" not in printed  # which the encoder has heard in its pretraining


def test_any_words_get_an_answer(run):
    """Odd queries come from readers: emoji, another script, a very long one, nothing but a dot."""
    names = {}

    class Kept(ask.Search):
        def __init__(self, find, query):
            super().__init__(find, query)
            names["box"] = self

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ask, "Search", Kept)
        run("soundscapes")
    for number, text in enumerate(("🐶", "гроза", "rain " * 5000, ".", "<b>"), start=1):
        names["box"].question = {"text": text, "number": number}
        assert len(names["box"].reply["answers"]) == 5, names["box"].reply["status"]
