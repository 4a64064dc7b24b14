"""Scenes are pure functions of seed, split and index; near-twins differ in one fact; the sound is sound."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from lib import audio, data, profiles
from lib.data import grading, soundscapes
from lib.data.events import KINDS
from lib.data.world import SPLITS, WORLD

SEED = 100


def test_a_clip_does_not_depend_on_how_many_there_are():
    many = soundscapes.scenes(SEED, "test", 40)
    assert soundscapes.scenes(SEED, "test", 7) == many[:7]
    assert soundscapes.scene(SEED, "test", 33) == many[33]


def test_seeds_splits_and_indices_differ():
    drawn = [soundscapes.scene(seed, split, index) for seed in (1, 2) for split in SPLITS for index in (0, 2)]
    assert len({(scene.events, scene.background) for scene in drawn}) == len(drawn)


def test_another_process_draws_and_renders_the_same():
    code = (
        "from lib.data.soundscapes import *; s = scene(100, 'train', 5); print(hash(render(s).tobytes()), s.events[0])"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "0"}
        ).stdout
        for _ in range(2)
    }
    assert len(runs) == 1


def test_a_scene_is_sound():
    for scene in soundscapes.scenes(SEED, "test", 200):
        kinds = [event.kind for event in scene.events]
        assert 1 <= len(kinds) == len(set(kinds)) <= 3 and set(kinds) <= set(KINDS)
        assert all(0 <= e.onset_s and e.onset_s + e.duration_s <= WORLD.seconds for e in scene.events)
        for event, slot, later, after in zip(
            scene.events, scene.slots, scene.events[1:], scene.slots[1:], strict=False
        ):
            if after > slot:
                assert event.onset_s + event.duration_s <= later.onset_s
            else:
                assert (
                    event.onset_s < later.onset_s + later.duration_s
                    and later.onset_s < event.onset_s + event.duration_s
                )


def test_a_near_twin_differs_in_exactly_one_fact():
    """One attribute, one kind, one background, or the order of two events; what captions could say moves with it."""
    scenes = soundscapes.scenes(SEED, "train", 600)
    twins = [scene for scene in scenes if scene.changed]
    assert abs(len(twins) / len(scenes) - WORLD.twins) < 0.06
    assert {twin.changed for twin in twins} == set(soundscapes.CHANGES)
    for twin in twins:
        first = scenes[twin.index - 1]
        plain = [[replace(e, onset_s=0, duration_s=1, seed=0) for e in scene.events] for scene in (first, twin)]
        if twin.changed == "order":
            assert plain[0] != plain[1] and set(plain[0]) == set(plain[1]) and first.background == twin.background
            continue
        pairs = list(zip(*plain, strict=True))
        changed = sum(
            getattr(a, f) != getattr(b, f) for a, b in pairs for f in ("kind", "pitch", "rate", "count", "distance")
        )
        assert changed + (first.background != twin.background) == 1
        assert grading.facts(first) != grading.facts(twin) or twin.changed in ("pitch", "rate")  # "middle" goes unsaid


def test_the_shifted_split_sounds_otherwise():
    usual, shifted = (soundscapes.scenes(SEED, split, 300) for split in ("test", "shifted"))
    assert np.mean([s.room for s in shifted]) > np.mean([s.room for s in usual])
    assert np.mean([s.gain_db for s in shifted]) < np.mean([s.gain_db for s in usual]) - 5
    assert np.mean([s.snr_db for s in shifted]) < np.mean([s.snr_db for s in usual])


@pytest.mark.parametrize("split", SPLITS)
def test_rendered_clips_are_five_seconds_of_finite_sound(split):
    for scene in soundscapes.scenes(SEED, split, 6):
        samples = audio.load(scene.locator, 16000)
        assert samples.shape == (80000,) and samples.dtype == np.float32 and np.isfinite(samples).all()
        assert abs(20 * np.log10(np.abs(samples).max()) - scene.gain_db) < 0.1


def test_a_locator_says_what_is_wrong_with_it():
    with pytest.raises(ValueError, match="expected soundscapes of version"):
        soundscapes.from_locator("soundscape://0/1/test/2")
    for wrong in ("soundscape://1/1/nowhere/2", "soundscape://1/x/test/2", "soundscape://1"):
        with pytest.raises(ValueError, match="expected soundscape://"):
            soundscapes.from_locator(wrong)
    with pytest.raises(ValueError, match="expected a split"):
        soundscapes.scene(0, "nowhere", 0)


def test_the_clip_table_has_all_splits_in_the_profiles_sizes():
    profile = profiles.get("smoke")
    clips = data.load(
        "soundscapes", profile=profile, seed=SEED, needs=("captions", "graded", "order", "noisy", "events")
    )
    sizes = clips["split"].value_counts().to_dict()
    assert sizes == {
        "train": profile.n_train,
        "validation": profile.n_validation,
        "test": profile.n_test,
        "shifted": profile.n_shifted,
    }
    counts = clips.groupby("split")["captions"].agg(lambda texts: {len(own) for own in texts})
    assert counts["test"] == {WORLD.captions} and counts["shifted"] == {WORLD.captions_shifted}
    again = data.load("soundscapes", profile=replace(profile, n_test=7), seed=SEED)
    assert list(again[again.split == "test"].captions) == list(clips[clips.split == "test"].captions[:7])
