"""Captions read back: what a text in the grammar's language states, found in the text alone, and said again.

`read` is the inverse of `lib.data.grammar`: it knows the wordings and the templates, never a scene. `write` says the
same once more, in wordings and a structure of its own draw. Both serve the paraphraser (`lib.paraphrase`).
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from lib.data import grammar, words
from lib.data.grammar import Fact

VOCABULARIES = ("all", "met")  # every wording of the language, or those that occur in training captions
HELD_OUT_SHARE = 1 / 3  # of all wordings; most keys have about two held out for four that are met
LONGEST = 14  # words of a phrase
ATTRIBUTES = {"low": "pitch", "high": "pitch", "slow": "rate", "fast": "rate", "far": "distance",
              "soft": "loudness", "loud": "loudness", 1: "count", 2: "count", 3: "count", 4: "count"}  # fmt: skip


@dataclass(frozen=True)
class Event:
    """An event as it stands in a text: a clause ("finite": "a dog barks twice") or a noun phrase ("gerund")."""

    kind: str
    form: str
    facts: tuple[Fact, ...]  # the event's own: that it happens, and its attributes
    text: str


@dataclass(frozen=True)
class Place:
    """A phrase of place that names a background."""

    name: str
    text: str


@dataclass(frozen=True)
class Filler:
    """A phrase that says nothing: "in this recording"."""

    text: str


@dataclass(frozen=True)
class Reading:
    """What a text states: its events in the order of time (where it states one), and the facts."""

    kinds: tuple[str, ...]
    facts: frozenset[Fact]


def read(text: str, vocabulary: str = "all") -> Reading | None:
    """What the text states, or None where some of it is not in the grammar's language."""
    return reading_of(units(text, vocabulary))


def reading_of(parts: list) -> Reading | None:
    """The reading of a text that `units` has taken to pieces; None where pieces or structure are unknown."""
    found = [part for part in parts if isinstance(part, Event)]
    places = [part.name for part in parts if isinstance(part, Place)]
    frame = tuple("#" if isinstance(p, Event) else p for p in parts if not isinstance(p, Place | Filler))
    if frame not in _frames() or len(places) > 1 or len({event.kind for event in found}) < len(found):
        return None
    order, links = _frames()[frame]
    kinds = tuple(found[place].kind for place in order)
    facts = {fact for event in found for fact in event.facts} | {("background", name) for name in places}
    for (first, second), link in zip(zip(kinds, kinds[1:]), links):
        if link:
            facts.add(("order", first, second) if link == "then" else ("while", *sorted((first, second))))
    return Reading(kinds, frozenset(facts))


def write(reading: Reading, rng: np.random.Generator, vocabulary: str = "all") -> str:
    """The same facts in words, in lower case and without a full stop."""
    unseen, facts = _unseen(vocabulary), list(reading.facts)
    clauses = [_clause(kind, facts, rng, unseen) for kind in reading.kinds]
    links = [grammar._link(a, b, facts) for a, b in zip(reading.kinds, reading.kinds[1:])]
    text = grammar._join(clauses, links, rng)
    for fact in sorted(facts, key=str):
        if fact[0] == "background":
            text = f"{text} {write_place(fact[1], rng, vocabulary)}"
    return agreed(text)


def write_event(event: Event, rng: np.random.Generator, vocabulary: str = "all") -> str:
    """The event in other words, in the same form."""
    return _clause(event.kind, list(event.facts), rng, _unseen(vocabulary))[event.form == "gerund"]


def write_place(name: str, rng: np.random.Generator, vocabulary: str = "all") -> str:
    """A phrase of place for this background."""
    return grammar._word(rng, words.BACKGROUNDS, words.BACKGROUNDS_HELD_OUT, name, _unseen(vocabulary))


def wordings_of(kind: str, vocabulary: str = "all") -> tuple[str, ...]:
    """The wordings of an event that this vocabulary holds."""
    return _known(words.KINDS, words.HELD_OUT, kind, vocabulary)


def places_of(name: str, vocabulary: str = "all") -> tuple[str, ...]:
    """The phrases of place of a background that this vocabulary holds."""
    return _known(words.BACKGROUNDS, words.BACKGROUNDS_HELD_OUT, name, vocabulary)


def agreed(text: str) -> str:
    """The text with "a" and "an" as the next word asks for."""
    return grammar.ARTICLE.sub(lambda m: "an " if m[1] in "aeiou" else "a ", text)


def units(text: str, vocabulary: str = "all") -> list:
    """The text as events, places, fillers, and, for all else, single words in lower case; commas stand alone."""
    tokens = re.findall(r"[^\s,]+|,", text.strip().rstrip(".").lower())
    phrases, adverbs = _phrases(vocabulary), _adverbs(vocabulary)
    found, at = [], 0
    while at < len(tokens):
        match, end = _longest(phrases, tokens, at)
        if match is None:
            match, end = tokens[at], at + 1
        elif isinstance(match, Event):
            match, end = _with_adverbs(match, adverbs, tokens, at, end)
        found.append(match)
        at = end
    return found


