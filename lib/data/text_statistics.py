"""How clean and noisy texts look in numbers: the ruler by which generated texts are held against real ones.

Taught in notebook 01; `data_scripts/calibrate_world.py` prints both side by side.
"""

import re

import numpy as np
import pandas as pd

from lib.data import shared, tags
from lib.data import words as wordings

STOP = frozenset(
    "a an and as at by for from in into is it its of on or over that the then there this to while with".split()
)
EXTENSION = re.compile(r"\.(wav|mp3|aiff?|flac|ogg|m4a)$", re.IGNORECASE)


def words(text: str) -> list[str]:
    """The text's words in lower case; a hyphen or an underscore ends a word."""
    return re.findall(r"[a-z']+", text.lower())


def stems(text: str) -> set[str]:
    """First four letters of the words that mean something: "barking" and "barks" are one."""
    return {word[:4] for word in words(text) if len(word) >= 3 and word not in STOP}


def covered(keyword: str, said: set[str]) -> bool:
    """Do all words of a keyword occur among the words said, in singular or plural?"""
    parts = words(keyword)
    return bool(parts) and all(said & {part, part + "s", part.rstrip("s")} for part in parts)


def describe(clips: pd.DataFrame) -> pd.Series:
    """Statistics of the captions, keywords and titles of a clip table (or any frame with these three columns)."""
    texts = [[words(caption) for caption in own] for own in clips["captions"]]
    said = [set().union(*map(set, own)) for own in texts]
    flat = [caption for own in texts for caption in own]
    lengths = np.array([len(caption) for caption in flat])
    names = [EXTENSION.sub("", title) for title in clips["title"]]
    title_words = np.array([len(re.findall(r"[A-Za-z]+|\d+", name)) for name in names])
    hits = [
        [covered(keyword, own) for keyword in keywords] for keywords, own in zip(clips["keywords"], said, strict=True)
    ]
    named = [bool(stems(name) & stems(" ".join(own))) for name, own in zip(names, said, strict=True)]
    counts = np.array([len(keywords) for keywords in clips["keywords"]])
    return pd.Series({
        "words of a caption": lengths.mean(), "their deviation": lengths.std(),
        "5 % have at most": np.quantile(lengths, 0.05), "95 % have at most": np.quantile(lengths, 0.95),
        "distinct share within a caption": np.mean([len(set(c)) / len(c) for c in flat if c]),
        "distinct words of a clip's captions": np.mean([len(own) for own in said]),
        "words that two captions of a clip share": np.mean([_shared(own) for own in texts if len(own) > 1]),
        "distinct words of 1,000 clips": len(set().union(*said[:1000])),
        "keywords of a clip": counts.mean(), "deviation of that": counts.std(),
        "share of keywords that occur in a caption": np.mean([hit for own in hits for hit in own]),
        "clips with no such keyword": np.mean([not any(own) for own in hits]),
        "words of a title": title_words.mean(), "deviation of those": title_words.std(),
        "letters of a title": np.mean([len(title) for title in clips["title"]]),
        "titles with a digit": np.mean([bool(re.search(r"\d", name)) for name in names]),
        "titles that share a word with a caption": np.mean(named),
    })  # fmt: skip


def _shared(captions: list[list[str]]) -> float:
    """Jaccard overlap of the first two captions' words that mean something."""
    a, b = (set(caption) - STOP for caption in captions[:2])
    return len(a & b) / max(len(a | b), 1)


def clotho(split: str = "development") -> pd.DataFrame | None:
    """Captions, keywords and titles of Clotho's split, or None where they are absent; for statistics, not for show."""
    texts = shared.find(f"clotho/clotho_captions_{split}.csv")
    meta = shared.find(f"clotho/graded_relevance/{split}_audio_metadata.csv")
    if not texts or not meta:
        return None
    both = pd.read_csv(meta, dtype=str, keep_default_na=False).merge(pd.read_csv(texts, dtype=str), on="file_name")
    return pd.DataFrame({
        "captions": both[[f"caption_{k}" for k in range(1, 6)]].to_numpy().tolist(),
        "keywords": [[k for k in own.split(";") if k.strip()] for own in both["keywords"]],
        "title": both["file_name"],
    })  # fmt: skip


def names() -> dict[str, frozenset[str]]:
    """For each kind of event, the stems that name it and nothing else: "someone" or "rings" alone names nothing."""
    lists = (wordings.BACKGROUNDS, wordings.BACKGROUNDS_HELD_OUT, wordings.ADVERBS, wordings.ADVERBS_HELD_OUT,
             wordings.ADJECTIVES)  # fmt: skip
    where_or_how = [phrase for phrases in lists for own in phrases.values() for phrase in own]
    elsewhere = stems(" ".join((*where_or_how, *wordings.OPENERS, *wordings.CLOSERS)))
    called = {kind: _called(kind) for kind in wordings.KINDS}
    others = {kind: set().union(*(called[other] for other in called if other != kind)) for kind in called}
    return {kind: frozenset(own - others[kind] - elsewhere) for kind, own in called.items()}


def _called(kind: str) -> set[str]:
    """Stems of all words by which captions or uploaders call a kind of event."""
    phrases = (*wordings.KINDS[kind], *wordings.HELD_OUT[kind], *tags.KINDS[kind][0], *tags.KINDS[kind][1])
    return stems(" ".join(phrases).replace("|", " ").replace("*", " "))
