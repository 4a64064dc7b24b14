"""Players: the same bytes for the same sound, sound that comes back, words for those without one, nothing unescaped."""

import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from lib.show import bundle, listen


def tone(hertz=440.0, seconds=1.0, rate=16000, level=0.3):
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def decoded(address):
    kind, _, content = address.partition(";base64,")
    assert kind == "data:audio/ogg"
    return soundfile.read(io.BytesIO(base64.b64decode(content)))


@pytest.fixture
def emitted(monkeypatch):
    seen = []
    monkeypatch.setattr(bundle, "emit", lambda data, metadata=None: seen.append(data))
    return seen


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000])
def test_same_sound_same_bytes_at_any_rate(rate):
    first, second = listen.opus(tone(rate=rate), rate), listen.opus(tone(rate=rate), rate)
    assert first == second
    assert first != listen.opus(tone(450, rate=rate), rate)


def test_without_renumbering_the_bytes_would_differ(monkeypatch):
    """The guard has teeth: the writer does draw serial numbers."""
    monkeypatch.setattr(listen, "_renumber", lambda ogg, serial: ogg)
    assert len({listen.opus(tone(), 16000) for _ in range(3)}) > 1


@pytest.mark.parametrize("rate", [11025, 16000, 44100])
def test_what_is_played_is_what_was_given(rate):
    samples, back = decoded(listen.player(tone(rate=rate), rate, "a tone").address)
    assert abs(len(samples) / back - 1) < 0.01
    assert abs(np.abs(np.fft.rfft(samples)).argmax() * back / len(samples) - 440) < 5


def test_a_damaged_checksum_would_be_noticed():
    """soundfile refuses or skips pages whose checksum is wrong, so that reading back proves ours right."""
    good = listen.opus(tone(), 16000)
    at = good.rindex(b"OggS")  # the last page holds the sound
    bad = good[: at + 22] + b"\x00\x00\x00\x00" + good[at + 26 :]
    try:
        assert len(soundfile.read(io.BytesIO(bad))[0]) < 16000
    except soundfile.LibsndfileError:
        pass


def test_long_sound_is_faded_out_and_loud_sound_kept_within_scale():
    cut = listen.excerpt(tone(seconds=9, level=4.0), 16000, 3.0)
    assert len(cut) == 48000 and np.abs(cut).max() < 0.991 and cut[-1] == 0
    whole = tone(seconds=2)
    assert np.array_equal(listen.excerpt(whole, 16000, 3.0), whole)


def test_five_seconds_fit_in_a_notebook():
    noise = np.random.default_rng(0).normal(0, 0.1, 80000).astype(np.float32)
    assert len(listen.player(noise, 16000, "noise", seconds=5).address) < 25_000


def test_play_escapes_labels_and_has_words(emitted):
    listen.play(tone(), 16000, '<script>alert("x")</script>', caption="a & b")
    page, text = emitted[0]["text/html"], emitted[0]["text/plain"]
    assert "<script>" not in page and "a &amp; b" in page
    assert re.search(r'aria-label="&lt;script&gt;alert\(&quot;x', page)
    assert text.startswith("sound, 1.0 s: <script>") and "audio/wav" not in page
    assert not re.search(r"autoplay|https?://", page)


def test_a_row_of_players_in_order(emitted):
    listen.play_row([tone(), torch.from_numpy(tone(880))], 16000, ["low", "high"], captions=["", "an octave up"])
    page = emitted[0]["text/html"]
    assert page.count("<audio") == 2 and page.index("low") < page.index("an octave up")
    with pytest.raises(ValueError, match="expected 2 labels"):
        listen.play_row([tone(), tone()], 16000, ["one"])


def test_a_clip_brings_its_own_sound_and_label(tmp_path, emitted):
    path = tmp_path / "dog.wav"
    soundfile.write(path, tone(seconds=4, rate=22050), 22050)
    clip = pd.Series({"clip_id": "1", "path": str(path), "captions": ["a dog barks"], "title": "dog"})
    listen.play(clip, seconds=2)
    assert "sound, 2.0 s: a dog barks" == emitted[0]["text/plain"]
    listen.play(str(path))
    assert "dog.wav" in emitted[1]["text/plain"]


@pytest.mark.bad_shapes
@pytest.mark.parametrize("bad", [np.zeros((2, 100)), np.zeros(0), np.array([np.nan] * 10)])
def test_what_cannot_be_played_is_refused(bad):
    with pytest.raises(ValueError, match="mono"):
        listen.player(bad, 16000, "broken")


def test_samples_need_a_rate_and_a_label():
    with pytest.raises(ValueError, match="sample rate and a label"):
        listen.player(tone(), label="no rate")
    with pytest.raises(ValueError, match="sample rate and a label"):
        listen.player(tone(), 16000)
