"""Mistakes that can be browsed: one fold each, two players in it, all text escaped, words for who hears nothing."""

import numpy as np
import pytest
import soundfile

from lib.show import bundle, mistakes
from lib.show.mistakes import Mistake


@pytest.fixture
def shown(monkeypatch):
    found = []
    monkeypatch.setattr(bundle, "emit", lambda data, metadata=None: found.append(data))
    return found


@pytest.fixture
def one(tmp_path):
    rows = []
    for name in ("answer", "right <b>"):
        path = tmp_path / f"{len(rows)}.wav"
        soundfile.write(path, 0.3 * np.sin(np.arange(16000) / 20), 16000)
        rows.append({"clip_id": name, "title": "", "path": str(path), "captions": ["a caption"]})
    return Mistake("a <i>dog</i> barks", *rows, rank=7, note="(order & count)")


def test_each_mistake_folds_and_holds_both_sounds(shown, one):
    mistakes.show([one, one], seconds=0.5)
    html = shown[0]["text/html"]
    assert html.count("<details>") == html.count("<summary>") == 2 and html.count("<audio") == 4
    assert "a &lt;i&gt;dog" in html and "right &lt;b&gt;" in html and "order &amp; count" in html
    assert "<i>" not in html and "<b>" not in html
    assert 'aria-label="came first: answer"' in html and "in place 7" in html


def test_who_sees_no_players_reads_the_same(shown, one):
    mistakes.show([one])
    text = shown[0]["text/plain"]
    assert "asked: a <i>dog</i> barks (the right clip came in place 7) (order & count)" in text
    assert "came first: answer" in text and "right: right <b>" in text


def test_a_soundscape_is_told_in_truth(shown):
    row = {"clip_id": "x", "path": "soundscape://1/100/test/0", "captions": ["c"]}
    mistakes.show([Mistake("a dog", row, row, 2)], seconds=0.5)
    assert "over" in shown[0]["text/plain"] or "then" in shown[0]["text/plain"] or "(" in shown[0]["text/plain"]
    assert "came first: x" not in shown[0]["text/plain"]


def test_no_mistakes_is_an_error(shown):
    with pytest.raises(ValueError, match="at least one mistake"):
        mistakes.show([])


def test_a_recording_that_is_not_here_is_told_by_its_caption(shown, one):
    gone = {"clip_id": "far.wav", "path": "", "captions": ["a <b>bell</b> rings"]}
    mistakes.show([Mistake("a dog", gone, one.right, None)], seconds=0.5)
    html, text = shown[0]["text/html"], shown[0]["text/plain"]
    assert html.count("<audio") == 1 and "a &lt;b&gt;bell" in html and "far.wav (no recording here)" in html
    assert "the right clip is not among the answers" in text and "a <b>bell</b> rings" in text
    mistakes.show([Mistake("a dog", {"clip_id": "far.wav", "path": ""}, one.right, 3)], seconds=0.5)
    assert "far.wav (no recording here)" in shown[1]["text/plain"] and "wrote" not in shown[1]["text/plain"]
