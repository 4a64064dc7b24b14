"""From settings to a run: the data sets as one table, soundscapes in their place, and what differs is told."""

from dataclasses import replace

import pandas as pd
import pytest
import torch

from lib import arms, data, frames_file, full_scale, profiles, retrieval
from lib.data import leakage, table
from lib.departures import departures
from lib.systems import SYSTEMS

SMOKE = profiles.PROFILES["smoke"]
TRAINED = [name for name, system in SYSTEMS.items() if system.stages]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))


def rows(name, split, ids, **further):
    made = [{"clip_id": f"{name}{n} {id}", "split": split, "path": f"/sounds/{id}.wav", "captions": ["A dog, barking!"],
             "duration_s": 20.0, "recording": id, **further} for n, id in enumerate(ids)]  # fmt: skip
    return table.build(made, source=name)


@pytest.fixture
def sets(monkeypatch):
    """Data sets so small that they can be counted; `known` may be changed."""
    clotho = [rows("clotho", split, ids) for split, ids in (
        ("train", ["11", "12"]), ("validation", ["21"]), ("test", ["31", "Not found"]))]  # fmt: skip
    known = {"clotho": pd.concat(clotho, ignore_index=True), "fsd50k": rows("fsd50k", "noisy", ["41", "42", "43"]),
             "wavcaps": rows("wavcaps", "train", ["51"]), "macs": rows("macs", "train", ["", ""]),
             "auto_acd": rows("auto_acd", "train", ["abcdefghijk"]),
             "audiocaps": pd.concat([rows("audiocaps", "train", ["bbcdefghijk"]),
                                     rows("audiocaps", "test", ["cbcdefghijk"])], ignore_index=True)}  # fmt: skip
    asked = []

    def load(name, **kwargs):
        asked.append(name)
        return known[name.partition(":")[0]]

    monkeypatch.setattr(full_scale.data, "load", load)
    monkeypatch.setattr(full_scale.data, "load_noisy", load)
    return known, asked


def test_every_part_becomes_a_split(sets):
    _, asked = sets
    found = full_scale.clips(SYSTEMS["munakata_2024"], profile=SMOKE, target="clotho:/somewhere")
    assert found["split"].value_counts().to_dict() == {
        "train": 2, "validation": 1, "test": 2, "audiocaps": 1, "wavcaps": 1, "macs": 2, "auto_acd": 1}  # fmt: skip
    assert asked.count("clotho:/somewhere") == 3 and "clotho" not in asked
    assert (found["path"] == "crop://0+10//sounds/11.wav").sum() == 1 and (found["duration_s"] == 10).all()
    primus = full_scale.clips(SYSTEMS["primus_2023"], profile=SMOKE)
    assert (primus["split"] == "audiocaps").sum() == 2  # all its splits, as in the paper
    assert (primus["path"] == "/sounds/11.wav").sum() == 1


def test_half_of_the_noisy_set_is_half(sets):
    half, whole = (full_scale.clips(SYSTEMS[name], profile=SMOKE) for name in ("weck_et", "weck_best"))
    assert [(found["split"] == "noisy").sum() for found in (half, whole)] == [2, 3]


@pytest.mark.parametrize("name, split", [("wavcaps", "train"), ("clotho", "train")])
def test_a_test_clip_among_those_to_learn_from_stops_it(sets, name, split):
    known, _ = sets
    known[name] = pd.concat([known[name], rows(name, split, ["31"]).assign(clip_id="again")], ignore_index=True)
    with pytest.raises(leakage.LeakageError, match="evaluation clips too: again"):
        full_scale.clips(SYSTEMS["primus_2023"], profile=SMOKE)


def test_trimming_takes_the_beginning_of_files_and_of_pieces():
    assert full_scale._trimmed("/a/b.wav", 30.0, 10.0) == "crop://0+10//a/b.wav"
    assert full_scale._trimmed("crop://12.5+30//a/b.wav", 30.0, 10.0) == "crop://12.5+10//a/b.wav"
    assert full_scale._trimmed("/a/b.wav", 9.0, 10.0) == "/a/b.wav"
    assert full_scale._trimmed("frames:///f#3", 30.0, 10.0) == "frames:///f#3"


def test_plain_text():
    assert full_scale.plain("A dog barks, twice; it's LOUD!") == "a dog barks twice its loud"
    assert full_scale.plain("?!") == "?!"  # an empty caption would be no caption


