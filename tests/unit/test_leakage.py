"""Evaluation clips among training clips: found whatever their ids have been through, never silently passed over."""

import pandas as pd
import pytest

from lib.data import leakage, table
from lib.data.leakage import LeakageError, check_disjoint, exclude, ids_of, key, keys
from lib.data.release import Found
from tests.unit import miniatures


def clips(*recordings, titles=()):
    titles = [*titles, *[""] * (len(recordings) - len(titles))]
    rows = [{"clip_id": f"c{n}", "split": "train", "path": "x", "recording": id, "title": title}
            for n, (id, title) in enumerate(zip(recordings, titles))]  # fmt: skip
    return table.build(rows, source="toy")


@pytest.mark.parametrize(
    ("id", "known"),
    [
        ("117790", "freesound:117790"),
        (" 117790 ", "freesound:117790"),
        ("0117790", "freesound:117790"),
        ("117790.0", "freesound:117790"),
        ("117790.flac", "freesound:117790"),
        ("7", "freesound:7"),
        ("r1nicOVtvkQ", "youtube:r1nicOVtvkQ"),
        ("Yr1nicOVtvkQ", "youtube:r1nicOVtvkQ"),
        ("Yr1nicOVtvkQ.wav", "youtube:r1nicOVtvkQ"),
        ("oPRC3zComfA_000117", "youtube:oPRC3zComfA"),
        ("r1nicOVtvkQ_130000_140000.flac", "youtube:r1nicOVtvkQ"),
        ("YQ3_-aB90cd", "youtube:YQ3_-aB90cd"),  # eleven characters, of which the first happens to be Y
        ("YYQ3_-aB90cd", "youtube:YQ3_-aB90cd"),
        ("-0Gj8-vB1q4", "youtube:-0Gj8-vB1q4"),
        ("00012345678", "youtube:00012345678"),  # eleven: longer than Freesound's
        ("Not found", ""),
        ("", ""),
        ("nan", ""),
        ("1.17790e+05", ""),
        ("freesound:117790", "freesound:117790"),
    ],
)
def test_an_id_is_known_in_any_of_its_forms(id, known):
    assert key(id) == known


@pytest.mark.parametrize("id", [117790, 117790.0, None, float("nan")])
def test_a_number_is_refused_since_nobody_knows_what_it_was(id):
    with pytest.raises(LeakageError, match="expected ids as text; got .*dtype=str"):
        key(id)
    with pytest.raises(LeakageError, match="dtype=str"):
        exclude(clips("1", "2"), ["1", id])
    with pytest.raises(LeakageError, match="dtype=str"):
        check_disjoint(clips("1").assign(recording=[id]), ["1"])


def test_the_clips_of_these_recordings_are_left_out_and_named():
    kept, out = exclude(clips("11", "012", "r1nicOVtvkQ", "", "13"), ["12.0", "Yr1nicOVtvkQ.wav", "99", "Not found"])
    assert kept["clip_id"].tolist() == ["c0", "c3", "c4"] and out == ["c1", "c2"]
    assert kept.index.tolist() == [0, 1, 2]
    check_disjoint(kept, ["12.0", "Yr1nicOVtvkQ.wav"])


def test_an_overlap_stops_the_training():
    with pytest.raises(LeakageError, match="2 of 3 training clips are evaluation clips too: c0, c2"):
        check_disjoint(clips("117790", "5", "0117790"), ["117790"])


def test_one_that_is_left_unexcluded_is_found():
    """Teeth: the fault of the guide, an id list read as numbers, of which one is "Not found"."""
    ids = ["117790", "Not found", "204046"]
    as_numbers = pd.to_numeric(pd.Series(ids), errors="coerce")
    with pytest.raises(LeakageError, match="dtype=str"):
        exclude(clips("117790", "1"), as_numbers)
    as_text_of_numbers = [str(number) for number in as_numbers]  # "117790.0", "nan", "204046.0"
    assert exclude(clips("117790", "1"), as_text_of_numbers)[1] == ["c0"]


@pytest.mark.parametrize("ids", [[], ["Not found"], ["", "nan"]])
def test_a_comparison_that_can_find_nothing_is_an_error(ids):
    with pytest.raises(LeakageError, match="expected ids of Freesound or YouTube; got"):
        check_disjoint(clips("1"), ids)
    with pytest.raises(LeakageError, match="expected ids"):
        exclude(clips("1"), ids)


@pytest.mark.parametrize("table", [clips("", ""), clips("1").drop(columns="recording"), clips()])
def test_clips_without_ids_cannot_be_compared(table):
    with pytest.raises(LeakageError, match="expected clips with ids of recordings"):
        check_disjoint(table, ["1"])


