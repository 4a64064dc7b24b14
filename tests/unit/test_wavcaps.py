"""WavCaps in its official layout, in miniature: four collections, archives in parts, hours of one sound, and leaks."""

import shutil

import pytest

from lib import data
from lib.data import crop, release, wavcaps
from tests.unit import miniatures
from tests.unit.miniatures import SMOKE, load
from tests.unit.miniatures import nothing_else as nothing_else
from tests.unit.test_leakage import held_out

pytestmark = pytest.mark.filterwarnings("ignore:.*(is not whole|left out)")


def wavcaps_list(root, part, *clips):
    name = wavcaps.PARTS[part][0]
    return miniatures.listing(root / "json_files" / part / name, {"num_captions_per_audio": 1, "data": list(clips)})


@pytest.fixture
def collections(tmp_path):
    """All four; two ids are the same number, one clip is an hour long, one has no sound; two are evaluation clips."""
    held_out(tmp_path)
    one = {"caption": "A sound.", "duration": 0.5}
    wavcaps_list(tmp_path, "FreeSound", {**one, "id": "2219", "file_name": "rain.wav", "tags": ["rain"]},
                 {**one, "id": "11"}, {**one, "id": "99", "duration": 3600.0}, {**one, "id": "98", "duration": 0.0},
                 {**one, "id": "97"}, {**one, "id": "96", "file_name": "lost.wav"}, {**one, "id": "95"})  # fmt: skip
    wavcaps_list(tmp_path, "AudioSet_SL", {**one, "id": "Yr1nicOVtvkQ.wav"}, {**one, "id": "YUDGBjjwyaqE.wav"})
    wavcaps_list(tmp_path, "SoundBible", {**one, "id": "2219", "title": "Plane", "description": "Landing."})
    wavcaps_list(tmp_path, "BBC_Sound_Effects", {**one, "id": "07076051"})
    inner = "mnt/fast/waveforms"
    for name in ("FreeSound/{}/FreeSound_flac/2219", "FreeSound/{}/FreeSound_flac/11", "FreeSound/{}/FreeSound_flac/99",
                 "FreeSound/{}/FreeSound_flac/98", "FreeSound/{}/FreeSound_flac/96",
                 "AudioSet_SL/{}/AudioSet_SL_flac/Yr1nicOVtvkQ", "AudioSet_SL/{}/AudioSet_SL_flac/YUDGBjjwyaqE",
                 "SoundBible/{}/SoundBible_flac/2219", "BBC_Sound_Effects/{}/x/07076051"):  # fmt: skip
        miniatures.tone(tmp_path / "audio" / f"{name.format(inner)}.flac")
    (tmp_path / "audio" / "FreeSound" / inner / "FreeSound_flac" / "95.flac").touch()
    return tmp_path


def test_wavcaps_has_four_collections_and_none_of_the_evaluation_clips(collections):
    clips = load("wavcaps", collections, needs=("captions",)).set_index("clip_id")
    assert clips["recording"].to_dict() == {
        "AudioSet_SL/YUDGBjjwyaqE": "UDGBjjwyaqE", "BBC_Sound_Effects/07076051": "", "FreeSound/2219": "2219",
        "FreeSound/99": "99", "SoundBible/2219": ""}  # fmt: skip
    assert set(clips["split"]) == {"train"} and clips.loc["FreeSound/2219", "keywords"] == ["rain"]
    for part in ("SoundBible", "FreeSound"):
        assert f"{part}_flac" in clips.loc[f"{part}/2219", "path"], "the same number, another sound"
    assert clips.loc["SoundBible/2219", "title"] == "Plane"
    found = wavcaps.read(collections)
    assert found.notes == [
        "3 left out that Clotho or AudioCaps judge by: AudioSet_SL/Yr1nicOVtvkQ, FreeSound/11, FreeSound/96"
    ]
    assert found.missing["FreeSound"] == [
        "FreeSound/98 (empty or no audio)",
        "FreeSound/97",
        "FreeSound/95 (empty or no audio)",
    ]
    assert found.listed == {"AudioSet_SL": 2, "BBC_Sound_Effects": 1, "FreeSound": 7, "SoundBible": 1}


def test_wavcaps_counts_by_collection(collections):
    told = release.report(wavcaps.RELEASE, wavcaps.read(collections))
    assert "FreeSound: 2 recordings here, 7 clips listed, 262,300 in the release; 3 missing" in told
    assert sum(wavcaps.RELEASE.clips.values()) == 403_050


def test_of_a_long_recording_a_piece_is_a_clip(collections):
    clips = load("wavcaps", collections).set_index("clip_id")
    long = clips.loc["FreeSound/99"]
    assert long["path"].startswith("crop://") and long["duration_s"] == crop.SECONDS and long["whole_s"] == 3600
    assert clips.loc["FreeSound/2219", "path"].endswith("2219.flac")


def test_wavcaps_without_lists_of_evaluation_clips_warns_of_leakage(collections):
    shutil.rmtree(collections / "held_out")
    with pytest.warns(UserWarning, match="possible leakage, since a list .* clotho/clotho_metadata_evaluation.csv"):
        clips = data.load(f"wavcaps:{collections}", profile=SMOKE)
    assert "FreeSound/11" in set(clips["clip_id"])


def test_a_damaged_list_is_refused(collections):
    for content in ("[1", "{}", "[]"):
        (collections / "json_files" / "SoundBible" / "sb_final.json").write_text(content)
        with pytest.raises(release.ReleaseError, match="sb_final.json is damaged"):
            wavcaps.read(collections)


def test_wavcaps_archives_come_by_hand_and_are_unpacked(tmp_path):
    wavcaps_list(tmp_path, "SoundBible", {"id": "2219", "caption": "A plane.", "duration": 1.0})
    (tmp_path / "Zip_files" / "SoundBible").mkdir(parents=True)
    sound = miniatures.tone(tmp_path / "x.flac").read_bytes()
    archive = miniatures.zipped(**{"mnt/SoundBible_flac/2219.flac": sound})
    (tmp_path / "Zip_files" / "SoundBible" / "SoundBible.zip").write_bytes(archive)
    (tmp_path / "Zip_files" / "FreeSound").mkdir()
    (tmp_path / "Zip_files" / "FreeSound" / "FreeSound.zip").write_bytes(b"half of it")
    failed = release.acquire(wavcaps.RELEASE, tmp_path, ("audio",))
    assert len(failed) == 1 and failed[0].startswith("FreeSound.zip: expected a zip")
    assert wavcaps.read(tmp_path).table["clip_id"].tolist() == ["SoundBible/2219"]
