"""Clotho in its official layout: the names, encodings and repeated sounds that trip readers; and four real clips."""

import dataclasses
import shutil
import warnings

import numpy as np
import pandas as pd
import py7zr
import pytest
import torch

from lib import adapters, audio, data, encoders, full_scale, profiles, retrieval, search, towers
from lib.data import clotho, release
from lib.systems import SYSTEMS
from tests.unit import miniatures

SMOKE = profiles.PROFILES["smoke"]


@pytest.fixture
def root(tmp_path):
    """All three splits, whole: a sound in two splits by its id, one by its name, one that nobody finds any more."""
    miniatures.clotho(tmp_path, "development", [("a.wav", "11"), ("twice.wav", "12"), ("here too.wav", "13")])
    miniatures.clotho(tmp_path, "validation", [("again.wav", "12"), ("gone.wav", "Not found")])
    miniatures.clotho(tmp_path, "evaluation", [("here too.wav", "14"), ("lost.wav", "Not found")])
    return tmp_path


def read(root):
    return clotho.RELEASE.read(root)


def test_the_clip_table_has_captions_keywords_ids_and_licences(root):
    clips = read(root).table.set_index("clip_id")
    a = clips.loc["a.wav"]
    assert a["captions"] == [f"a.wav caption {n}." for n in range(1, 6)] and a["split"] == "train"
    assert a["keywords"] == ["Türe", "11"], "ISO-8859-1"
    assert a["recording"] == "11" and a["licence"] == "CC0" and a["title"] == "a"
    assert a["duration_s"] == pytest.approx(0.5) and len(audio.load(a["path"], 8000)) == 4000
    assert clips.loc["lost.wav", "recording"] == "", "'Not found' is no id"


def test_a_sound_in_two_splits_is_named_and_stays_in_the_later(root):
    found = read(root)
    kept = found.table.groupby("split")["clip_id"].apply(list).to_dict()
    assert kept == {"train": ["a.wav"], "validation": ["again.wav", "gone.wav"], "test": ["here too.wav", "lost.wav"]}
    assert found.notes == [
        "twice.wav left out of train: the same sound is in validation",
        "here too.wav left out of train: the same sound is in test",
    ]
    assert found.listed == {"train": 3, "validation": 2, "test": 2} and not any(found.missing.values())


def test_it_is_left_out_though_the_later_recording_is_not_here(root):
    (root / "audio_evaluation" / "evaluation" / "here too.wav").unlink()
    found = read(root)
    assert "here too.wav" not in set(found.table["clip_id"]) and found.missing["test"] == ["here too.wav"]


def test_ids_that_are_not_found_do_not_make_clips_the_same(root):
    assert {"gone.wav", "lost.wav"} <= set(read(root).table["clip_id"])


AWKWARD = {  # in the tables -> on the disk
    "Breaking Glass .wav": "Breaking Glass .wav",
    "Summer Ambiance .wav": "Summer Ambiance.wav",
    "rain&amp;storm.wav": "rain&amp;storm.wav",
    "Chris&#39; Elevator.wav": "Chris' Elevator.wav",
    "raindrops on metal: police background.wav": "raindrops on metal_police background.wav",
    "Intersection Wet : Metro Pass.wav": "Intersection Wet_Metro Pass.wav",
    "Kitchen Roomtone w: Dripping Faucet_1-2.wav": "Kitchen Roomtone w_Dripping Faucet_1-2.wav",
    "caf\u00e9.wav": "cafe\u0301.wav",
    "Loud.WAV": "Loud.wav",
}


def test_awkward_names_are_found(tmp_path):
    miniatures.clotho(tmp_path, "evaluation", [(name, str(n)) for n, name in enumerate(AWKWARD)], AWKWARD.values())
    found = read(tmp_path)
    assert found.missing["test"] == [] and len(found.table) == len(AWKWARD)
    by_id = dict(zip(found.table["clip_id"], found.table["path"]))
    assert by_id == {name.strip(): str(tmp_path / "audio_evaluation" / "evaluation" / file)
                     for name, file in AWKWARD.items()}  # fmt: skip


