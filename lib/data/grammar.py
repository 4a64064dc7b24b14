"""Captions from a grammar: five people describe one scene, each in other words and leaving other facts out.

A caption carries the set of facts that its text states, as data: ("event", kind), ("pitch", kind, "low" | "high"),
("rate", kind, "slow" | "fast"), ("count", kind, n), ("distance", kind, "far"), ("loudness", kind, "soft" | "loud"),
("background", name), ("order", first, second), ("while", kind, kind) with the kinds sorted. Taught in notebook 01.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from lib.data import words
from lib.data.events import KINDS, Event
from lib.data.soundscapes import Scene
from lib.data.world import WORLD, World, pick, stream

Fact = tuple
ARTICLE = re.compile(r"\ban? (?=([a-z]))")
UNSEEN_SPLITS = ("test", "shifted")

THEN = (  # {a}, {b}: clauses ("a dog barks"); {A}, {B}: the same as noun phrases ("a dog barking")
    "{a}, then {b}", "{a} and then {b}", "{a}, followed by {B}", "{a} before {b}", "first {a}, then {b}",
    "{b} after {a}", "after {a}, {b}", "{B} after {A}", "{A}, and afterwards {B}", "{A} and then {B}",
)  # fmt: skip
WHILE = (
    "{a} while {b}", "{a} as {b}", "as {a}, {b}", "while {a}, {b}", "{a} at the same time as {B}",
    "{A} together with {B}",
)  # fmt: skip
NEITHER = ("{a} and {b}", "{a}, and {b}", "{A} and {B}", "the sound of {A} and of {B}")
ALONE = ("{a}", "{a}", "{A}", "{A} can be heard", "the sound of {A}")
FORWARD = {"then": (0, 1, 2, 3, 4, 9), "while": (0, 1, 2, 3), None: (0, 1)}  # safe before a third event
THIRD = {  # joins a third clause {c} to a pair
    "then": ("{pair}, and then {c}", "{pair}, then {c}", "{pair} before {c}"),
    "while": ("{pair} while {c}", "{pair} as {c}"), None: ("{pair}, and {c}", "{pair}, with {C}"),
}  # fmt: skip


@dataclass(frozen=True)
class Caption:
    """What one person wrote about a scene, and the facts that the text states."""

    text: str
    facts: frozenset[Fact]


def captions(scene: Scene, world: World = WORLD) -> tuple[Caption, ...]:
    """The scene's captions: five, one in the shifted split; a pure function of the scene."""
    n = world.captions_shifted if scene.split == "shifted" else world.captions
    rng = stream(scene.seed, scene.split, scene.index, "captions")
    return tuple(caption(scene, rng, world) for _ in range(n))


def caption(scene: Scene, rng: np.random.Generator, world: World = WORLD) -> Caption:
    """One caption of 8 to 20 words; a longer one is written anew, a shorter one gets a phrase that says nothing."""
    drafts = 1 + int(rng.random() * world.drafts)
    for _ in range(50):
        facts = _choose(scene, rng, world)
        text = min((_write(scene, facts, rng, world) for _ in range(drafts)), key=lambda draft: len(draft.split()))
        if len(text.split()) < world.length[0] or rng.random() < 0.04:
            text = f"{pick(rng, words.OPENERS)} {text}" if rng.random() < 0.5 else f"{text} {pick(rng, words.CLOSERS)}"
        if world.length[0] <= len(text.split()) <= world.length[1]:
            break
    return Caption(_finish(text, rng), frozenset(facts))


def _choose(scene: Scene, rng: np.random.Generator, world: World) -> list[Fact]:
    """The facts of the scene that this person states."""
    sure = int(rng.random() * len(scene.events))
    told = [k for k in range(len(scene.events)) if k == sure or rng.random() >= world.omit_event]
    facts = [("event", scene.events[k].kind) for k in told]
    for k in told:
        kept = [fact for fact, omit in attributes(scene.events[k], world) if rng.random() >= omit]
        facts += [kept[i] for i in rng.permutation(len(kept))[: world.modifiers]]
    for first, second in zip(told, told[1:], strict=False):
        if rng.random() >= world.omit_order:
            facts.append(relation(scene, first, second))
    if scene.background and rng.random() >= world.omit_background:
        facts.append(("background", scene.background))
    return facts


