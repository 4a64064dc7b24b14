"""A folder becomes an index: what is skipped and why, what a kill costs, what a saved index refuses."""

import json
import os
import shutil

import numpy as np
import pytest
import safetensors.torch
import soundfile
import torch
from torch import nn

from lib import audio, example_folder, folder_index, towers
from lib.adapters import LinearAdapter

RATE = 16000


class Ears(nn.Module):
    """An audio encoder of two numbers: level and zero crossings. It counts what it hears."""

    name, key, sample_rate = "ears", "0" * 64, RATE

    def __init__(self):
        super().__init__()
        self.heard = 0

    def forward(self, waveforms, lengths):
        self.heard += len(waveforms)
        mask = audio.length_mask(lengths, waveforms.shape[1])
        level = (waveforms.square() * mask).sum(1) / lengths
        crossings = (waveforms[:, 1:].sign() != waveforms[:, :-1].sign()).float().sum(1) / lengths
        return torch.stack([level, crossings], dim=1)[:, None], torch.ones(len(waveforms), 1, dtype=torch.bool)


class Eyes(nn.Module):
    """A text encoder: letters and blanks."""

    name, key = "eyes", "1" * 64

    def forward(self, captions):
        counts = [[float(len(text)), float(text.count(" "))] for text in captions]
        return torch.tensor(counts)[:, None], torch.ones(len(captions), 1, dtype=torch.bool)


def model_of(seed=0):
    torch.manual_seed(seed)
    sides = (towers.Tower(encoder, LinearAdapter(2, 4)) for encoder in (Ears(), Eyes()))
    return towers.DualEncoder(*sides).eval()


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def sounds(tmp_path):
    """A folder of 40 tones in two folders of it."""
    root = tmp_path / "sounds"
    for i in range(40):
        path = root / ("low" if i < 20 else "high") / f"tone {i:02d}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.3 * np.sin(np.arange(RATE // 4) * (i + 1) / 50), RATE)
    return root


def test_every_recording_is_heard_once_and_stands_in_the_table(sounds):
    model = model_of()
    index = folder_index.build(sounds, model, progress=False)
    assert len(index.search) == 40 == model.audio.encoder.heard and not index.skipped
    assert index.search.table["clip_id"].tolist()[:2] == ["high/tone 20.wav", "high/tone 21.wav"]
    assert index.search.table["duration_s"].tolist() == [0.25] * 40
    found = index.search.query(folder_index.embed(model, sounds / "low" / "tone 07.wav"), 1)
    assert found["clip_id"][0] == "low/tone 07.wav" and found["score"][0] == pytest.approx(1)
    assert folder_index.build(sounds, model, progress=False).search.table.equals(index.search.table)
    assert model.audio.encoder.heard == 41  # the example, and nothing a second time


def test_a_recording_that_changes_is_heard_anew_and_one_that_goes_is_gone(sounds):
    model = model_of()
    folder_index.build(sounds, model, progress=False)
    soundfile.write(sounds / "low" / "tone 03.wav", 0.1 * np.sin(np.arange(RATE)), RATE)
    (sounds / "high" / "tone 22.wav").unlink()
    index = folder_index.build(sounds, model, progress=False)
    assert len(index.search) == 39 and model.audio.encoder.heard == 41
    row = index.search.table["clip_id"].tolist().index("low/tone 03.wav")
    np.testing.assert_allclose(index.search.embedding(row), folder_index.embed(model, sounds / "low" / "tone 03.wav"),
                               rtol=1e-4, atol=1e-6)  # fmt: skip


def test_whoever_is_killed_goes_on_where_it_was(sounds, monkeypatch):
    model, forward, calls = model_of(), Ears.forward, []

    def killed(self, *inputs):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return forward(self, *inputs)

    monkeypatch.setattr(Ears, "forward", killed)
    with pytest.raises(KeyboardInterrupt):
        folder_index.build(sounds, model, progress=False)
    monkeypatch.setattr(Ears, "forward", forward)
    model.audio.encoder.heard = 0
    assert len(folder_index.build(sounds, model, progress=False).search) == 40
    assert model.audio.encoder.heard == 40 - folder_index.PART


def test_a_part_that_is_damaged_is_heard_again(sounds, tmp_path):
    model = model_of()
    folder_index.build(sounds, model, progress=False)
    part = sorted((tmp_path / "cache" / "folders").rglob("*.safetensors"))[0]
    part.write_bytes(part.read_bytes()[:50])
    assert len(folder_index.build(sounds, model, progress=False).search) == 40
    assert model.audio.encoder.heard > 40


def test_what_cannot_be_heard_is_named_with_its_reason(sounds):
    example_folder.odd(sounds / "odd")
    soundfile.write(sounds / "odd" / "hours.flac", np.zeros(3700 * 100, dtype=np.int16), 100)
    if os.getuid():  # root reads everything
        (sounds / "odd" / "secret.wav").write_bytes(b"RIFF")
        (sounds / "odd" / "secret.wav").chmod(0)
    skipped = dict(folder_index.build(sounds, model_of(), progress=False).skipped)
    said = {"notes.wav": "not audio", "nothing.mp3": "empty", "silence.wav": "it is silent",
            "cut short.wav": "cut short", "one sample.wav": "too short to be heard (1 samples)",
            "not a number.wav": "1 samples are NaN", "hours.flac": "it lasts 1.0 hours"}
    for name, why in said.items():
        assert why in skipped.pop(f"odd/{name}"), name
    assert set(skipped) <= {"odd/secret.wav"}