def test_names_that_differ_in_spaces_alone_keep_their_own_recordings(tmp_path):
    miniatures.clotho(tmp_path, "evaluation", [("a b.wav", "1"), ("a  b.wav", "2")])
    clips = read(tmp_path).table
    assert [path.rpartition("/")[2] for path in clips["path"]] == clips["clip_id"].tolist() == ["a b.wav", "a  b.wav"]


def test_missing_and_broken_recordings_are_named(root):
    folder = root / "audio_development" / "development"
    (folder / "a.wav").write_bytes(b"RIFF, but not really")
    (folder / "twice.wav").unlink()
    miniatures.tone(root / "elsewhere" / "twice.wav")  # in no folder of the split's name
    found = read(root)
    assert found.missing["train"] == ["a.wav (empty or no audio)", "twice.wav"]


def test_without_metadata_it_is_said_what_is_unknown(root):
    (root / "clotho_metadata_evaluation.csv").unlink()
    assert read(root).notes[0] == (
        "no clotho_metadata_evaluation.csv, so no Freesound ids, keywords and licences of test"
    )


def test_a_damaged_table_is_refused(root):
    for content in ("", "<html>\n<p>no, such, luck</p>", "name,caption_1\na,b"):
        (root / "clotho_captions_evaluation.csv").write_text(content)
        with pytest.raises(release.ReleaseError, match="clotho_captions_evaluation.csv.*Fetch it again"):
            read(root)
        with pytest.raises(data.SourceError, match="Fetch it again"):
            data.load(f"clotho:{root}", profile=SMOKE)


def test_the_whole_of_it_loads_without_a_warning_but_for_what_was_left_out(root, monkeypatch):
    monkeypatch.setitem(clotho.RELEASE.clips, "train", 3)
    monkeypatch.setitem(clotho.RELEASE.clips, "validation", 2)
    monkeypatch.setitem(clotho.RELEASE.clips, "test", 2)
    with pytest.warns(UserWarning) as caught:
        clips = data.load(f"clotho:{root}", profile=SMOKE, needs=("audio", "captions", "noisy"))
    (only,) = caught
    assert "Clotho v2.1: twice.wav left out of train" in str(only.message) and "\n" not in str(only.message)
    assert set(clips["split"]) == {"train", "validation", "test"} and set(clips["source"]) == {"clotho"}


def test_the_files_are_those_of_the_release():
    names = [file.name for file in clotho.RELEASE.files]
    assert len(names) == len(set(names)) == 9 and clotho.RELEASE.clips == {
        "train": 3839, "validation": 1045, "test": 1045}  # fmt: skip
    assert all(file.hash.startswith("md5:") and len(file.hash) == 36 for file in clotho.RELEASE.files)
    audio_files = [file for file in clotho.RELEASE.files if file.kind == "audio"]
    assert [file.folder for file in audio_files] == ["audio_development", "audio_validation", "audio_evaluation"]


def test_all_nine_files_are_fetched_checked_and_unpacked(root, served, tmp_path, capsys):
    there, address, asked = served
    files = []
    for file in clotho.RELEASE.files:
        if file.kind == "audio":
            with py7zr.SevenZipFile(there / file.name, "w") as archive:
                split = file.folder.removeprefix("audio_")
                archive.writeall(root / file.folder / split, arcname=split)
            shutil.rmtree(root / file.folder)
        else:
            (root / file.name).rename(there / file.name)
        md5 = miniatures.md5((there / file.name).read_bytes())
        files.append(dataclasses.replace(file, hash=md5, urls=(f"{address}/{file.name}",), gib=0.0, unpacked_gib=0.0))
    clips = {"train": 3, "validation": 2, "test": 2}
    small = dataclasses.replace(clotho.RELEASE, files=tuple(files), clips=clips)
    assert release.main(small, [str(tmp_path / "new")]) == 0
    told = capsys.readouterr().out
    assert told.index("licence: Tampere University's") < told.index("test: 2 recordings here, 2 clips listed, 2 in the")
    assert "train: 1 recordings here, 3 clips listed, 3 in the release" in told
    assert "twice.wav left out of train: the same sound is in validation" in told
    assert len(asked) == 9 and release.main(small, [str(tmp_path / "new")]) == 0 and len(asked) == 9
    assert len(clotho.RELEASE.read(tmp_path / "new").table) == 5


