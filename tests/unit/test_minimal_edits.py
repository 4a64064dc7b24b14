"""Minimal edits change one fact, make it false, and touch few words; near-twins differ in the fact that they name."""

import numpy as np
import pytest

from lib.data import grading, grammar, minimal_edits, soundscapes
from lib.data.grammar import Caption

ORDER = ("order", "dog_bark", "thunder")
EVENTS = {("event", "dog_bark"), ("event", "thunder")}
DOG_FIRST = frozenset({ORDER, *EVENTS})


@pytest.fixture(scope="module")
def written():
    return [each for scene in soundscapes.scenes(100, "test", 200) for each in grammar.captions(scene)]


@pytest.mark.parametrize("text, turned", [
    ("A dog barks before thunder rolls", "A dog barks after thunder rolls"),
    ("Thunder rolling after a dog barking", "Thunder rolling before a dog barking"),
    ("A dog barks, then thunder rolls", None),
    ("After a dog barks, thunder rolls", None),  # no caption begins with "Before"
    ("A dog barking, and afterwards thunder rolling", None),
])  # fmt: skip
def test_the_order_is_turned_round_by_its_connective(text, turned):
    assert minimal_edits.edited(Caption(text, DOG_FIRST), "order") == turned


def test_nothing_is_edited_where_the_fact_is_missing_or_twice():
    assert minimal_edits.edited(Caption("A dog and thunder", frozenset(EVENTS)), "order") is None
    twice = frozenset({("count", "dog_bark", 2), ("count", "sneeze", 3)})
    assert minimal_edits.edited(Caption("A dog barks once, someone sneezes thrice", twice), "count") is None
    third = frozenset({*DOG_FIRST, ("event", "sneeze")})
    assert minimal_edits.edited(Caption("A dog barks before thunder rolls, and a sneeze", third), "order") is None
    big = Caption("A big dog barks, a small child weeps", frozenset({("pitch", "dog_bark", "low")}))
    assert minimal_edits.edited(big, "pitch") is None  # which of the two words is the pitch?


@pytest.mark.parametrize("fact, share", [("background", 0.9), ("pitch", 0.7), ("count", 0.7), ("order", 0.2)])
def test_many_captions_with_one_such_fact_can_be_edited_in_a_few_words(written, fact, share):
    eligible = [c for c in written if sum(each[0] == fact for each in c.facts) == 1]
    done = [(c.text, after) for c in eligible if (after := minimal_edits.edited(c, fact))]
    assert len(done) > share * len(eligible) > 40
    for before, after in done:
        words = set(before.lower().split()) ^ set(after.lower().split())
        assert before != after and len(words) <= 12, (before, after)


@pytest.mark.parametrize("fact", ["count", "pitch", "order"])
def test_an_edit_and_its_opposite_are_both_made(written, fact):
    """Else a model that finds one of the two wordings odd would seem to know the fact."""
    words = {"count": ("three times", "four times"), "pitch": ("high",), "order": ("before",)}[fact]
    made = [(c.text, after) for c in written if (after := minimal_edits.edited(c, fact))]
    one_way = np.mean([any(word in after and word not in before for word in words) for before, after in made])
    assert 0.2 < one_way < 0.8


def test_a_recounted_caption_says_another_number(written):
    for caption in written:
        if text := minimal_edits.edited(caption, "count"):
            (said,) = (fact[2] for fact in caption.facts if fact[0] == "count")
            assert {1: "three times", 2: "four times", 3: "once", 4: "twice"}[said] in text


def test_a_retuned_caption_says_the_other_pitch(written):
    low, high = (
        {said for said, other in minimal_edits.OPPOSITES.items() if said in group}
        for group in (("big", "large", "deep-voiced", "deep", "low", "low-pitched", "hefty", "bass"),
                      ("small", "little", "high-pitched", "shrill", "high", "tiny", "piercing"))
    )  # fmt: skip
    assert low | high == set(minimal_edits.OPPOSITES)
    assert all((other in high) == (said in low) for said, other in minimal_edits.OPPOSITES.items())


def test_near_twins_differ_in_the_fact_that_they_name():
    scenes = soundscapes.scenes(100, "test", 400)
    found = minimal_edits.twins(scenes)
    assert len(found) > 40 and {change for *_, change in found} <= set(soundscapes.CHANGES)
    for first, twin, change in found:
        assert twin == first + 1 and scenes[twin].changed == change
        differ = grading.facts(scenes[first]) ^ grading.facts(scenes[twin])
        if change in ("pitch", "rate", "count", "background", "distance"):
            assert {fact[0] for fact in differ} == {change}
