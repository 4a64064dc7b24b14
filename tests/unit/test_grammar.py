"""Captions say what they state and state what is true; some wordings are kept for the test."""

import re
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


def test_held_out_wordings_stand_in_test_captions_alone():
    held_out = {w.split("|")[0].replace("*", "").strip() for w in chain.from_iterable(words.HELD_OUT.values())}
    seen = {w.split("|")[0].replace("*", "").strip() for w in chain.from_iterable(words.KINDS.values())}
    only_test = [re.compile(rf"\b{re.escape(w)}\b", re.I) for w in held_out - seen]
    only_test = [p for p in only_test if not any(p.search(w) for w in seen)]
    found = {
        split: sum(any(p.search(c.text) for p in only_test) for s in scenes for c in grammar.captions(s))
        for split, scenes in SCENES.items()
    }
    assert len(only_test) >= 10
    assert found["train"] == 0 and found["test"] > 100


def test_captions_are_pure():
    scene = SCENES["test"][3]
    assert grammar.captions(scene) == grammar.captions(soundscapes.from_locator(scene.locator))


def test_every_kind_and_attribute_has_words():
    assert set(words.KINDS) == set(KINDS) and all(len(wordings) >= 2 for wordings in words.KINDS.values())
    assert set(words.BACKGROUNDS) == set(WORLD.backgrounds)


@pytest.mark.parametrize("word", ["|", "*", "{", "}", "  "])
def test_no_template_mark_is_left_over(word):
    assert not [caption.text for _, caption in ALL if word in caption.text]
