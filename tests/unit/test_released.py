"""FSD50K, ESC-50, AudioCaps, MACS, Auto-ACD and APwD in their official layouts, in miniature."""

import dataclasses
import json

import pytest

from lib import data
from lib.data import apwd, audiocaps, auto_acd, esc50, fsd50k, leakage, macs, release
from tests.unit import miniatures
from tests.unit.miniatures import SMOKE, load
from tests.unit.miniatures import nothing_else as nothing_else
from tests.unit.test_leakage import held_out

pytestmark = pytest.mark.filterwarnings("ignore:.*(is not whole|left out)")


# FSD50K


@pytest.fixture
def freesound(tmp_path):
    """FSD50K: three development clips, of which Clotho tests with one, and one for evaluation."""
    held_out(tmp_path)
    rows = [["64760", "Electric_guitar,Music", "/m/1,/m/2", "train"], ["11", "Rain", "/m/3", "train"],
            ["345111", "Rain", "/m/3", "val"]]  # fmt: skip
    truth = tmp_path / "FSD50K.ground_truth" / "FSD50K.ground_truth"
    miniatures.table(truth / "dev.csv", ["fname", "labels", "mids", "split"], rows)
    miniatures.table(truth / "eval.csv", ["fname", "labels", "mids"], [["100", "Dog", "/m/4"]])
    for part, ids in (("dev", ("64760", "11", "345111")), ("eval", ("100",))):
        told = {id: {"title": f"{id}.wav", "description": f"<b>My</b> {id}", "tags": ["field", "recording"],
                     "license": "CC0", "uploader": "me"} for id in ids}  # fmt: skip
        miniatures.listing(tmp_path / "FSD50K.metadata" / f"{part}_clips_info_FSD50K.json", told)
        for id in ids:
            miniatures.tone(tmp_path / f"FSD50K.{part}_audio" / f"FSD50K.{part}_audio" / f"{id}.wav")
    return tmp_path


def test_fsd50k_has_uploaders_texts_and_none_of_clothos_evaluation(freesound):
    clips = load("fsd50k", freesound, needs=("audio", "noisy")).set_index("clip_id")
    assert clips["split"].to_dict() == {"64760": "train", "345111": "validation", "100": "test"}
    guitar = clips.loc["64760"]
    assert guitar["title"] == "64760.wav" and guitar["description"] == "<b>My</b> 64760" and guitar["licence"] == "CC0"
    assert guitar["keywords"] == ["field", "recording"] and guitar["labels"] == ["Electric guitar", "Music"]
    assert guitar["captions"] == [] and guitar["recording"] == "64760"
    assert fsd50k.read(freesound).notes == ["1 left out that Clotho or AudioCaps judge by: 11"]


def test_fsd50ks_noisy_partner_is_weck_et_al(freesound):
    with pytest.warns(UserWarning, match="1 left out"):
        clips = data.load_noisy(f"fsd50k:{freesound}", profile=SMOKE)
    assert clips["clip_id"].tolist() == ["64760", "345111"] and set(clips["split"]) == {"noisy"}
    assert clips["captions"].tolist() == [["My 64760", "field recording"], ["My 345111", "field recording"]]


def test_fsd50k_is_clothos_noisy_partner_where_it_was_put(freesound, monkeypatch):
    folder = release.place(fsd50k.RELEASE)
    with pytest.raises(data.SourceError, match="FSD50K"):
        data.load_noisy("clotho", profile=SMOKE)
    folder.parent.mkdir(parents=True)
    folder.symlink_to(freesound, target_is_directory=True)
    with pytest.warns(UserWarning, match="1 left out"):
        clips = data.load_noisy("clotho:/its/own/place", profile=SMOKE)
    assert clips["clip_id"].tolist() == ["64760", "345111"] and set(clips["split"]) == {"noisy"}


def test_fsd50k_has_no_captions(freesound):
    with pytest.raises(data.SourceError, match=r"needs clean captions, which fsd50k\[:PATH\] does not have"):
        data.load(f"fsd50k:{freesound}", profile=SMOKE, needs=("captions",))


