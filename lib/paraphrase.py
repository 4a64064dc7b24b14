"""The offline paraphraser: other texts with the same meaning, by rules; a stand-in for a language model, and none.

It sees a text (and keywords), never a scene. What it knows is the language of the soundscapes (`lib.data.reading`) and
a few rules of general English for all other texts. Taught in notebook 12.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np

from lib.data import english, reading, tags
from lib.data.reading import Event, Place, Reading
from lib.data.text_statistics import covered
from lib.data.world import pick

MOST_WORDS = 20  # of a variant; Primus et al. 2023, Table 1, ask for no more
BANNED = re.compile(r"\b(heard|recorded)\b", re.IGNORECASE)  # the same table's instruction
LONG = 15  # words of a caption from which on the shortest of several drafts is kept
TRIES = 10  # drafts for each variant that is asked for
MENTION = 0.6  # share of variants that try to mention a keyword; four of five do in the same table
MOST_EVENTS = 3  # of a sentence of the grammar
EDGES = {None, ",", "then", "and", "while", "as", "before", "after", "by"}  # what may stand beside a whole clause
# Keywords that the same instruction forbids (names, times, devices), or that tell of the file and not of the sound.
UNTOLD = frozenset(
    "ambience ambiance ambient atmosphere atmos audio background binaural bit clip contact cool device effect "
    "effects evening field film foley free funny game handheld handy fieldpro live long loop machine mic "
    "microphone mono morning movie multiple music night noise noises raw real recorded recorder recording sample "
    "sfx short single sound sounds soundscape stereo summer test track unprocessed weird winter zoom".split()
) | {part for name in tags.PLACES + tags.PEOPLE for part in re.split(r"[-\s]", name.lower())}  # fmt: skip


def paraphrases(caption: str, keywords: Sequence[str] = (), *, n: int = 5, words: str = "all") -> list[str]:
    """Up to n different texts that state what the caption states, some of them what a keyword states as well.

    A pure function of its arguments. A caption in the language of the soundscapes is understood as a whole and written
    anew; in any other text known phrases and structures are changed, which may give fewer than n texts.

    Args:
        words: "all" knows every wording of the language, as a large model would; "met" those of training captions only.

    Raises:
        ValueError: an empty caption, or another name of a vocabulary.
    """
    if not caption.strip():
        raise ValueError("expected a caption with at least one word; got an empty text.")
    if words not in reading.VOCABULARIES:
        raise ValueError(f'expected words="all" or words="met"; got {words!r}.')
    seed = hashlib.sha256("\n".join((caption, *keywords, words)).encode("utf-8", "replace")).digest()[:8]
    rng = np.random.default_rng(int.from_bytes(seed, "big"))
    parts = reading.units(caption, words)
    told = reading.reading_of(parts)
    drafts = _anew(told, caption, keywords, rng, words) if told else _changed(parts, caption, keywords, rng, words)
    found = {_plain(caption): ""}
    for _, draft in zip(range(TRIES * n), drafts):
        text = _finished(draft)
        if len(text.split()) <= MOST_WORDS and not BANNED.search(text):
            found.setdefault(_plain(text), text)
        if len(found) > n:
            break
    return list(found.values())[1:]


def _anew(told: Reading, caption: str, keywords: Sequence[str], rng: np.random.Generator, words: str) -> Iterator[str]:
    """The facts written anew, now and then with an event or background that a keyword names, or the keyword itself."""
    told_too = [fact for keyword in keywords for fact in _stated(keyword, words) if fact not in told.facts]
    others = [keyword for keyword in keywords if not _stated(keyword, words)]
    tries = 1 if len(caption.split()) < LONG else 6  # grammar keeps the shortest of several drafts too
    while True:
        more = rng.random() < MENTION
        fact = pick(rng, told_too) if more and told_too else None
        said = [reading.write(_with(told, fact), rng, words) for _ in range(tries)]
        text = min(said, key=lambda one: len(one.split()))
        if more and fact is None:
            text = _mentioning(text, caption, others, rng)
        yield text


def _with(told: Reading, fact: tuple | None) -> Reading:
    """The reading with one more event or background, where there is room; in no order, since no keyword states one."""
    if fact is None or (fact[0] == "background" and any(known[0] == "background" for known in told.facts)):
        return told
    if fact[0] == "background":
        return Reading(told.kinds, told.facts | {fact})
    return Reading((*told.kinds, fact[1]), told.facts | {fact}) if len(told.kinds) < MOST_EVENTS else told


def _stated(keyword: str, words: str) -> tuple[tuple, ...]:
    """The event or background that this keyword names, if it names one and no other."""
    return _namers(words).get(keyword.lower(), ())


@cache
def _namers(words: str) -> dict[str, tuple[tuple, ...]]:
    """Tags that name one event (its subject, or its verb) or background and nothing else -> what they state."""
    known = {("event", kind): _names(reading.wordings_of(kind, words)) for kind in tags.KINDS}
    known |= {("background", name): set(re.findall(r"[a-z-]+", " ".join(reading.places_of(name, words))))
              for name in tags.BACKGROUNDS}  # fmt: skip
    listed = [(("event", kind), tag) for kind, groups in tags.KINDS.items() for tag in (*groups[0], *groups[1])]
    listed += [(("background", name), tag) for name, (often, rare) in tags.BACKGROUNDS.items() for tag in often + rare]
    return {tag: (fact,) for fact, tag in listed if [one for one in known if tag in known[one]] == [fact]}


def _names(wordings: Sequence[str]) -> set[str]:
    """Last words of the subjects, and verbs that stand alone."""
    forms = [part for wording in wordings for part in wording.replace("* ", "").split("|")[1:]]
    return {wording.split("|")[0].split()[-1] for wording in wordings} | {form for form in forms if " " not in form}


def _mentioning(text: str, caption: str, keywords: Sequence[str], rng: np.random.Generator) -> str:
    """The text with a keyword that the caption lacks, where there is one that a description may use."""
    said = set(re.findall(r"[a-z']+", caption.lower()))
    fit = [keyword for keyword in keywords if _fits(keyword) and not covered(keyword, said)]
    if not fit:
        return text
    return pick(rng, ("{text}, {word}", "{word}: {text}", "{text}, with {word}")).format(
        text=text, word=re.sub(r"[-_]+", " ", pick(rng, fit).lower())
    )


def _fits(keyword: str) -> bool:
    parts = re.split(r"[-_\s]+", keyword.lower())
    return len(parts) <= 2 and not UNTOLD & set(parts) and all(re.fullmatch(r"[a-z]{3,}", part) for part in parts)


def _changed(parts: list, caption: str, keywords: Sequence[str], rng: np.random.Generator, words: str) -> Iterator[str]:
    """A text that is not understood as a whole: known phrases said otherwise, and rules of English as dice decide."""
    swappable = any(_swappable(parts, at) for at in range(len(parts)))
    while True:
        text = _swapped(parts, rng, words) if swappable and rng.random() < MENTION else english.uncapitalised(caption)
        text = english.rewritten(text, rng)
        yield _mentioning(text, caption, keywords, rng) if rng.random() < MENTION else text


def _swappable(parts: list, at: int) -> bool:
    """Is this a known event or place that no unknown word belongs to?"""
    before, after = (parts[k] if 0 <= k < len(parts) else None for k in (at - 1, at + 1))
    ends = not isinstance(after, str | None) or after in EDGES
    starts = not isinstance(before, str | None) or before in EDGES
    return ends and (isinstance(parts[at], Place) or (starts and isinstance(parts[at], Event)))


def _swapped(parts: list, rng: np.random.Generator, words: str) -> str:
    """The text with every known event and place said otherwise; unknown words stay, in lower case."""
    said = []
    for at, part in enumerate(parts):
        if isinstance(part, str):
            said.append(part)
        elif not _swappable(parts, at):
            said.append(part.text)
        else:
            said.append(reading.write_place(part.name, rng, words) if isinstance(part, Place)
                        else reading.write_event(part, rng, words))  # fmt: skip
    return reading.agreed(" ".join(said).replace(" ,", ","))


def _plain(text: str) -> str:
    """What counts as the same text: letters and signs but for the full stop."""
    return " ".join(text.lower().rstrip(" .").split())


def _finished(text: str) -> str:
    text = text.strip(" ,")
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
