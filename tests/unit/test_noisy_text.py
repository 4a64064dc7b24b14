"""Titles, keywords and descriptions as uploaders write them: noisy by a stated amount, and never seeing more than the scene."""

import numpy as np

from lib.data import noisy_text, soundscapes, tags
from lib.data.table import clean

SCENES = soundscapes.scenes(100, "train", 600)


def names_an_event(text: str, scene: soundscapes.Scene) -> bool:
    said = text.lower().replace("_", " ").replace("-", " ")
    return any(word.replace("-", " ") in said for event in scene.events for group in tags.KINDS[event.kind] for word in group)


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
