"""The published pairs, from a miniature of their layout: the table of `pairs.build`, and what is missing told."""

import json
import shutil

import numpy as np
import pytest
import soundfile

from lib import difference_runs, encoders
from lib.data import apwd_pairs, pairs
from lib.data.difference_scenes import SCENES
from lib.data.difference_texts import NAMES
from lib.data.sources import SourceError

BEDS = ("336798", "58550")
# Over the background: (label, dB) before and after, and what that makes.
PAIRS = {
    "0": ([], [("rain", 7.1)], {"a rain"}),
    "1": ([("rain", 7.1)], [], {"b rain"}),
    "2": ([], [("thunder", 8.1)], {"c thunder"}),
    "3": ([("dog", 6.0), ("footsteps", 9.0)], [], {"d dog_bark", "d footsteps"}),
    "4": ([("birds", -1.1)], [("birds", 9.7)], {"e bird_chirp"}),
    "5": ([("birds", 9.7)], [("birds", -1.1), ("rain", 6.5)], {"f bird_chirp", "a rain"}),
}


def annotation(events, beds=BEDS, background="rain"):
    """What scaper writes, as far as anybody reads it."""
    def row(role, label, name, snr):
        value = {"label": label, "source_file": f"source/dev/{role}/{label}/{name}.wav", "snr": snr, "role": role}
        return {"time": 0.0, "duration": 10.0, "confidence": 1.0, "value": value}

    rows = [row("background", background, name, 0) for name in beds]
    rows += [row("foreground", label, f"5-{i}-A-0", snr) for i, (label, snr) in enumerate(events)]
    return {"annotations": [{"namespace": "scaper", "data": rows}], "file_metadata": {"duration": 10}}


def write(place, name, before, after, *, sound=True, **given):
    for number, (side, events) in enumerate((("s1", before), ("s2", after))):
        stem = f"{name}_{side}"
        (place / "jams").mkdir(parents=True, exist_ok=True)
        (place / "jams" / f"{stem}.jams").write_text(json.dumps(annotation(events, **given)))
        if sound:
            (place / "wav").mkdir(exist_ok=True)
            tone = 0.1 * np.sin(np.arange(16000) * (1 + number + len(events)) / 30)
            soundfile.write(place / "wav" / f"{stem}.wav", tone, 16000)


@pytest.fixture
def released(tmp_path):
    """A folder as the data set's script leaves it: six pairs to develop on, two to evaluate on."""
    (tmp_path / "LISENCE").write_text("terms")
    for split, digits, n in (("dev", 5, 6), ("eval", 3, 2)):
        for index in range(n):
            place = tmp_path / "datasets" / "apwd_rain_sc" / split
            write(place, f"apwd_rain_sc_{split}_{index:0{digits}d}", *PAIRS[str(index)][:2])
    return tmp_path


def dev(folder, *parts):
    return folder.joinpath("datasets", "apwd_rain_sc", "dev", *parts)


ALL = {"develop": 6, "evaluate": 2}


def test_the_table_is_that_of_the_generator(released):
    table, ours = apwd_pairs.build(released, "rain", ALL), pairs.build("rain", {"develop": 2}, 0)
    assert set(table.columns) == set(ours.columns)
    assert table["split"].value_counts().to_dict() == ALL
    for column in table:
        assert type(table[column][0]) is type(ours[column][0]), column
    assert (table["beds"] == table["beds"][0]).all() and table["beds"][0] == BEDS


def test_the_operations_are_read_off_the_two_sides(released):
    table = apwd_pairs.build(released, "rain", {"develop": 6})
    for done, (_, _, wanted) in zip(table["operations"], PAIRS.values()):
        assert {f"{one.letter} {one.label}" for one in done} == wanted


def test_labels_and_words_say_what_is_there(released):
    table = apwd_pairs.build(released, "rain", {"develop": 6})
    assert table["before_labels"].tolist() == [
        (), (), (), ("dog_bark", "footsteps"), ("bird_chirp",), ("bird_chirp",)]  # fmt: skip
    assert table["after_labels"].tolist() == [(), (), ("thunder",), (), ("bird_chirp",), ("bird_chirp",)]
    for text, done in zip(table["text"], table["operations"]):
        clauses = text.split(" and ")
        assert [NAMES[one.label] in clause for clause, one in zip(clauses, done)] == [True] * len(done)
    assert table["text"].tolist() == apwd_pairs.build(released, "rain", {"develop": 6})["text"].tolist()