@pytest.mark.parametrize("name", TRAINED)
def test_a_stand_in_keeps_the_shape(name):
    system = SYSTEMS[name]
    small = full_scale.stand_in(system, SMOKE)
    kept = ("loss", "options", "on", "tune", "swap", "mask_tokens", "mixco", "one_source", "trainable_temperature")
    for one, other in zip(system.stages, small.stages, strict=True):
        assert all(getattr(one, field) == getattr(other, field) for field in kept)
        assert other.training.max_epochs == 1 and one.training.max_epochs > 1
        assert other.training.schedule == one.training.schedule
    told = departures(system, small)
    assert {"data", "audio", "text"} <= set(told.index) and told.loc["data", "here"] == "soundscapes"
    assert {name.partition(", ")[2] for name in told.index} >= {"max_epochs", "dim"}
    assert list(told.loc["audio"]) == [system.audio, "small_cnn"]
    assert not any(name.endswith(", loss") for name in told.index)


def test_another_engines_system_is_sent_there():
    for what in (full_scale.stand_in, lambda system, profile: full_scale.clips(system, profile=profile)):
        with pytest.raises(ValueError, match="takeuchi_2022 is trained by lib.difference_runs: see notebook 15"):
            what(SYSTEMS["takeuchi_2022"], SMOKE)


def test_all_that_is_absent_is_named_at_once(sets, monkeypatch):
    known, _ = sets
    known["clotho"] = data.of_split(known["clotho"], "test")

    def load(name, **kwargs):
        if name in ("audiocaps", "wavcaps"):
            raise data.SourceError(f"{name} is not here. Try: python data_scripts/{name}.py")
        return known[name]

    monkeypatch.setattr(full_scale.data, "load", load)
    with pytest.raises(data.SourceError) as told:
        full_scale.clips(SYSTEMS["primus_2023"], profile=SMOKE)
    lines = str(told.value).splitlines()
    assert lines[0] == "clotho has clips of test here, and none of train. Try: python data_scripts/clotho.py"
    assert [line.split()[0] for line in lines] == ["clotho", "clotho", "audiocaps", "wavcaps"]


def test_clips_without_ids_are_taken_with_a_warning(sets):
    """A file of frames names no recordings."""
    known, _ = sets
    known["clotho"] = known["clotho"].drop(columns="recording")
    with pytest.warns(UserWarning, match="nobody can look for evaluation clips"):
        assert len(full_scale.clips(SYSTEMS["weck_atae"], profile=SMOKE)) == 5


def handed_over(tmp_path, encoder):
    """The splits of a system as frames of this encoder, in one file."""
    found = [{"clip_id": f"{split} {n}", "split": split, "captions": [f"a {split} {n}"] * 2, "duration_s": 1.0}
             for split in ("train", "validation", "test") for n in range(4)]  # fmt: skip
    lengths = torch.full((len(found),), 3)
    values = torch.randn(36, 256, generator=torch.Generator().manual_seed(0)).half()
    made = table.build([{**row, "path": "-"} for row in found], source="toy")
    whole = made[[name for name in table.COLUMNS if name not in ("path", "source")]].to_dict("records")
    path = frames_file.write(tmp_path / "class.frames", whole, values, lengths.cumsum(0), [b""] * len(found),
                             encoder=encoder, sample_rate=16_000)  # fmt: skip
    return f"frames:{path}"


def test_frames_of_its_own_encoder_will_do_and_others_will_not(tmp_path):
    small = replace(SYSTEMS["weck_atae"], audio="small_cnn", text="minilm")
    name = handed_over(tmp_path, "small_cnn")
    with pytest.warns(UserWarning, match="no ids"):
        clips = full_scale.clips(small, profile=SMOKE, target=name)
    corpus = full_scale.encoded(small, clips)
    assert corpus.splits["train"].audio.shape == (4, 3, 256)
    with pytest.raises(data.SourceError, match="weck_atae needs frames of cnn14; the file holds frames of small_cnn"):
        full_scale.encoded(replace(small, audio="cnn14"), clips)
    live = replace(small, stages=(replace(small.stages[0], tune=("audio",)),))
    with pytest.raises(data.SourceError, match="needs recordings"):
        full_scale.encoded(live, clips)


@pytest.mark.parametrize("name", ["weck_ep_f", "munakata_2024"])
def test_soundscapes_stand_for_every_data_set_and_the_shape_runs(name):
    tiny = replace(SMOKE, n_train=8, n_validation=4, n_test=12, n_shifted=4, n_noisy=4, batch_size=12)
    system = full_scale.stand_in(SYSTEMS[name], tiny)
    clips = full_scale.soundscapes(system, profile=tiny, seed=0)
    assert set(clips["split"]) == {part.split for part in SYSTEMS[name].parts} and clips["clip_id"].is_unique
    assert data.of_split(clips, "test")["path"].nunique() == 12
    corpus = full_scale.encoded(system, clips, pieces=5)
    done = retrieval.fit_stages(corpus, system.stages, seed=0)
    assert [fitted.extras["stopped"] for fitted in done] == ["max_epochs"] * len(system.stages)
    assert 0 <= retrieval.scores(done[-1].model, corpus.examples(["test"], system.stages[-1].tune))["AP@10"].mean() <= 1


