"""Pairs of sounds that differ: levels as asked, sums of their parts, the same again, and words that tell the truth."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pyloudnorm
import pytest

from lib import audio, mix
from lib.data import difference_scenes, difference_texts, pairs
from lib.data.pairs import SCENES, SIDES, Settings
from lib.workbook import ROOT

SR = 16000
SHORT = Settings(seconds=4.0, recordings=(4, 3), takes=(3, 2), onset_s=(0.0, 2.0))


def drawn(n=60, scene="rain", split="develop", settings=SHORT, seed=5):
    return [pairs.draw(SCENES[scene], seed, split, index, settings) for index in range(n)]


def decibels(a, b):
    return 20 * np.log10(mix.rms(a) / mix.rms(b))


@pytest.mark.parametrize("scene, rate", [("rain", SR), ("traffic", SR), ("rain", 44100)])
def test_each_part_is_as_loud_as_asked(scene, rate):
    for pair in drawn(12, scene):
        for side in SIDES:
            bed, placed = pairs.parts(SCENES[scene], pair, "develop", side, rate)
            for samples, onset, snr in placed:
                first = round(onset * rate)
                span = slice(first, first + len(samples))
                alone = mix.add(bed, [(samples, onset, snr)], rate)[span] - bed[span]
                assert decibels(alone, bed[span]) == pytest.approx(snr, abs=0.1)


def test_the_mix_is_the_sum_of_its_parts():
    for pair in drawn(12):
        both = pairs.render(SCENES["rain"], pair, "develop", SR)
        sums = {}
        for side in SIDES:
            bed, placed = pairs.parts(SCENES["rain"], pair, "develop", side, SR)
            sums[side] = bed + sum((mix.add(bed, [one], SR) - bed for one in placed), start=np.zeros_like(bed))
        top = max(np.abs(one).max() for one in sums.values())
        scale = mix.PEAK / top if top > mix.PEAK else 1.0
        for side in SIDES:
            np.testing.assert_allclose(both[side], sums[side] * scale, atol=1e-5)
            assert np.abs(both[side]).max() <= mix.PEAK + 1e-6


def test_scaling_down_a_loud_side_keeps_the_difference():
    loud = replace(SHORT, level_lufs=(-6.0, -6.0), two=0.0)
    for pair in drawn(20, settings=loud):
        if pair.operations[0].name == "add event":
            both = pairs.render(SCENES["rain"], pair, "develop", SR)
            free = {side: mix.add(*pairs.parts(SCENES["rain"], pair, "develop", side, SR), SR) for side in SIDES}
            assert max(np.abs(one).max() for one in free.values()) > mix.PEAK
            assert decibels(both["after"], both["before"]) == pytest.approx(decibels(free["after"], free["before"]))


def test_nothing_clips_and_what_fits_is_left_alone():
    """By the usual levels both come up: half of Rain's pairs are louder than full scale before they are scaled."""
    scaled = []
    for index in range(30):
        pair = pairs.draw(SCENES["rain"], 5, "evaluate", index)
        both = pairs.render(SCENES["rain"], pair, "evaluate", 8000)
        free = {side: mix.add(*pairs.parts(SCENES["rain"], pair, "evaluate", side, 8000), 8000) for side in SIDES}
        top = max(np.abs(one).max() for one in free.values())
        scaled.append(top > mix.PEAK)
        assert max(np.abs(one).max() for one in both.values()) <= mix.PEAK + 1e-6
        for side in SIDES:
            wanted = free[side] * (mix.PEAK / top if scaled[-1] else 1)
            np.testing.assert_allclose(both[side], wanted, rtol=1e-5, atol=1e-8)
    assert 5 < sum(scaled) < 25


@pytest.mark.parametrize("scene, rate", [("rain", SR), ("traffic", SR), ("rain", 44100)])
def test_the_background_is_as_loud_as_asked_in_lufs(scene, rate):
    """By another meter."""
    meter = pyloudnorm.Meter(rate)
    for number in range(3):
        sound = pairs.recording(scene, SCENES[scene].background, "develop", number, rate)
        found = pairs.loudness(scene, SCENES[scene].background, "develop", number, rate)
        assert found == pytest.approx(meter.integrated_loudness(sound), abs=0.01)


def test_the_same_index_gives_the_same_samples_whatever_comes_before():
    path = pairs.locator("rain", 3, "develop", 7, "after", SHORT)
    first = audio.load(path, SR)
    pairs._both.cache_clear()
    pairs.recording.cache_clear()
    for other in range(3):
        audio.load(pairs.locator("rain", 3, "develop", other, "before", SHORT), SR)
    np.testing.assert_array_equal(audio.load(path, SR), first)
    assert pairs.draw(SCENES["rain"], 3, "develop", 7, SHORT) == pairs.draw(SCENES["rain"], 3, "develop", 7, SHORT)


IMPORTS = "import hashlib; from lib import audio; from lib.data import difference_scenes"


