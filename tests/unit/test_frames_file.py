"""A file of frames handed out: written and read, moved, damaged, mistaken; and a corpus made from it."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lib import audio, data, encoders, frames_file, profiles, retrieval
from lib.data import SourceError, table
from lib.frames_file import FramesError, FramesFile
from lib.workbook import frames as command
from lib.workbook.__main__ import main as workbook
from tests.unit import miniatures
from tests.unit import toy_corpus as toy

ROWS = [{"clip_id": name, "split": "train", "captions": [f"{name} sounds"]} for name in "abc"]
LENGTHS = [3, 1, 2]


def values():
    return torch.arange(12, dtype=torch.float16).reshape(6, 2)


@pytest.fixture
def written(tmp_path):
    ends = torch.tensor(LENGTHS).cumsum(dim=0)
    return frames_file.write(
        tmp_path / "deep" / "all.frames", ROWS, values(), ends, [b""] * 3, encoder="ear", sample_rate=800
    )


def test_frames_come_back_clip_by_clip_in_any_order(written):
    file = FramesFile(written)
    found, mask = file.lookup([file.locator(2), file.locator(0), file.locator(2)])
    assert mask.tolist() == [[True, True, False], [True] * 3, [True, True, False]]
    assert torch.equal(found[0, :2], values()[4:].float()) and torch.equal(found[1], values()[:3].float())
    assert not found[0, 2].any()
    assert (file.rows, file.encoder, file.sample_rate) == (ROWS, "ear", 800)
    assert list(written.parent.iterdir()) == [written], "no half of it is left"


def test_it_may_be_moved(written, tmp_path):
    moved = written.rename(tmp_path / "elsewhere.frames")
    file = FramesFile(moved)
    assert str(moved) in file.locator(0) and file.lookup([file.locator(0)])[0].shape == (1, 3, 2)


@pytest.mark.parametrize("spoil, why", [
    (lambda b: b[:-5], "cut short"),
    (lambda b: b"", "cut short"),
    (lambda b: b[:-3] + bytes([b[-3] ^ 1]) + b[-2:], "its hash differs"),
    (lambda b: b.replace(b"a sounds", b"A sounds"), "its hash differs"),
])  # fmt: skip
def test_a_damaged_copy_is_refused(written, spoil, why):
    written.write_bytes(spoil(written.read_bytes()))
    with pytest.raises(FramesError, match=why):
        FramesFile(written)


def test_what_is_no_file_of_frames_is_refused(tmp_path):
    save_file({"a": torch.ones(2)}, tmp_path / "other")
    with pytest.raises(FramesError, match="this is another one"):
        FramesFile(tmp_path / "other")
    with pytest.raises(FramesError, match="there is no such file"):
        FramesFile(tmp_path / "absent")
    with pytest.raises(SourceError, match="there is no such file"):
        data.load(f"frames:{tmp_path / 'absent'}", profile=profiles.get("smoke"))


def test_clips_of_another_file_and_clips_without_sound(written):
    file = FramesFile(written)
    for wrong in ("frames:///other#0", f"frames://{file.path}#9", f"frames://{file.path}#x"):
        with pytest.raises(FramesError, match="is not a clip of"):
            file.lookup([wrong])
    with pytest.raises(audio.AudioError, match="frames without sounds"):
        audio.load(file.locator(0), 16000)


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory):
    """The soundscapes of profile smoke, as a teacher would hand them out."""
    path = tmp_path_factory.mktemp("class") / "smoke.frames"
    options = {"noisy": "soundscapes", "profile": "smoke", "seconds": 1.0}
    assert command.main("soundscapes", "small_cnn", str(path), **options) == 0
    return path


def test_a_corpus_from_it_is_that_of_the_data_themselves(handed_out):
    small = profiles.get("smoke")
    for load in (data.load, data.load_noisy):
        own, given = load("soundscapes", profile=small), load(f"frames:{handed_out}", profile=small)
        texts = ["clip_id", "split", "captions", "keywords", "title", "description", "licence"]
        assert own[texts].to_dict("records") == given[texts].to_dict("records")
        for pool in ("mean", None):
            ours, theirs = (retrieval.encode(table, pool=pool) for table in (own, given))
            for name in ours.splits:
                assert torch.equal(ours.splits[name].audio_mask, theirs.splits[name].audio_mask)
                torch.testing.assert_close(ours.splits[name].audio, theirs.splits[name].audio, rtol=0, atol=0)
    first = given["path"].iloc[0]
    assert abs(len(audio.load(first, 16000)) - 16000) < 100 and np.abs(audio.load(first, 16000)).max() > 0.001


@pytest.mark.parametrize("out, seconds", [("", "5"), *(("x.frames", wrong) for wrong in ("-1", "nan", "inf", "some"))])
def test_a_command_that_cannot_be_meant_is_refused_before_anything_is_encoded(monkeypatch, capsys, out, seconds):
    monkeypatch.setattr(data, "load", lambda *a, **k: pytest.fail("it began"))
    assert workbook(["frames", "--out", out, "--seconds", seconds]) == 2
    assert "frames: expected a file to write to and 0 seconds or more, or all: " in (said := capsys.readouterr().err)
    assert f"got OUT={out!r}, SECONDS={seconds}." in said


def test_a_folder_and_a_place_that_cannot_be_are_refused_before_anything_is_encoded(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(data, "load", lambda *a, **k: pytest.fail("it began"))
    assert workbook(["frames", "--out", str(tmp_path)]) == 2
    assert f"{tmp_path} is a folder. Try make frames OUT={tmp_path}/my.frames" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert workbook(["frames", "--out", str(tmp_path / "file" / "y.frames")]) == 2
    assert "frames: " in capsys.readouterr().err and [path.name for path in tmp_path.iterdir()] == ["file"]


def test_only_the_encoder_that_made_them_will_do(handed_out):
    clips = data.load(f"frames:{handed_out}", profile=profiles.get("smoke"))
    with pytest.raises(SourceError, match="this needs the encoder 'ear'; .* holds frames of 'small_cnn' alone"):
        retrieval.encode(clips, audio=toy.Ear().frozen())
    assert retrieval.encode(clips, audio="small_cnn").notes["audio"] == "small_cnn"
    with pytest.raises(TypeError, match="frames of small_cnn were handed over"):
        encoders.audio(f"frames:{handed_out}")(torch.zeros(1, 16000), torch.tensor([16000]))


@pytest.fixture
def recorded(tmp_path):
    """Writes two tones of two seconds, of which so many seconds go into a file of frames; gives its clips."""
    rows = [{"clip_id": name, "split": "train", "captions": [f"{name} sounds"],
             "path": str(miniatures.tone(tmp_path / f"{name}.wav", 2.0, 16000))} for name in "ab"]  # fmt: skip

    def write(seconds, monkeypatch, noisy="", **further):
        known = table.build([row | further for row in rows], source="tones")
        monkeypatch.setattr(command.data, "load", lambda *a, **k: known)
        options = {"noisy": noisy, "profile": "smoke", "seconds": seconds}
        command.main("tones", "small_cnn", str(tmp_path / "tones.frames"), **options)
        monkeypatch.undo()
        frames_file.opened.cache_clear()
        return data.load(f"frames:{tmp_path / 'tones.frames'}", profile=profiles.get("smoke"))

    return write


@pytest.mark.parametrize("known", [{"duration_s": 2.0}, {}])
@pytest.mark.parametrize("seconds", [None, 2.0, 5.0])
def test_an_encoder_may_learn_from_whole_sounds(recorded, monkeypatch, seconds, known):
    corpus = retrieval.encode(recorded(seconds, monkeypatch, **known))
    assert corpus.encoder("audio").name == "small_cnn" and len(list(corpus.encoder("audio").parameters()))
    waveforms, lengths = corpus.examples(["train"], ["audio"]).heard(torch.arange(2))
    assert lengths.tolist() == pytest.approx([32000, 32000], abs=800) and waveforms.abs().max() > 0.05


def test_ids_of_recordings_go_with_them_as_text(recorded, monkeypatch):
    known = recorded(0, monkeypatch, recording="007")
    assert known["recording"].tolist() == ["007", "007"]
    assert "recording" not in recorded(0, monkeypatch)


def test_a_noisy_partner_may_have_no_ids(recorded, tmp_path, monkeypatch):
    others = table.build([{"clip_id": "c", "split": "noisy", "captions": ["a tone"], "title": "tone",
                           "path": str(miniatures.tone(tmp_path / "c.wav", 1.0, 16000))}], source="others")  # fmt: skip
    monkeypatch.setattr(command.data, "load_noisy", lambda *a, **k: others)
    assert recorded(0, monkeypatch, noisy="others", recording="007")["recording"].tolist() == ["007", "007"]
    rows = frames_file.opened(str(tmp_path / "tones.frames")).rows
    assert [row["recording"] for row in rows] == ["007", "007", ""]


@pytest.mark.parametrize("seconds, holds", [(0, "0.0 s"), (1.0, "1.0 s"), (1.9, "1.9 s")])
def test_but_not_from_beginnings(recorded, monkeypatch, seconds, holds):
    corpus = retrieval.encode(recorded(seconds, monkeypatch))
    with pytest.raises(FramesError, match=f"expected 2.0 s of a, .* holds {holds}. Write it again: .*SECONDS=all"):
        corpus.encoder("audio")


def test_nor_where_the_length_of_the_whole_is_unknown(tmp_path):
    """As in files written before the length was made sure of."""
    rows = [row | {"duration_s": float("nan")} for row in ROWS]
    ends = torch.tensor(LENGTHS).cumsum(dim=0)
    path = frames_file.write(tmp_path / "old", rows, values(), ends, [b""] * 3, encoder="small_cnn", sample_rate=16000)
    with pytest.raises(FramesError, match="expected all of a"):
        encoders.audio(f"frames:{path}", trainable=True)