def attributes(event: Event, world: World = WORLD) -> list[tuple[Fact, float]]:
    """The attributes of an event worth a word, each with its chance of being left out."""
    kind, entry = event.kind, KINDS[event.kind]
    found = []
    if entry.pitches and event.pitch != "middle":
        found.append((("pitch", kind, event.pitch), world.omit_pitch))
    if entry.rates and event.rate != "steady":
        found.append((("rate", kind, event.rate), world.omit_rate))
    if entry.countable:
        found.append((("count", kind, event.count), world.omit_count))
    if event.distance == "far":
        found.append((("distance", kind, "far"), world.omit_far))
    loudness = world.omit_soft if event.loudness == "soft" else world.omit_loud
    return [*found, (("loudness", kind, event.loudness), loudness)]


def relation(scene: Scene, first: int, second: int) -> Fact:
    """How two events of the scene, given by position, stand in time: an order or a togetherness."""
    kinds = scene.events[first].kind, scene.events[second].kind
    if scene.slots[first] == scene.slots[second]:
        return ("while", *sorted(kinds))
    return ("order", *kinds)


def _write(scene: Scene, facts: list[Fact], rng: np.random.Generator, world: World) -> str:
    unseen = world.unseen_wordings if scene.split in UNSEEN_SPLITS else 0.0
    kinds = [fact[1] for fact in facts if fact[0] == "event"]
    clauses = [_clause(kind, facts, rng, unseen) for kind in kinds]
    links = [_link(a, b, facts) for a, b in zip(kinds, kinds[1:], strict=False)]
    text = _join(clauses, links, rng)
    for fact in facts:
        if fact[0] == "background":
            text = f"{text} {_word(rng, words.BACKGROUNDS, words.BACKGROUNDS_HELD_OUT, fact[1], unseen)}"
    return text


def _link(a: str, b: str, facts: list[Fact]) -> str | None:
    if ("order", a, b) in facts:
        return "then"
    return "while" if ("while", *sorted((a, b))) in facts else None


def _join(clauses: list[tuple[str, str]], links: list[str | None], rng: np.random.Generator) -> str:
    """One sentence of one to three clauses, given in the order of time and linked as the links say."""
    (a, a_noun), templates = clauses[0], {"then": THEN, "while": WHILE, None: NEITHER}
    if not links:
        return pick(rng, ALONE).format(a=a, A=a_noun)
    b, b_noun = clauses[1]
    choice = templates[links[0]]
    if len(links) == 2:
        choice = [choice[k] for k in FORWARD[links[0]]]
    elif links[0] != "then" and rng.random() < 0.5:  # no order is stated, so either may come first
        a, a_noun, b, b_noun = b, b_noun, a, a_noun
    pair = pick(rng, choice).format(a=a, A=a_noun, b=b, B=b_noun)
    if len(links) == 1:
        return pair
    return pick(rng, THIRD[links[1]]).format(pair=pair, c=clauses[2][0], C=clauses[2][1])


def _clause(kind: str, facts: list[Fact], rng: np.random.Generator, unseen: float) -> tuple[str, str]:
    """An event, its attributes: as a clause ("a small dog barks twice") and as a noun phrase ("... barking twice")."""
    subject, finite, gerund = _word(rng, words.KINDS, words.HELD_OUT, kind, unseen).split("|")
    own = {
        fact[0]: fact[2] for fact in facts if len(fact) == 3 and fact[1] == kind and fact[0] not in ("order", "while")
    }
    adjective, tail = "", ""
    if "pitch" in own and "*" in subject + finite:
        seen, held_out = words.ADJECTIVES, words.ADJECTIVES_HELD_OUT
        adjective = _word(rng, seen, held_out, (own.pop("pitch"), kind in words.ANIMALS), unseen)
    for name in ("count", "pitch", "loudness", "rate", "distance"):
        if name in own:
            adverb = _word(rng, words.ADVERBS, words.ADVERBS_HELD_OUT, own[name], unseen)
            tail += (" and " if tail.endswith("ly") and adverb.endswith("ly") else " ") + adverb
    if "count" not in own and rng.random() < 0.2:  # "is barking"; with a count it would sound odd
        finite = ("is " if finite.split()[0].endswith("s") else "are ") + gerund
    return tuple(_described(f"{subject} {verb}", adjective) + tail for verb in (finite, gerund))


def _described(text: str, adjective: str) -> str:
    return text.replace("* ", f"{adjective} " if adjective else "")


def _word(rng: np.random.Generator, seen: dict, held_out: dict, key, unseen: float) -> str:
    if key in held_out and rng.random() < unseen:
        return pick(rng, held_out[key])
    return pick(rng, seen[key])


def _finish(text: str, rng: np.random.Generator) -> str:
    """Capitals and full stops as careless as people's."""
    text = ARTICLE.sub(lambda m: "an " if m[1] in "aeiou" else "a ", text)
    if rng.random() < 0.94:
        text = text[0].upper() + text[1:]
    return text + "." * (rng.random() < 0.86)