def _with_adverbs(event: Event, adverbs: dict, tokens: list[str], start: int, end: int) -> tuple[Event, int]:
    """The event with the attributes that its adverbs state, and where they end."""
    facts = list(event.facts)
    while True:
        value, after = _longest(adverbs, tokens, end)
        if value is None and tokens[end : end + 1] == ["and"]:
            value, after = _longest(adverbs, tokens, end + 1)
        if value is None:
            return Event(event.kind, event.form, tuple(facts), " ".join(tokens[start:end])), end
        facts.append((ATTRIBUTES[value], event.kind, value))
        end = after


def _longest(phrases: dict[str, Any], tokens: list[str], at: int) -> tuple[Any, int]:
    """What the longest phrase that begins at this token means, and where it ends; (None, at) where there is none."""
    for end in range(min(len(tokens), at + LONGEST), at, -1):
        if meaning := phrases.get(" ".join(tokens[at:end])):
            return meaning, end
    return None, at


@cache
def _phrases(vocabulary: str) -> dict:
    found: dict[str, Any] = {phrase: Filler(phrase) for phrase in words.OPENERS + words.CLOSERS}
    for name in words.BACKGROUNDS:
        found |= {phrase: Place(name, phrase) for phrase in places_of(name, vocabulary)}
    for kind in words.KINDS:
        for wording in wordings_of(kind, vocabulary):
            found |= _said(kind, wording, vocabulary)
    return found


def _said(kind: str, wording: str, vocabulary: str) -> dict[str, Event]:
    """Every phrase by which this wording may stand in a text, with each adjective."""
    subject, finite, gerund = wording.split("|")
    progressive = ("is " if finite.split()[0].endswith("s") else "are ") + gerund
    described = {"": (("event", kind),)}
    for pitch in ("low", "high") if "*" in subject + finite else ():
        key = (pitch, kind in words.ANIMALS)
        for adjective in _known(words.ADJECTIVES, words.ADJECTIVES_HELD_OUT, key, vocabulary):
            described[f"{adjective} "] = (("event", kind), ("pitch", kind, pitch))
    found = {}
    for verb, form in ((finite, "finite"), (progressive, "finite"), (gerund, "gerund")):
        for adjective, facts in described.items():
            phrase = agreed(f"{subject} {verb}".replace("* ", adjective))
            found[phrase] = Event(kind, form, facts, phrase)
    return found


@cache
def _adverbs(vocabulary: str) -> dict:
    known = {value: _known(words.ADVERBS, words.ADVERBS_HELD_OUT, value, vocabulary) for value in words.ADVERBS}
    return {phrase: value for value, own in known.items() for phrase in own}


def _known(seen: dict, held_out: dict, key, vocabulary: str) -> tuple[str, ...]:
    return seen[key] + (held_out.get(key, ()) if vocabulary == "all" else ())


def _unseen(vocabulary: str) -> float:
    if vocabulary not in VOCABULARIES:
        raise ValueError(f'expected words="all" or words="met"; got {vocabulary!r}.')
    return HELD_OUT_SHARE if vocabulary == "all" else 0.0


def _clause(kind: str, facts: list[Fact], rng: np.random.Generator, unseen: float) -> tuple[str, str]:
    return grammar._clause(kind, facts, rng, unseen)


@cache
def _frames() -> dict[tuple[str, ...], tuple[tuple[int, ...], tuple[str | None, ...]]]:
    """Every structure of the grammar, "#" for an event -> the places of its events by time, and how they are linked."""
    found = {_frame(alone)[0]: ((0,), ()) for alone in grammar.ALONE}
    for link, templates in (("then", grammar.THEN), ("while", grammar.WHILE), (None, grammar.NEITHER)):
        for k, template in enumerate(templates):
            frame, order = _frame(template)
            found[frame] = (order, (link,))
            for next_link, thirds in grammar.THIRD.items() if k in grammar.FORWARD[link] else ():
                for third in thirds:
                    frame, order = _frame(third.replace("{pair}", template))
                    found[frame] = (order, (link, next_link))
    return found


def _frame(template: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """A template's words with "#" for each event, and the place in the text of its first, second, third event."""
    tokens = re.findall(r"\{\w\}|[^\s,{}]+|,", template)
    events = [token[1].lower() for token in tokens if token[0] == "{"]
    order = tuple(events.index(name) for name in sorted(events))
    return tuple("#" if token[0] == "{" else token for token in tokens), order
