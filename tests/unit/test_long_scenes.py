"""Long soundscapes: as long as they say, found again by their locators, the same world otherwise."""

import numpy as np
import pytest

from lib import audio
from lib.data import long_scenes, soundscapes
from lib.data.world import WORLD

SIZES = {"train": 12, "test": 6}


@pytest.fixture(scope="module")
def clips():
    return long_scenes.build(SIZES, 0)


def test_the_table_has_what_others_have(clips):
    assert clips["split"].value_counts().to_dict() == SIZES and clips["clip_id"].is_unique
    assert clips["captions"].map(len).eq(WORLD.captions).all()
    assert clips["duration_s"].between(*long_scenes.SECONDS).all() and clips["duration_s"].nunique() > 5


def test_a_locator_is_rendered_as_long_as_the_table_says(clips):
    for path, seconds in clips[["path", "duration_s"]].head(2).itertuples(index=False):
        sound = audio.load(path, 16000)
        assert len(sound) == round(seconds * 16000) and np.isfinite(sound).all() and sound.any()
        np.testing.assert_array_equal(sound, audio.load(path, 16000))


def test_scenes_hold_two_or_three_events_within_their_length(clips):
    for path in clips["path"]:
        scene, own = long_scenes.from_locator(path)
        assert len(scene.events) in (2, 3)
        assert max(event.onset_s + event.duration_s for event in scene.events) <= own.seconds
    assert max(e.onset_s for p in clips["path"] for e in long_scenes.from_locator(p)[0].events) > WORLD.seconds


def test_a_clip_depends_on_its_index_alone(clips):
    longer = long_scenes.build({"train": 14}, 0)
    assert longer["captions"].head(12).tolist() == clips["captions"].head(12).tolist()
    assert long_scenes.build({"train": 2}, 1)["path"].tolist() != longer["path"].head(2).tolist()


def test_near_twins_are_as_long_as_their_partners():
    found = 0
    for index in range(1, 60, 2):
        own = long_scenes.world(0, "train", index)
        assert own == long_scenes.world(0, "train", index - 1)
        found += bool(soundscapes.scene(0, "train", index, own).changed)
    assert found


def test_another_scheme_or_version_is_refused():
    with pytest.raises(ValueError, match="long-soundscape://"):
        long_scenes.from_locator("soundscape://1/0/train/0")
    with pytest.raises(ValueError, match="version"):
        long_scenes.from_locator("long-soundscape://0/0/train/0")