def test_the_same_index_gives_the_same_samples_in_another_process():
    path = pairs.locator("traffic", 3, "evaluate", 2, "after", SHORT)
    code = f"{IMPORTS}; print(hashlib.sha256(audio.load({path!r}, {SR}).tobytes()).hexdigest())"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": "7"}, check=True,
                          capture_output=True, text=True).stdout  # fmt: skip
    assert said.strip() == hashlib.sha256(audio.load(path, SR).tobytes()).hexdigest()


@pytest.mark.parametrize("other", [("rain", 4, "develop", 7), ("rain", 3, "evaluate", 7), ("rain", 3, "develop", 8),
                                   ("traffic", 3, "develop", 7)])  # fmt: skip
def test_another_seed_split_index_or_scene_is_another_sound(other):
    scene, seed, split, index = other
    a, b = (audio.load(pairs.locator(*which, "after", SHORT), SR) for which in (("rain", 3, "develop", 7), other))
    assert len(a) == len(b) == 4 * SR and np.abs(a - b).max() > 0.01


def test_both_sides_share_recordings_but_not_the_crop():
    for pair in drawn():
        before, after = pair.beds["before"], pair.beds["after"]
        assert [p.number for p in before] == [p.number for p in after] and len({p.number for p in before}) == 2
        assert all(a.start_s != b.start_s for a, b in zip(before, after))


def test_develop_and_evaluate_share_no_recording():
    heard = {split: [pairs.recording("rain", label, split, 0, SR) for label in ("rain", "dog_bark")]
             for split in pairs.SPLITS}
    for a, b in zip(*heard.values()):
        n = min(len(a), len(b))
        assert np.abs(np.corrcoef(a[:n], b[:n])[0, 1]) < 0.5


def test_the_words_say_what_was_done():
    """Teeth: read off the sounds' plan, not off the code that made the text."""
    asked = {"increase": 1, "louder": 1, "add": 1, "decrease": -1, "lower": -1, "remove": -1}
    for pair in drawn(200):
        clauses = pair.text.split(" and ")
        assert len(clauses) == len(pair.operations) in (1, 2)
        for clause, operation in zip(clauses, pair.operations):
            assert difference_texts.NAMES[operation.label] in clause
            way = next(sign for word, sign in asked.items() if word in clause.split())
            level = {side: sum(10 ** (p.level_db / 10) for p in pair.events[side] if p.label == operation.label)
                     for side in SIDES}
            assert np.sign(level["after"] - level["before"]) == way, pair.text
            gone = [side for side in SIDES if not level[side]]
            if operation.label != "rain":
                assert bool(gone) == (clause.split()[0] in ("add", "remove"))


def test_all_six_operations_come_up_evenly_enough():
    letters = [operation.letter for pair in drawn(600) for operation in pair.operations]
    share = {letter: letters.count(letter) / len(letters) for letter in "abcdef"}
    assert share["a"] == pytest.approx(0.1, abs=0.03) and share["c"] == pytest.approx(0.2, abs=0.04)
    assert np.mean([len(pair.operations) for pair in drawn(600)]) == pytest.approx(1.5, abs=0.07)


def test_labels_are_the_events_without_the_background():
    for pair in drawn(100):
        for side in SIDES:
            assert set(pair.labels(side)) == {p.label for p in pair.events[side]} - {"rain"}


def test_the_table_has_a_row_a_pair_and_the_clips_side_by_side():
    table = pairs.build("traffic", {"develop": 5, "evaluate": 3}, 1, SHORT)
    assert table["split"].value_counts().to_dict() == {"develop": 5, "evaluate": 3}
    clips = pairs.clip_table(table)
    assert clips["path"].tolist() == [row[side] for _, row in table.iterrows() for side in SIDES]
    scene, pair, split, side = pairs.from_locator(table["after"][2])
    assert (scene.name, split, side) == ("traffic", "develop", "after") and pair.text == table["text"][2]
    longer = pairs.build("traffic", {"develop": 9, "evaluate": 3}, 1, SHORT)
    assert longer["after"][:5].tolist() == table["after"][:5].tolist()


@pytest.mark.parametrize("path, match", [
    ("difference://0/rain/0/develop/0/before/{}", "difference://1/scene"),
    ("difference://1/rain/0/develop/0/middle/{}", "difference://1/scene"),
    ("difference://1/sea/0/develop/0/before/{}", "expected a scene among rain, traffic"),
    ("difference://1/rain/0/train/0/before/{}", "expected a split among develop, evaluate; got 'train'"),
])  # fmt: skip
def test_a_wrong_locator_is_told(path, match):
    with pytest.raises(ValueError, match=match):
        audio.load(path, SR)


def test_what_is_quiet_at_either_end_is_cut():
    sound = np.concatenate([np.zeros(4000), np.hanning(8000), np.zeros(6000)]).astype(np.float32)
    found = difference_scenes.trimmed(sound, SR)
    assert len(found) == pytest.approx(8000 * 0.8, rel=0.1)
    np.testing.assert_array_equal(difference_scenes.trimmed(np.zeros(10, np.float32), SR), np.zeros(10))
