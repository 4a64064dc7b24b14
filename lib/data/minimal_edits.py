"""Captions changed in one fact and in as few words as will do it, and clips that differ in one fact. For notebook 18.

An edited caption is false of the clip that it was written for, and nearly the same text: who reads the fact tells the
two apart. Whoever merely finds one wording odder than the other must not: so an edit and its opposite are both made, of
words that captions use (before and after, once and three times, low and high).
"""

import re
from collections.abc import Sequence

from lib.data import words
from lib.data.grammar import Caption
from lib.data.soundscapes import Scene

TIMES = {  # two more, or two fewer
    "just once": "three times", "once": "three times", "a single time": "three times", "twice": "four times",
    "two times": "four times", "three times": "once", "four times": "twice",
}  # fmt: skip
OPPOSITES = {
    "big": "small", "large": "little", "deep-voiced": "high-pitched", "deep": "high-pitched", "low": "high",
    "low-pitched": "high-pitched", "hefty": "tiny", "bass": "piercing", "small": "big", "little": "large",
    "high-pitched": "low-pitched", "shrill": "deep", "high": "low", "tiny": "hefty", "piercing": "bass",
}  # fmt: skip
PLACES = {name: (*words.BACKGROUNDS[name], *words.BACKGROUNDS_HELD_OUT[name]) for name in words.BACKGROUNDS}
EDITS = ("background", "pitch", "count", "order")


def edited(caption: Caption, fact: str) -> str | None:
    """The caption with its one fact of this kind (of EDITS) turned false; None where there is none, or several."""
    stated = [each for each in caption.facts if each[0] == fact]
    if len(stated) != 1:
        return None
    return {"order": _reversed, "count": _recounted, "pitch": _retuned, "background": _moved}[fact](caption, stated[0])


def _reversed(caption: Caption, fact: tuple) -> str | None:
    """Two events told in turn, with "before" or "after" between them: each becomes the other."""
    if sum(each[0] == "event" for each in caption.facts) != 2:
        return None
    return _one_word(caption.text, {"before": "after", "after": "before"})


def _recounted(caption: Caption, fact: tuple) -> str | None:
    """Two more or two fewer: one becomes three, three one."""
    return _one_word(caption.text, TIMES)


def _retuned(caption: Caption, fact: tuple) -> str | None:
    return _one_word(caption.text, OPPOSITES)


def _moved(caption: Caption, fact: tuple) -> str | None:
    """To the next background of the list."""
    names = list(PLACES)
    elsewhere = PLACES[names[(names.index(fact[1]) + 1) % len(names)]][0]
    said = [phrase for phrase in PLACES[fact[1]] if phrase in caption.text]
    return caption.text.replace(max(said, key=len), elsewhere) if said else None


def _one_word(text: str, instead: dict[str, str]) -> str | None:
    """The text with the one phrase of `instead` that stands in it replaced; None where there is not exactly one."""
    phrases = "|".join(re.escape(phrase) for phrase in sorted(instead, key=len, reverse=True))
    found = re.findall(rf"(?<![\w-])({phrases})(?![\w-])", text)
    if len(found) != 1:
        return None
    return re.sub(rf"(?<![\w-])({phrases})(?![\w-])", instead[found[0]], text)


def twins(scenes: Sequence[Scene]) -> list[tuple[int, int, str]]:
    """(clip, its near-twin, the one fact in which the two differ) of a split's scenes, given in their order."""
    return [(k - 1, k, scene.changed) for k, scene in enumerate(scenes) if k and scene.changed]