def test_eight_channels_at_192_kilohertz_and_duplicates_are_heard(sounds):
    example_folder.odd(sounds / "odd")
    shutil.copy(sounds / "low" / "tone 00.wav", sounds / "low" / "tone 00 copy.wav")
    index = folder_index.build(sounds, model_of(), progress=False)
    names = index.search.table["clip_id"].tolist()
    assert "odd/🎚 eight channels, 192 kHz.wav" in names
    pair = [index.search.embeddings[names.index(f"low/tone 00{end}.wav")] for end in ("", " copy")]
    np.testing.assert_allclose(*pair, atol=1e-6)


def test_names_of_bytes_that_are_no_text_do_not_stop_it(sounds):
    try:
        shutil.copy(sounds / "low" / "tone 00.wav", os.fsencode(sounds) + b"/\xff.wav")
    except OSError:
        pytest.skip("this file system allows text only")
    index = folder_index.build(sounds, model_of(), progress=False)
    assert "bytes that are no text" in index.skipped["\\udcff.wav"] and len(index.search) == 40


def test_of_a_long_recording_the_middle_is_heard(tmp_path):
    samples = np.concatenate([np.zeros(10 * RATE), 0.3 * np.sin(np.arange(30 * RATE) / 5), np.zeros(10 * RATE)])
    for name, part in (("whole", samples), ("middle", samples[10 * RATE : 40 * RATE])):
        soundfile.write(tmp_path / f"{name}.wav", part, RATE)
    whole, middle = (folder_index.embed(model_of(), tmp_path / f"{name}.wav") for name in ("whole", "middle"))
    np.testing.assert_allclose(whole, middle, atol=1e-6)


@pytest.mark.parametrize("make, said", [
    (lambda root: root / "nowhere", "there is no such folder"),
    (lambda root: root, "no recordings in it or below it"),
    (lambda root: example_folder.odd(root) or (root / "🎚 eight channels, 192 kHz.wav").unlink() or root,
     "none of 6 recordings can be heard"),
])  # fmt: skip
def test_a_folder_without_sounds_is_refused_in_a_sentence(tmp_path, make, said):
    (tmp_path / "empty").mkdir()
    with pytest.raises(audio.AudioError, match=said):
        folder_index.build(make(tmp_path / "empty"), model_of(), progress=False)


def test_a_query_is_a_few_words():
    model = model_of()
    assert folder_index.read(model, "rain 🌧").shape == (4,)
    for words, got in (("", "none"), (" \n", "none"), ("dog " * 10_000, "10,000")):
        with pytest.raises(ValueError, match=f"a query of 1 to 200 words; got {got}"):
            folder_index.read(model, words)


def test_a_saved_index_comes_back_and_finds_its_recordings(sounds, tmp_path):
    model = model_of()
    index = folder_index.build(sounds, model, progress=False)
    path = index.save(tmp_path / "shared.safetensors")
    assert str(sounds).encode() not in path.read_bytes()  # names below the folder, and not where that is
    again = folder_index.load(path, model, root=sounds)
    np.testing.assert_allclose(again.search.embeddings, index.search.embeddings, atol=1e-6)
    assert again.search.table.equals(index.search.table) and again.skipped == index.skipped
    moved = folder_index.load(path, model)
    assert moved.search.table["path"][0] == str(tmp_path / "high" / "tone 20.wav")


def harmed(path, change):
    """The file with its head or its embeddings changed, everything else in order."""
    with safetensors.safe_open(path, "pt") as file:
        told, values = file.metadata(), file.get_tensor("embeddings")
    change(told, values)
    path.write_bytes(safetensors.torch.save({"embeddings": values}, told))


def other_format(told, values):
    told["hearsay"] = json.dumps(json.loads(told["hearsay"]) | {"format": 99})


def other_names(told, values):
    told["told"] = told["told"].replace("tone 20", "tone 21")


@pytest.mark.parametrize("harm, said", [
    (lambda path: path.unlink(), "there is no such file"),
    (lambda path: path.write_bytes(path.read_bytes()[:-9]), "cut short, or not an index of ours"),
    (lambda path: path.write_bytes(path.read_bytes()[:9]), "cut short, or not an index of ours"),
    (lambda path: path.write_bytes(b""), "cut short, or not an index of ours"),
    (lambda path: path.write_bytes(safetensors.torch.save({"x": torch.zeros(2)})), "not an index of ours"),
    (lambda path: harmed(path, other_format), "expected format 1; got 99"),
    (lambda path: harmed(path, lambda told, values: values.add_(1)), "changed since it was saved"),
    (lambda path: harmed(path, other_names), "changed since it was saved"),
])  # fmt: skip
def test_a_damaged_index_is_refused(sounds, tmp_path, harm, said):
    model = model_of()
    path = folder_index.build(sounds, model, progress=False).save(tmp_path / "shared.safetensors")
    harm(path)
    with pytest.raises(ValueError, match=said):
        folder_index.load(path, model)


@pytest.mark.parametrize("part", ["audio", "text", "adapters"])
def test_an_index_of_another_model_is_refused(sounds, tmp_path, part, monkeypatch):
    model = model_of()
    path = folder_index.build(sounds, model, progress=False).save(tmp_path / "shared.safetensors")
    if part == "adapters":
        model = model_of(seed=1)
    else:
        monkeypatch.setattr({"audio": Ears, "text": Eyes}[part], "key", "2" * 64)
    with pytest.raises(ValueError, match=f"made with another model \\({part}"):
        folder_index.load(path, model)


def test_an_index_of_another_model_is_not_taken_for_this_one_when_building(sounds):
    first, second = model_of(), model_of(seed=1)
    folder_index.build(sounds, first, progress=False)
    folder_index.build(sounds, second, progress=False)
    assert second.audio.encoder.heard == 40
