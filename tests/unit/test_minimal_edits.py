"""Minimal edits change one fact, make it false, and touch few words; near-twins differ in the fact that they name."""

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
    ("A dog barks, then thunder rolls", "A dog barks after thunder rolls"),
    ("A dog barks and then thunder rolls.", "A dog barks after thunder rolls."),
    ("A dog barking, and afterwards thunder rolling", "A dog barking after thunder rolling"),
    ("A dog barks, followed by thunder rolling", "A dog barks, preceded by thunder rolling"),
    ("First a dog barks, then thunder rolls", "a dog barks after thunder rolls"),
    ("After a dog barks, thunder rolls", "Before a dog barks, thunder rolls"),
    ("Thunder rolling after a dog barking", "Thunder rolling before a dog barking"),
])  # fmt: skip
def test_the_order_is_turned_round_by_its_connective(text, turned):
    assert minimal_edits.edited(Caption(text, DOG_FIRST), "order") == turned


def test_nothing_is_edited_where_the_fact_is_missing_or_twice():
    assert minimal_edits.edited(Caption("A dog and thunder", frozenset(EVENTS)), "order") is None
    twice = frozenset({("count", "dog_bark", 2), ("count", "sneeze", 3)})
    assert minimal_edits.edited(Caption("A dog barks twice, someone sneezes thrice", twice), "count") is None
    third = frozenset({*DOG_FIRST, ("event", "sneeze")})
    assert minimal_edits.edited(Caption("A dog barks, then thunder rolls, and a sneeze", third), "order") is None
    big = Caption("A big dog barks, a small child weeps", frozenset({("pitch", "dog_bark", "low")}))
    assert minimal_edits.edited(big, "pitch") is None  # which of the two words is the pitch?


@pytest.mark.parametrize("fact", minimal_edits.EDITS)
def test_nearly_all_captions_with_one_such_fact_can_be_edited_in_a_few_words(written, fact):
    eligible = [c for c in written if sum(each[0] == fact for each in c.facts) == 1]
    if fact == "order":
        eligible = [c for c in eligible if sum(each[0] == "event" for each in c.facts) == 2]
    edits = [(c.text, minimal_edits.edited(c, fact)) for c in eligible]
    done = [(before, after) for before, after in edits if after]
    assert len(done) > 0.9 * len(eligible) > 100
    for before, after in done:
        words = set(before.lower().split()) ^ set(after.lower().split())
        assert before != after and len(words) <= 12, (before, after)


def test_a_recounted_caption_says_another_number(written):
    for caption in written:
        if text := minimal_edits.edited(caption, "count"):
            (said,) = (fact[2] for fact in caption.facts if fact[0] == "count")
            assert ("four times" in text) == (said <= 2) and ("once" in text) == (said > 2), (caption, text)


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
