"""Titles, keywords and descriptions as uploaders write them: noisy by a stated amount."""

import numpy as np
import pandas as pd

from data_scripts import calibrate_world
from lib.data import noisy_text, scene_table, soundscapes, tags, text_statistics
from lib.data.table import clean

SCENES = soundscapes.scenes(100, "train", 600)


def names_an_event(text: str, scene: soundscapes.Scene) -> bool:
    said = text.lower().replace("_", " ").replace("-", " ")
    return any(
        word.replace("-", " ") in said for event in scene.events for group in tags.KINDS[event.kind] for word in group
    )


def share(noise: float) -> float:
    return float(np.mean([names_an_event(noisy_text.title(scene, noise), scene) for scene in SCENES]))


def test_without_noise_every_title_names_an_event_and_with_more_fewer_do():
    clean_share, real, double = share(0.0), share(1.0), share(2.0)
    assert clean_share == 1.0
    assert 0.4 < real < 0.7
    assert double < real - 0.2


def test_the_texts_are_pure():
    for write in (noisy_text.title, noisy_text.keywords, noisy_text.description):
        assert write(SCENES[3]) == write(soundscapes.from_locator(SCENES[3].locator))


def test_keywords_are_distinct_lower_case_words():
    for scene in SCENES[:200]:
        found = noisy_text.keywords(scene)
        assert found and len(found) == len(set(found))
        assert all(word == word.lower() and " " not in word and "{" not in word for word in found)


def test_descriptions_hold_html_and_chatter_that_cleaning_takes_away():
    texts = [noisy_text.description(scene) for scene in SCENES]
    assert 0.2 < np.mean(["<" in text for text in texts]) < 0.6
    assert 0.05 < np.mean([text == "" for text in texts]) < 0.2
    assert not [text for text in map(clean, texts) if "<" in text and ">" in text]
    assert not [text for text in texts if "{" in text or "}" in text]


def test_generated_texts_are_as_noisy_and_as_varied_as_real_ones(shared_data):
    """Every statistic with a stated band lies in it; most words that Clotho uses we do not have, and we say so."""
    frame = calibrate_world.compare(seed=101)
    for name, (low, high) in calibrate_world.BANDS.items():
        assert low <= frame.loc[name, "ratio"] <= high, (name, frame.loc[name].to_dict())
    assert frame.loc["distinct words of 1,000 clips", "ratio"] < 0.2


def test_clean_texts_would_fail_the_comparison(shared_data):
    """Teeth: without noise, or with twice as much, titles and keywords leave their bands."""
    real = text_statistics.describe(text_statistics.clotho())
    for noise in (0.0, 2.0):
        frame = pd.DataFrame([scene_table.row(scene, noise) for scene in SCENES])
        ratio = text_statistics.describe(frame) / real
        for name in ("share of keywords that occur in a caption", "titles that share a word with a caption"):
            low, high = calibrate_world.BANDS[name]
            assert not low <= ratio[name] <= high, (noise, name)


def test_the_ruler_counts_words_as_it_says():
    clips = pd.DataFrame({
        "captions": [["A dog barks, then a bell rings.", "A dog barks"]],
        "keywords": [["dogs", "field-recording", "bell"]],
        "title": ["My_Dogs 07.wav"],
    })  # fmt: skip
    found = text_statistics.describe(clips)
    assert found["words of a caption"] == 5 and found["distinct words of a clip's captions"] == 6
    assert found["keywords of a clip"] == 3 and found["share of keywords that occur in a caption"] == 2 / 3
    assert found["words of a title"] == 3 and found["titles with a digit"] == 1
    assert found["titles that share a word with a caption"] == 0  # the stem of "dogs" is not that of "dog"
    assert text_statistics.stems("the barking barks") == {"bark"}