def test_it_can_be_encoded_like_any_pairs(released):
    table = apwd_pairs.build(released, "rain", {"develop": 6})
    known = difference_runs.encode(table, encoders.audio("small_cnn"), encoders.text("minilm"), SCENES["rain"].events)
    assert len(known) == 6 and known.before_labels.sum() == 4 and not known.before.equal(known.after)
    assert known.after_labels[2].tolist() == [float(label == "thunder") for label in SCENES["rain"].events]


def test_the_terms_come_first_by_name(released, capsys):
    apwd_pairs.build(released, "rain", {"evaluate": 1})
    told = capsys.readouterr().out
    assert "Software License Agreement for Evaluation" in told and "not in" not in told
    (released / "LISENCE").unlink()
    apwd_pairs.build(released, "rain", {"evaluate": 1})
    assert "That file is not in" in capsys.readouterr().out


def test_traffic_and_the_folder_of_data_sets_itself(released):
    write(released / "datasets" / "apwd_traffic_sc" / "eval", "apwd_traffic_sc_eval_000", [],
          [("church_bells", 8.0), ("car_passing", 7.0)], background="car_passing")
    (row,) = apwd_pairs.build(released / "datasets", "traffic", {"evaluate": 1}).to_dict("records")
    assert {f"{one.letter} {one.label}" for one in row["operations"]} == {"c church_bell", "a traffic"}
    assert row["after_labels"] == ("church_bell",)


def test_the_inventory_counts_what_is_missing(released):
    dev(released, "jams", "apwd_rain_sc_dev_00001_s2.jams").unlink()
    dev(released, "wav", "apwd_rain_sc_dev_00003_s1.wav").unlink()
    shutil.rmtree(released / "datasets" / "apwd_rain_sc" / "eval" / "wav")
    counted = apwd_pairs.inventory(released, "rain")
    assert counted.loc["develop"].tolist() == [50_000, 6, 1, 1, 4]
    assert counted.loc["evaluate"].tolist() == [1_000, 2, 0, 2, 0]
    found = apwd_pairs.build(released, "rain", {"develop": 4})
    assert [one[0].letter for one in found["operations"]] == ["a", "c", "e", "f"]


def test_too_few_pairs_are_told_with_the_reason(released):
    dev(released, "jams", "apwd_rain_sc_dev_00001_s2.jams").unlink()
    dev(released, "wav", "apwd_rain_sc_dev_00003_s1.wav").unlink()
    with pytest.raises(SourceError, match=r"got 4 of 50,000 .* 1 lack a side, 1 have no audio, 0 .*synthesize_dataset"):
        apwd_pairs.build(released, "rain", {"develop": 5})


@pytest.mark.parametrize("before, after", [
    ([("dog", 6.0)], [("dog", 6.0)]),  # the same on both sides
    ([("rain", 6.0)], [("rain", 7.0)]),  # more rain before and after
    ([], [("dog", 6.0), ("dog", 9.0)]),  # two dogs: which change is it?
    ([], []),
])  # fmt: skip
def test_what_is_none_of_the_six_is_left_out_and_told(released, before, after):
    write(dev(released), "apwd_rain_sc_dev_00000", before, after)
    with pytest.warns(UserWarning, match="1 pairs that show none of the six operations.*dev_00000"):
        assert len(apwd_pairs.build(released, "rain", {"develop": 5})) == 5


def test_other_backgrounds_after_than_before_are_no_pair(released):
    file = dev(released, "jams", "apwd_rain_sc_dev_00002_s1.jams")
    file.write_text(json.dumps(annotation([], beds=("1", "2"))))
    with pytest.warns(UserWarning, match="dev_00002"):
        apwd_pairs.build(released, "rain", {"develop": 5})


EMPTY = (json.dumps({"annotations": []}), json.dumps(annotation([], beds=())))


@pytest.mark.parametrize("text", ["{", "[]", "{}", *EMPTY])
def test_a_broken_annotation_is_named(released, text):
    dev(released, "jams", "apwd_rain_sc_dev_00002_s1.jams").write_text(text)
    with pytest.raises(SourceError, match="dev_00002_s1.jams cannot be read"):
        apwd_pairs.build(released, "rain", {"develop": 6})


@pytest.mark.parametrize("scene, split", [("sea", "develop"), ("rain", "dev")])
def test_an_unknown_scene_or_split(released, scene, split):
    with pytest.raises(SourceError, match="expected a scene among rain, traffic and a split among develop, evaluate"):
        apwd_pairs.build(released, scene, {split: 1})


def test_a_folder_without_it_is_told(tmp_path):
    with pytest.raises(SourceError, match="got none. Fetch github.com/nttcslab/apwd-dataset"):
        apwd_pairs.build(tmp_path, "rain", {"develop": 1})