def test_fsd50k_without_its_metadata_says_so(freesound):
    (freesound / "FSD50K.metadata" / "eval_clips_info_FSD50K.json").unlink()
    (freesound / "FSD50K.eval_audio" / "FSD50K.eval_audio" / "100.wav").unlink()
    found = fsd50k.read(freesound)
    assert found.notes[0] == "no eval_clips_info_FSD50K.json, so no titles, descriptions and tags of its clips"
    assert found.missing == {"train": [], "validation": [], "test": ["100"]}
    (freesound / "FSD50K.metadata" / "dev_clips_info_FSD50K.json").write_text("{")
    with pytest.raises(release.ReleaseError, match="dev_clips_info_FSD50K.json is damaged"):
        fsd50k.read(freesound)


def test_fsd50ks_archives_are_in_parts():
    archives = {file.name: file for file in fsd50k.RELEASE.files}
    dev, judge = archives["FSD50K.dev_audio.zip"], archives["FSD50K.eval_audio.zip"]
    assert [part.name for part in dev.parts] == [f"FSD50K.dev_audio.z0{n}" for n in range(1, 6)]
    assert [part.name for part in judge.parts] == ["FSD50K.eval_audio.z01"]
    assert fsd50k.RELEASE.clips["train"] + fsd50k.RELEASE.clips["validation"] == 40_966
    assert set(leakage.files("freesound")) <= set(fsd50k.RELEASE.files)


# ESC-50


def test_esc50_is_found_where_its_archive_is_unpacked(tmp_path):
    inside = tmp_path / "ESC-50" / f"ESC-50-{esc50.COMMIT}"
    rows = [[f"{fold}-{fold}07-A-0.wav", str(fold), "0", "dog", "True", f"{fold}07", "A"] for fold in (1, 2)]
    header = ["filename", "fold", "target", "category", "esc10", "src_file", "take"]
    miniatures.table(inside / "meta" / "esc50.csv", header, rows)
    assert esc50.read(tmp_path).missing == {f"fold{n}": [f"{n}-{n}07-A-0.wav"] if n < 3 else [] for n in range(1, 6)}
    miniatures.tone(inside / "audio" / "1-107-A-0.wav")
    with pytest.warns(UserWarning, match="1 of 2 recordings left out"):
        found = esc50.read(tmp_path)
    assert found.listed == {"fold1": 1, "fold2": 1} and found.missing["fold2"] == ["2-207-A-0.wav"]
    with pytest.warns(UserWarning, match="left out"):
        assert data.load(f"esc50:{tmp_path}", profile=SMOKE)["clip_id"].tolist() == ["1-107-A-0"]


def test_esc50_counts_the_real_part(shared_data):
    found = esc50.read(shared_data / "esc10")
    assert found.listed == {f"fold{n}": 80 for n in (1, 2, 3, 4)} and not any(found.missing.values())
    assert len(found.table) == 320 and not release.complete(esc50.RELEASE, found)


# AudioCaps


@pytest.fixture
def captions(tmp_path):
    rows = {"train": [["1", "r1nicOVtvkQ", "130", "A woman talks."], ["2", "UDGBjjwyaqE", "20", "Clanging."]],
            "val": [["3", "vfY_TJq7n_U", "130", "Ducks."], ["4", "vfY_TJq7n_U", "130", "More ducks."]],
            "test": [["5", "-fmOlUlwoNg", "20", "Rattling."], ["6", "6BJ455B1aAs", "0", "A rocket."]]}  # fmt: skip
    for name, own in rows.items():
        miniatures.table(tmp_path / "v1" / f"{name}.csv", audiocaps.COLUMNS, own)
    return tmp_path


@pytest.mark.parametrize(
    ("files", "ids"),
    [
        (["r1nicOVtvkQ_130.flac", "vfY_TJq7n_U_130.wav"], ["r1nicOVtvkQ_130", "vfY_TJq7n_U_130"]),
        (["Yr1nicOVtvkQ.wav", "Y-fmOlUlwoNg.wav"], ["r1nicOVtvkQ_130", "-fmOlUlwoNg_20"]),
        (["deep/er/UDGBjjwyaqE.ogg"], ["UDGBjjwyaqE_20"]),
        (["train/1.wav", "4.wav"], ["r1nicOVtvkQ_130", "vfY_TJq7n_U_130"]),
        (["6BJ455B1aAs_0_10000.wav", "UDGBjjwyaqE_20000_30000.wav"], ["UDGBjjwyaqE_20", "6BJ455B1aAs_0"]),
    ],
)
def test_audiocaps_takes_the_recordings_that_the_user_has(captions, files, ids):
    for name in files:
        miniatures.tone(captions / name)
    clips = load("audiocaps", captions, needs=("captions",))
    assert clips["clip_id"].tolist() == ids and clips["recording"].tolist() == [id[:11] for id in ids]
    found = audiocaps.RELEASE.read(captions)
    assert found.listed == {"train": 2, "validation": 1, "test": 2}
    assert sum(map(len, found.missing.values())) == 5 - len(ids)