def test_evaluation_clips_without_an_id_are_known_by_their_title():
    evaluation = clips("11", "", titles=["a", "Super Market"])
    held = ids_of(evaluation)
    assert held == ["freesound:11", "name:super market"]
    training = clips("21", "22", "23", titles=["a.wav", "Super  Market .wav", "Super Market 2"])
    assert exclude(training, held)[1] == ["c1"], "not by a title whose clip has an id"
    with pytest.raises(LeakageError, match="1 of 3 .*: c1"):
        check_disjoint(training, held)
    assert exclude(clips("21", titles=[""]), ["", "11"])[1] == []


# The lists that are fetched with a data set


def held_out(root):
    for name, id in (("evaluation", "11"), ("validation", "12")):
        miniatures.clotho(root / "held_out" / "clotho", name, [("a.wav", id), ("lost.wav", "Not found")], [])
    miniatures.table(root / "held_out" / "clotho_hidden" / "retrieval_audio_metadata.csv", miniatures.CLOTHO_FIELDS,
                     [["h.wav", "", "14", "", "", "", ""]], "iso-8859-1")  # fmt: skip
    for name, id in (("test", "r1nicOVtvkQ"), ("val", "vfY_TJq7n_U")):
        rows = [["1", id, "130", "A caption."]]
        miniatures.table(root / "held_out" / "audiocaps" / "v1" / f"{name}.csv", leakage.audiocaps.COLUMNS, rows)


@pytest.fixture(autouse=True)
def _nothing_else(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_DATA", str(tmp_path / "fetched"))
    monkeypatch.setenv("HEARSAY_SHARED_DATA", str(tmp_path / "given"))


def found(clips):
    return Found(clips, {"train": len(clips)}, {})


def test_what_clotho_and_audiocaps_judge_by_is_left_out(tmp_path):
    held_out(tmp_path)
    training = clips("11", "12", "13", "14", "r1nicOVtvkQ", "", titles=["", "", "", "", "", "Lost.wav"])
    cleaned = leakage.cleaned(found(training), tmp_path, "freesound", "youtube")
    assert cleaned.table["clip_id"].tolist() == ["c2"]
    assert cleaned.notes == ["5 left out that Clotho or AudioCaps judge by: c0, c1, c3, ..."]
    assert len(leakage.cleaned(found(training), tmp_path, "youtube").table) == 5
    assert leakage.cleaned(found(clips("13")), tmp_path, "freesound").notes == []


def test_the_lists_of_the_data_sets_themselves_will_do(tmp_path):
    held_out(tmp_path)
    (tmp_path / "held_out").rename(tmp_path / "fetched")
    assert leakage.held_out(tmp_path / "wavcaps", "freesound", "youtube")[1] == []


def test_without_a_list_the_leakage_is_called_possible(tmp_path):
    held_out(tmp_path)
    (tmp_path / "held_out" / "clotho" / "clotho_metadata_evaluation.csv").unlink()
    notes = leakage.cleaned(found(clips("11", "12")), tmp_path, "freesound").notes
    assert notes[0] == (
        "possible leakage, since a list of evaluation clips is not here: clotho/clotho_metadata_evaluation.csv"
    )
    assert "1 left out" in notes[1]


def test_an_empty_list_counts_as_none(tmp_path):
    held_out(tmp_path)
    file = tmp_path / "held_out" / "audiocaps" / "v1" / "test.csv"
    file.write_text(file.read_text().splitlines()[0])
    assert leakage.held_out(tmp_path, "youtube")[1] == ["audiocaps/v1/test.csv"]


def test_sounds_of_other_archives_need_no_comparison(tmp_path):
    held_out(tmp_path)
    assert len(leakage.cleaned(found(clips("", "")), tmp_path, "freesound").table) == 2


def test_the_lists_are_among_the_files_that_are_fetched():
    assert [file.name for file in leakage.files("youtube")] == [
        "held_out/audiocaps/v1/test.csv", "held_out/audiocaps/v1/val.csv"]  # fmt: skip
    assert all(file.hash != "unpublished" and file.kind == "texts" for file in leakage.files("freesound", "youtube"))


def test_clothos_real_ids(shared_data):
    def read(split):
        file = shared_data / "clotho" / "graded_relevance" / f"{split}_audio_metadata.csv"
        return pd.read_csv(file, dtype=str, keep_default_na=False)

    evaluation, development = read("evaluation"), read("development")
    held = keys(evaluation["sound_id"])
    assert len(held) == 1040 and sum(map(str.isdigit, evaluation["sound_id"])) == 1040  # of 1,045
    kept, out = exclude(clips(*evaluation["sound_id"], *development["sound_id"]), held)
    assert len(out) == 1041, "and FREEZER_DOOR_OPEN_CLOSE.wav, which is in both"
    check_disjoint(kept, held)