def test_variants_come_from_whom_one_asks():
    """With the keywords of its clip for a training caption, without for a query."""
    tiny = replace(SMOKE, n_train=4, n_validation=4, n_test=4, n_shifted=4, n_noisy=4)
    system = replace(full_scale.stand_in(SYSTEMS["weck_atae"], tiny), variants=2, views=1)
    clips, asked = full_scale.soundscapes(system, profile=tiny, seed=0), []

    def writer(caption, keywords, *, n):
        asked.append((caption, bool(keywords)))
        return [f"{caption} {k}" for k in range(n)]

    corpus = full_scale.encoded(system, clips, writer=writer)
    for split, n in (("train", 2), ("test", 1)):
        captions = corpus.rows[split]["caption"].tolist()
        assert [told[0] for told in corpus.splits[split].variants.captions] == captions
        assert corpus.splits[split].variants.most == n
        assert {keywords for caption, keywords in asked if caption in captions} == {split == "train"}
    assert corpus.splits["validation"].variants is None


def test_the_command_trains_one_by_name_and_finds_it_again(capsys, monkeypatch):
    tiny = replace(SMOKE, n_train=24, n_validation=8, n_test=12, n_shifted=4, n_noisy=4)
    monkeypatch.setitem(profiles.PROFILES, "smoke", tiny)
    monkeypatch.setattr(profiles, "get", lambda name: profiles.PROFILES[name])
    command = ["weck_atae", "--data", "soundscapes", "--profile", "smoke"]
    lines = []
    for _ in range(2):
        full_scale.main(command)
        lines.append(capsys.readouterr().out.splitlines()[-1])
    assert lines[0] == lines[1] and "not comparable" in lines[0] and "Table 2, ATAE: mAP@10 0.136" in lines[0]


@pytest.mark.parametrize("command, said", [
    (["clap"], "expected one among dcase2022_baseline"),
    (["weck_atae", "--data", "soundscapes", "--epochs", "2"], "expected no --epochs, no --pooled with soundscapes"),
    (["P2.tiny"], "expected one among P1.passt_n"),
    (["takeuchi_2022"], "see notebook 15"),
    (["weck_atae", "--data", "klotho"], "expected a source among"),
    (["primus_2023", "--data", "clotho:/nowhere"], "WavCaps is not here"),
    (["weck_atae", "--epochs", "0"], "expected 1 epoch or more; got 0"),
])  # fmt: skip
def test_the_command_says_in_a_line_what_is_wrong(command, said, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("HEARSAY_DATA", str(tmp_path))
    monkeypatch.setenv("HEARSAY_SHARED_DATA", str(tmp_path))
    with pytest.raises(SystemExit) as stopped:
        full_scale.main(command)
    told = capsys.readouterr().err
    assert stopped.value.code == 2 and said in told and "Traceback" not in told


def test_a_gpu_that_is_too_small_is_told_of_with_what_to_do(capsys, monkeypatch):
    def full(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(full_scale, "_run", full)
    with pytest.raises(SystemExit):
        full_scale.main(["weck_atae", "--pieces", "8"])
    assert "Try --pieces 4." in capsys.readouterr().err


def test_the_command_labels_what_was_cut_short_pooled_or_not_whole(sets, capsys, monkeypatch):
    """Neither a full run nor a comparable one, and it says why."""
    ran = []
    monkeypatch.setattr(full_scale, "encoded", lambda system, table, pieces: ran.append(system))
    monkeypatch.setattr(full_scale, "score", lambda system, corpus, seed: "0.5")
    full_scale.main(["weck_np_f", "--epochs", "2", "--pooled"])
    told = capsys.readouterr().out
    assert "cut short after 2 epochs a stage; pooled; 2 of 3,839 clips of clotho (train)" in told
    assert "not comparable" in told and "possible leakage: FSD50K" in told
    assert [stage.training.max_epochs for stage in ran[0].stages] == [2, 2]
    assert (ran[0].pool, ran[0].text_pool) == ("mean", "mean")


def test_arms_run_by_name_as_systems_do():
    assert full_scale.named("P2.bert_large") is arms.NAMED["P2.bert_large"]
    assert full_scale.named("weck_atae") is SYSTEMS["weck_atae"]