# The hidden set


@pytest.fixture
def hidden(tmp_path):
    names = ["raindrops on metal: police background.wav", "b.wav", "c.wav"]
    rows = [[name, "", str(n), "", "", "", "CC0"] for n, name in enumerate(names)]
    miniatures.table(tmp_path / "retrieval_audio_metadata.csv", miniatures.CLOTHO_FIELDS, rows, "iso-8859-1")
    miniatures.table(tmp_path / "retrieval_captions.csv", ["caption"], [["Rain, and a siren."], ["A bell "]])
    for name in ("raindrops on metal_police background.wav", "c.wav"):
        miniatures.tone(tmp_path / "audio_test" / "test" / name)
    return tmp_path


def test_the_hidden_set_has_recordings_and_queries_but_no_truth(hidden):
    with pytest.warns(UserWarning, match="not whole in .*: 2 of 1,000 hidden"):
        clips = data.load(f"clotho_hidden:{hidden}", profile=SMOKE)
    assert clips["clip_id"].tolist() == ["raindrops on metal: police background.wav", "c.wav"]
    assert (
        set(clips["split"]) == {"hidden"} and not any(clips["captions"]) and clips["recording"].tolist() == ["0", "2"]
    )
    assert clotho.queries(str(hidden)) == ["Rain, and a siren.", "A bell"]
    assert clotho.HIDDEN.read(hidden).missing == {"hidden": ["b.wav"]}


def test_a_notebook_that_needs_captions_stops_at_the_hidden_set(hidden):
    with pytest.raises(data.SourceError, match=r"needs clean captions, which clotho_hidden\[:PATH\] does not have"):
        data.load(f"clotho_hidden:{hidden}", profile=SMOKE, needs=("captions",))


def test_without_its_queries_it_says_how_to_come_by_them(tmp_path):
    with pytest.raises(release.ReleaseError, match="retrieval_captions.csv. Try: python data_scripts/clotho_hidden.py"):
        clotho.queries(str(tmp_path))


# Real ones


def test_the_four_real_clips_take_the_same_way(shared_data):
    with pytest.warns(UserWarning) as caught:
        clips = data.load(f"clotho:{shared_data / 'clotho' / 'mini'}", profile=SMOKE, needs=("audio", "captions"))
    assert "4 of 1,045 test" in str(caught[0].message)
    assert len(clips) == 4 and set(clips["split"]) == {"test"} and set(clips["captions"].map(len)) == {5}
    assert clips["duration_s"].between(15, 30).all()
    for path, seconds in zip(clips["path"], clips["duration_s"]):
        samples = audio.load(path, 16000)
        assert len(samples) == pytest.approx(seconds * 16000, abs=2) and 0.001 < np.abs(samples).max() < 1.2