def test_audiocaps_has_one_caption_to_train_with_and_several_after(captions):
    for name in ("r1nicOVtvkQ", "vfY_TJq7n_U"):
        miniatures.tone(captions / f"{name}.wav")
    clips = load("audiocaps", captions)
    assert clips["captions"].tolist() == [["A woman talks."], ["Ducks.", "More ducks."]]
    assert clips["split"].tolist() == ["train", "validation"]


def test_the_clips_that_are_here_are_listed_for_others(captions, capsys):
    miniatures.tone(captions / "r1nicOVtvkQ.wav")
    offline = dataclasses.replace(audiocaps.RELEASE, files=())
    assert release.main(offline, [str(captions)]) == 1
    told = capsys.readouterr().out
    assert "train: 1 recordings here, 2 clips listed, 49,838 in the release; 1 missing: UDGBjjwyaqE_20" in told
    assert "The recordings are not handed out freely" in told
    assert (captions / release.HERE).read_text() == "clip_id,split,recording\nr1nicOVtvkQ_130,train,r1nicOVtvkQ\n"


def test_audiocaps_second_version_is_a_source_of_its_own(captions):
    (captions / "v1").rename(captions / "dataset2.0")  # as in the authors' repository
    miniatures.tone(captions / "r1nicOVtvkQ.wav")
    clips = load("audiocaps_v2", captions)
    assert clips["clip_id"].tolist() == ["r1nicOVtvkQ_130"] and set(clips["source"]) == {"audiocaps_v2"}
    with pytest.raises(data.SourceError, match="no recording of AudioCaps .none of its texts"):
        data.load(f"audiocaps:{captions}", profile=SMOKE)


# MACS


def test_macs_has_two_to_five_captions_of_several_people(tmp_path):
    (tmp_path / "MACS.yaml").write_text(json.dumps({"files": [
        {"filename": "airport-barcelona-0-0-a.wav", "annotations": [
            {"annotator_id": 1, "sentence": "People talk.", "tags": ["adults talking", "music"]},
            {"annotator_id": 2, "sentence": "A crowd.", "tags": ["music"]}]},
        {"filename": "park-lyon-1-2-a.wav", "annotations": [{"sentence": "Birds.", "tags": "birds singing, wind"}]},
    ]}))  # fmt: skip
    tau = "TAU-urban-acoustic-scenes-2019-development"
    miniatures.tone(tmp_path / "audio.1" / tau / "audio" / "airport-barcelona-0-0-a.wav")
    clips = load("macs", tmp_path, needs=("captions",))
    assert clips["captions"].tolist() == [["People talk.", "A crowd."]]
    assert clips["keywords"].tolist() == [["adults talking", "music"]] and clips["split"].tolist() == ["train"]
    assert macs.read(tmp_path).missing == {"train": ["park-lyon-1-2-a"]}
    miniatures.tone(tmp_path / "park-lyon-1-2-a.wav")
    assert load("macs", tmp_path)["keywords"][1] == ["birds singing", "wind"]
    (tmp_path / "MACS.yaml").write_text("files: [")
    with pytest.raises(data.SourceError, match="MACS.yaml is damaged"):
        data.load(f"macs:{tmp_path}", profile=SMOKE)


# Auto-ACD


@pytest.fixture
def machine(tmp_path):
    held_out(tmp_path)
    rows = [["youtube_id", "caption"], ["oPRC3zComfA_000117", "Waves, and a gull."], ["zzzzzzzzzzz_000030", "Other."],
            ["r1nicOVtvkQ_000130", "Judged by."], ["-0jeONf82dE_000021", "A horn."]]  # fmt: skip
    miniatures.table(tmp_path / "train.csv", None, rows)
    ids = ["oPRC3zComfA,117,sea waves,train", "r1nicOVtvkQ,130,x,test", "-0jeONf82dE,21,car horn,train"]
    (tmp_path / "vggsound.csv").write_text("\n".join(ids))
    for id in ("oPRC3zComfA_000117", "zzzzzzzzzzz_000030", "r1nicOVtvkQ_000130"):
        miniatures.tone(tmp_path / "sounds" / f"{id}.wav")
    return tmp_path


