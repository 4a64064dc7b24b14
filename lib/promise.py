"""A promise of search, measured: "like this rain, but with a dog" puts the rains with a dog first.

A gallery of held-out sounds, of which everything is known, and one question asked in several ways; arms over seeds,
with a run log. Taught in notebook 17.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from tqdm.auto import tqdm

from lib import adapters, cache, corpus, data, encoders, one_space, run_log, store
from lib.data import difference_scenes, pairs, soundscapes
from lib.data.pairs import SCENES
from lib.one_space import Recipe
from lib.profiles import Profile
from lib.run_log import Outcome
from lib.towers import DualEncoder

# Held-out mixes: additions alone, over recordings that no training has heard. The third scene adds what no pair of the
# training has: its words are known from captions only.
HELD = pairs.Settings(**asdict(one_space.SHORT) | {"operations": "c", "two": 0.0, "event_db": (6.0, 12.0)})
STRANGE = SCENES.setdefault("rain, others", difference_scenes.by_formula(
    "rain, others", "rain", ("baby_cry", "siren", "rooster_crow", "door_knock"), (124, 29)))


@dataclass(frozen=True)
class Question:
    """What is added to a rain, in words for a change, as a caption of the whole, and by its label."""

    label: str
    words: str
    caption: str
    wrong: str  # words that ask for something else


QUESTIONS = {
    "dog": Question("dog_bark", "add a dog barking", "a dog barks in the rain", "add church bells"),
    "baby": Question("baby_cry", "add a crying baby", "a baby cries in the rain", "add a siren"),
}
WAYS = ("sound and words", "sound", "words", "caption", "sound and wrong words")


@dataclass(frozen=True)
class Gallery:
    """Held-out sounds, what is added to each, and which of them are rains without anything: the examples."""

    table: pd.DataFrame
    added: tuple[str, ...]  # of each clip: the label that lies over the rain; "" else
    examples: tuple[int, ...]


def gallery(clips: pd.DataFrame, n: int, seed: int) -> Gallery:
    """`n` plain and `n` changed clips of each scene, then the soundscapes of the split "test" that have no rain."""
    built = [pairs.build(scene, {"evaluate": n}, seed, HELD) for scene in ("rain", "traffic", STRANGE.name)]
    table = pairs.clip_table(pd.concat(built, ignore_index=True))
    added = [label for made, bed in zip(built, ("rain", "traffic", "rain"))
             for labels in made["after_labels"] for label in ("", labels[0] if bed == "rain" else "")]
    others = data.of_split(clips, "test")
    others = others[[soundscapes.from_locator(path).background != "rain" for path in others["path"]]]
    examples = tuple(range(0, 2 * n, 2))
    return Gallery(pd.concat([table, others.head(2 * n)], ignore_index=True),
                   tuple(added + [""] * min(len(others), 2 * n)), examples)


def median_ranks(
    similarity: Float[np.ndarray, "query clip"], wanted: Bool[np.ndarray, " clip"], own: Sequence[int]
) -> Float[np.ndarray, " query"]:
    """Of each query: the median rank (1 is best) of the wanted clips.

    Args:
        own: the clip that each query asks with; it is left out of the ranking.
    """
    found = []
    for scores, example in zip(similarity, own, strict=True):
        keep = np.arange(len(scores)) != example
        order = (-scores[keep]).argsort(kind="stable")
        found.append(np.median(np.flatnonzero(wanted[keep][order]) + 1))
    return np.array(found)


@torch.no_grad()
def ask(model: DualEncoder, sounds: Float[torch.Tensor, "clip 1 width"], known: Gallery, question: Question) -> dict:
    """Way to ask -> the median rank of the mixes, one for each example; `model` takes pooled frames and tokens."""
    tokens = cache.tokens(encoders.text("minilm"), [question.words, question.caption, question.wrong], progress=False)
    words, caption, wrong = model.text(adapters.masked_mean(tokens.values, tokens.mask)[:, None],
                                       torch.ones(3, 1, dtype=torch.bool))
    heard = model.audio(*one_space.one_step(sounds[:, 0]))
    a = heard[list(known.examples)]
    queries = dict(zip(WAYS, (a + words, a, words.expand_as(a), caption.expand_as(a), a + wrong)))
    wanted = np.array(known.added) == question.label
    return {way: median_ranks(model.similarity(heard, q).numpy(), wanted, known.examples) for way, q in queries.items()}


def compare(
    source: str, arms: Mapping[str, Recipe], seeds: Sequence[int], profile: Profile, *, log: str | None = None
) -> dict[str, dict[int, Outcome]]:
    """Arm -> seed -> scores; what stands in the committed log of that name is replayed.

    Returns:
        Outcomes with the splits "captions" and "changes" (AP@10, recall of held-out captions and of pairs; these by
        sound or words alone as well), and for each question one: median ranks, a column for each of WAYS.
    """
    known = run_log.read(log) if log else {}
    sizes = sizes_of(profile)
    keys = {(arm, seed): _key(source, recipe, seed, profile.n_train, sizes) for arm, recipe in arms.items()
            for seed in seeds}
    for seed in tqdm(seeds, desc="seeds", leave=False):
        todo = [arm for arm in arms if keys[arm, seed] not in known]
        if todo:
            learnt, tested = _prepared(source, profile, seed)
        for arm in todo:
            known[keys[arm, seed]] = outcome(arm, arms[arm], seed, learnt, *tested)
    if log and run_log.recording():
        run_log.write(log, {key: known[key] for key in keys.values()})
    return {arm: {seed: known[keys[arm, seed]] for seed in seeds} for arm in arms}


def sizes_of(profile: Profile) -> tuple[int, int]:
    """Pairs of each scene to learn from, and to hold out."""
    return profile.n_train // 4, profile.n_shifted // 2


def _key(source: str, recipe: Recipe, seed: int, clips: int, sizes: tuple[int, int]) -> str:
    questions = {name: asdict(each) for name, each in QUESTIONS.items()}
    told = [source, pairs.VERSION, asdict(recipe), seed, clips, sizes, questions]
    return store.digest(json.dumps(told, sort_keys=True))


def _prepared(source: str, profile: Profile, seed: int):
    """What one seed learns from, and what it is tested on: captions, pairs, gallery and its sounds."""
    learn, hold = sizes_of(profile)
    clips = data.load(source, profile=profile, seed=seed, needs=("captions",))
    learnt = one_space.material(clips, learn, seed)
    captions = corpus.encode(clips, pool=one_space.POOL, splits=("test",)).splits["test"]
    tables = [pairs.build(scene, {"evaluate": hold}, seed, one_space.SHORT) for scene in one_space.SCENES]
    changes = one_space.encoded(pd.concat(tables, ignore_index=True))
    held = gallery(clips, hold, seed)
    found = cache.frames(encoders.audio("small_cnn"), held.table)
    sounds, _ = adapters.pooled(found.values, found.mask, one_space.POOL)
    return learnt, (captions, changes, held, sounds)


def outcome(arm: str, recipe: Recipe, seed: int, learnt, captions, changes, held: Gallery, sounds) -> Outcome:
    """Train one arm on one seed's material and ask all that is asked."""
    model, history = one_space.fit(learnt, recipe, seed=seed)
    splits = {"captions": one_space.search_score(model, captions), "changes": one_space.change_score(model, changes)}
    splits |= {f"changes by {asked}": one_space.change_score(model, changes, asked) for asked in ("sound", "words")}
    splits |= {name: pd.DataFrame(ask(model, sounds, held, each)) for name, each in QUESTIONS.items()}
    return Outcome(arm, seed, splits, history, ("max_epochs",))
