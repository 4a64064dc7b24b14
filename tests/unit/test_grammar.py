"""Captions say what they state and state what is true; some wordings are kept for the test."""

import re
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest

from lib.data import grading, grammar, soundscapes, words
from lib.data.events import KINDS
from lib.data.world import WORLD

SCENES = {split: soundscapes.scenes(100, split, 400) for split in ("train", "test")}
ALL = [(scene, caption) for scenes in SCENES.values() for scene in scenes for caption in grammar.captions(scene)]


def test_what_is_stated_holds():
    assert all(caption.facts <= grading.facts(scene) for scene, caption in ALL)


def test_an_event_is_stated_in_its_own_words():
    for _, caption in ALL:
        for kind in (fact[1] for fact in caption.facts if fact[0] == "event"):
            wordings = (*words.KINDS[kind], *words.HELD_OUT.get(kind, ()))
            nouns = {wording.split("|")[0].replace("*", "").split()[-1] for wording in wordings}
            verbs = {form.replace("*", "").split()[0] for wording in wordings for form in wording.split("|")[1:]}
            said = set(re.findall(r"[\w'-]+", caption.text.lower()))
            assert said & {noun.lower() for noun in nouns} or said & {verb.lower() for verb in verbs}, (
                kind,
                caption.text,
            )


def test_facts_that_are_not_stated_are_not_in_the_text():
    numbers = {
        1: "once|just once|a single time",
        2: "twice|two times|couple of times",
        3: "three times|thrice",
        4: "four times",
    }
    for _, caption in ALL:
        stated = {fact[2] for fact in caption.facts if fact[0] == "count"}
        for count, wording in numbers.items():
            assert bool(re.search(rf"\b({wording})\b", caption.text)) == (count in stated), caption.text


def test_order_is_stated_in_the_order_of_the_facts():
    """Teeth for the templates: "B after A" must mean the same as "A, then B"."""
    rng = np.random.default_rng(0)
    for template in grammar.THEN:
        text = template.format(a="alpha", A="alpha", b="beta", B="beta")
        first = "beta" if re.search(r"^beta after|^after alpha", text) else "alpha"
        assert (
            text.index("alpha") > text.index("beta")
            if "beta after" in text
            else text.index("alpha") < text.index("beta")
        )
        assert first in text
    joined = grammar._join([("alpha", "alpha"), ("beta", "beta"), ("gamma", "gamma")], ["then", "then"], rng)
    assert joined.index("alpha") < joined.index("beta") < joined.index("gamma")


def test_five_captions_of_eight_to_twenty_words_leave_facts_out():
    lengths = [len(caption.text.split()) for _, caption in ALL]
    assert np.mean([WORLD.length[0] <= n <= WORLD.length[1] for n in lengths]) > 0.995
    omitted = [1 - len(caption.facts) / len(grading.facts(scene)) for scene, caption in ALL]
    assert 0.2 < np.mean(omitted) < 0.6
    assert all(any(fact[0] == "event" for fact in caption.facts) for _, caption in ALL)


def pattern(wording: str) -> re.Pattern:
    """A wording as it may stand in a text: any adjective at the star, "is" or "are" before a gerund."""
    subject, finite, gerund = (re.escape(part).replace(r"\*\ ", r"(\S+ )?") for part in wording.split("|"))
    subject = re.sub(r"^an?\\ ", r"an? ", subject)
    return re.compile(rf"\b{subject} ({finite}|((is|are) )?{gerund})\b", re.IGNORECASE)


def test_held_out_wordings_never_stand_in_training_captions():
    texts = {split: " ".join(c.text for s, c in ALL if s.split == split) for split in SCENES}
    wordings = list(map(pattern, chain.from_iterable(words.HELD_OUT.values())))
    phrases = chain(
        *words.BACKGROUNDS_HELD_OUT.values(), *words.ADVERBS_HELD_OUT.values(), *words.ADJECTIVES_HELD_OUT.values()
    )
    wordings += [re.compile(rf"\b{re.escape(phrase)}\b", re.IGNORECASE) for phrase in phrases]
    assert not [w.pattern for w in wordings if w.search(texts["train"])]
    assert np.mean([bool(w.search(texts["test"])) for w in wordings]) > 0.8  # teeth: the patterns do find them


def test_training_wordings_stand_in_training_captions():
    """Teeth of the patterns above: the same search does find what is there."""
    text = " ".join(c.text for s, c in ALL if s.split == "train")
    assert np.mean([bool(pattern(w).search(text)) for w in chain.from_iterable(words.KINDS.values())]) > 0.9


def test_one_text_states_one_set_of_facts():
    meanings = {}
    for _, caption in ALL:
        assert meanings.setdefault(caption.text, caption.facts) == caption.facts, caption.text


def test_swapping_two_events_swaps_the_stated_order():
    """A caption of "A, then B" is not fully true of the scene in which B comes before A."""
    swapped = 0
    for scene, caption in ALL:
        if len(scene.events) == 2 and any(fact[0] == "order" for fact in caption.facts):
            other = replace(scene, events=scene.events[::-1])
            held = caption.facts & grading.facts(other)
            assert caption.facts - held == {fact for fact in caption.facts if fact[0] == "order"}
            swapped += 1
    assert swapped > 100


def test_captions_are_pure():
    scene = SCENES["test"][3]
    assert grammar.captions(scene) == grammar.captions(soundscapes.from_locator(scene.locator))


def test_every_kind_and_attribute_has_words():
    assert set(words.KINDS) == set(KINDS) and all(len(wordings) >= 2 for wordings in words.KINDS.values())
    assert set(words.BACKGROUNDS) == set(WORLD.backgrounds)


@pytest.mark.parametrize("word", ["|", "*", "{", "}", "  "])
def test_no_template_mark_is_left_over(word):
    assert not [caption.text for _, caption in ALL if word in caption.text]