def test_the_real_captions_name_as_many_clips_as_the_release_has(shared_data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = release.load(clotho.RELEASE, str(shared_data / "clotho"))
    assert found.listed["train"] == 3839 and found.listed["test"] == 1045
    assert len(found.missing["test"]) == 1041 and len(found.table) == 4
    assert "FREEZER_DOOR_OPEN_CLOSE.wav left out of train: the same sound is in test" in found.notes


@pytest.fixture
def with_real_clips(tmp_path, shared_data):
    """A release whose evaluation split is the four real clips with their captions and metadata; others are tones."""
    names = {split: [(f"{split} {n}.wav", f"{len(split)}{n}") for n in range(8)]
             for split in ("development", "validation")}  # fmt: skip
    for split, clips in names.items():
        miniatures.clotho(tmp_path, split, clips)
    shutil.copytree(shared_data / "clotho" / "mini", tmp_path, dirs_exist_ok=True)
    known = pd.read_csv(shared_data / "clotho" / "graded_relevance" / "evaluation_audio_metadata.csv", dtype=str)
    known = known[known["file_name"].isin(file.name for file in tmp_path.glob("evaluation/*"))]
    known = known[list(miniatures.CLOTHO_FIELDS)]
    known.to_csv(tmp_path / "clotho_metadata_evaluation.csv", index=False, encoding="iso-8859-1")
    return tmp_path


@pytest.mark.filterwarnings("ignore:.*is not whole:UserWarning")
def test_the_four_real_clips_are_embedded_searched_and_scored_as_full_clotho_is(with_real_clips, tmp_path, monkeypatch):
    """All that `python -m lib.full_scale NAME --data clotho:PATH` does, with the encoders that come with the workbook;
    then a search by their own captions, and by the model that notebook 00 searches with."""
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path / "cache"))
    system = full_scale.stand_in(SYSTEMS["weck_atae"], SMOKE)
    clips = full_scale.clips(SYSTEMS["weck_atae"], profile=SMOKE, target=f"clotho:{with_real_clips}")
    assert clips["split"].value_counts().to_dict() == {"train": 8, "validation": 8, "test": 4}
    corpus = full_scale.encoded(system, clips)
    assert corpus.encoded == 20 + 5 * 20 and len(corpus.splits["test"].groups) == 20
    found = full_scale.score(system, corpus, seed=0)
    (fitted,) = retrieval.fit_stages(corpus, system.stages, seed=0)
    rows, table = corpus.rows["test"], data.of_split(clips, "test")
    both = {fitted.model: (), towers.load(towers.COMMITTED / "listen_first"): ("audio", "text")}
    for model, live in both.items():
        asked = corpus.examples(["test"], live)
        heard, told = retrieval.embed(model, asked)
        index = search.Index(heard, table)
        ranks = []
        for text, clip in zip(told, rows["clip_id"]):
            answers = index.query(text, k=10)
            assert sorted(answers["clip_id"]) == sorted(table["clip_id"]) and answers["score"].is_monotonic_decreasing
            ranks.append(int(answers["rank"][answers["clip_id"] == clip].iloc[0]))
        scored = retrieval.scores(model, asked)
        assert scored["AP@10"].to_numpy() == pytest.approx(1 / np.array(ranks)) and (scored["R@10"] == 1).all()
        if model is fitted.model:
            assert found.value == pytest.approx(np.mean(1 / np.array(ranks)))


def test_frames_of_the_real_clips_tell_them_apart(with_real_clips, tmp_path, monkeypatch):
    """Two halves of a clip are more alike than halves of two: what a score of any real clip rests on."""
    clips = data.of_split(clotho.RELEASE.read(with_real_clips).table, "test")
    encoder = encoders.audio("small_cnn")
    halves, unit = [], torch.nn.functional.normalize
    for path in clips["path"]:
        samples = audio.load(path, encoder.sample_rate)
        frames, mask = encoder(*audio.pad(np.array_split(samples, 2)))
        halves.append(adapters.pooled(frames, mask, "mean")[0][:, 0])
    first, second = torch.stack(halves).unbind(1)
    mean = torch.cat([first, second]).mean(dim=0)
    alike = unit(first - mean) @ unit(second - mean).T
    assert (alike.argmax(1) == torch.arange(4)).all() and (alike.argmax(0) == torch.arange(4)).all()