def test_auto_acd_is_vggsounds_part_without_audiocaps_evaluation(machine):
    clips = load("auto_acd", machine, needs=("captions",))
    assert clips["clip_id"].tolist() == ["oPRC3zComfA_000117"] and clips["captions"][0] == ["Waves, and a gull."]
    assert clips["recording"][0] == "oPRC3zComfA" and clips["keywords"][0] == ["sea waves"]
    found = auto_acd.read(machine)
    assert found.listed == {"train": 3} and found.missing == {"train": ["-0jeONf82dE_000021"]}
    assert found.notes == ["1 left out that Clotho or AudioCaps judge by: r1nicOVtvkQ_000130"]
    assert "3 clips listed, how many in all: unpublished" in release.report(auto_acd.RELEASE, found)


def test_auto_acd_of_another_form_is_refused(machine):
    (machine / "train.csv").write_text("youtube_id,caption\noPRC3zComfA,Waves.\n")
    with pytest.raises(release.ReleaseError, match="not one of 2 ids is in vggsound.csv .such as oPRC3zComfA_000117"):
        auto_acd.read(machine)


def test_auto_acd_without_vggsounds_list_has_none_of_its_texts(machine):
    (machine / "vggsound.csv").unlink()
    with pytest.raises(data.SourceError, match="none of its texts"):
        data.load(f"auto_acd:{machine}", profile=SMOKE)


# APwD


def mixture(*events):
    """What scaper writes of a mixture: two backgrounds, and events (label, onset, length, level)."""
    told = [("rain", 0, 10, 0, "background")] * 2 + [(*event, "foreground") for event in events]
    names = ("label", "event_time", "event_duration", "snr", "role")
    values = [{"time": 0.0, "duration": 10.0, "value": dict(zip(names, value)), "confidence": 1.0} for value in told]
    scaper = {"ref_db": -35.8, "n_events": len(events)}
    return {"annotations": [{"namespace": "scaper", "data": values, "sandbox": {"scaper": scaper}}]}


def test_apwd_is_read_where_it_has_been_mixed(tmp_path):
    here = tmp_path / "apwd-dataset" / "apwd-dataset-9dead0b" / "datasets"
    for scene, part, name in (("rain", "dev", "00000"), ("traffic", "eval", "000")):
        stem = f"apwd_{scene}_sc_{part}_{name}"
        jams = here / f"apwd_{scene}_sc" / part / "jams"
        miniatures.listing(jams / f"{stem}_s1.jams", mixture(("dog", 0.5, 3.3, 8.1)))
        miniatures.listing(jams / f"{stem}_s2.jams", mixture())
    assert apwd.read(tmp_path).missing["train"] == ["apwd_rain_sc_dev_00000_s1", "apwd_rain_sc_dev_00000_s2"]
    for side in ("s1", "s2"):
        miniatures.tone(here / "apwd_rain_sc" / "dev" / "wav" / f"apwd_rain_sc_dev_00000_{side}.wav")
    clips = load("apwd", tmp_path, needs=("audio",))
    assert clips["pair"].tolist() == ["apwd_rain_sc_dev_00000"] * 2 and set(clips["split"]) == {"train"}
    assert clips["events"][0] == [{"label": "dog", "start_s": 0.5, "duration_s": 3.3, "snr_db": 8.1}]
    assert clips["events"][1] == [] and clips["level_db"][0] == -35.8 and clips["scene"][0] == "rain"
    assert apwd.read(tmp_path).listed == {"train": 2, "test": 2}
    miniatures.listing(here / "apwd_rain_sc" / "dev" / "jams" / "apwd_rain_sc_dev_00000_s1.jams", {"annotations": []})
    with pytest.raises(data.SourceError, match="apwd_rain_sc_dev_00000_s1.jams is damaged"):
        data.load(f"apwd:{tmp_path}", profile=SMOKE)
