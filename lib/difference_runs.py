"""Experiments with audio differences: pairs encoded, the query modifier trained, its queries scored, arms compared."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from lib import adapters, cache, encoders, metrics, run_log, store, train
from lib.adapters import ProjectionBlock
from lib.data import difference_scenes, pairs
from lib.difference import Pairs, QueryModifier, loss, similarity
from lib.encoders.interface import Encoder
from lib.run_log import Outcome


@dataclass(frozen=True)
class Recipe:
    """What is trained and how; the defaults are the paper's where it names them (section 4.2)."""

    words: bool = True  # False: the baseline, whose query is the sound alone
    classify: float = 1.0  # rho, the weight of the classification loss
    temperature: float = 1.0  # e^-tau with tau fixed at 0, "for simplicity"
    dim: int = 256  # not in the paper
    dropout: float = 0.1  # not in the paper
    batch_size: int = 64  # not in the paper
    training: train.Settings = train.Settings(learning_rate=1e-3, max_epochs=60, stop_after=60)  # the paper: 300


def encode(
    table: pd.DataFrame, audio: Encoder, text: Encoder, labels: tuple[str, ...], pool: str = "max+mean"
) -> Pairs:
    """The pairs of a table (`lib.data.pairs.build`), through the cache of frames; one pooled step for each sound.

    Args:
        labels: the kinds of event, in the order of the columns of `before_labels`.
    """
    found = cache.frames(audio, pairs.clip_table(table))
    sounds, _ = adapters.pooled(found.values, found.mask, pool)
    tokens = cache.tokens(text, table["text"].tolist())
    words, _ = adapters.pooled(tokens.values, tokens.mask, "mean")
    marks = [torch.tensor([[label in there for label in labels] for there in table[f"{side}_labels"]]).float()
             for side in pairs.SIDES]
    known = {done: number for number, done in enumerate(dict.fromkeys(table["operations"]))}
    return Pairs(sounds[::2], sounds[1::2], words, *marks, torch.tensor([known[done] for done in table["operations"]]))


def fit(develop: Pairs, recipe: Recipe, *, seed: int, progress: bool = False) -> tuple[QueryModifier, pd.DataFrame]:
    """Train on nine tenths, keep the epoch of the lowest loss on the tenth (section 4.2); trained once.

    Returns:
        The model and its history; `score` there is minus the validation loss.
    """
    generator = torch.Generator().manual_seed(seed)
    model = untrained(develop, recipe, generator)
    order = torch.randperm(len(develop), generator=generator)
    held, learnt = develop[order[: len(order) // 10]], develop[order[len(order) // 10 :]]
    named = {"temperature": recipe.temperature, "classify": recipe.classify}

    def run(checkpoint: Path) -> cache.Run:
        history = train.fit(
            model, lambda g: _batches(learnt, recipe.batch_size, g), lambda m, batch: loss(m, batch, **named),
            lambda m: -float(np.mean([loss(m, part, **named) for part in _parts(held, recipe.batch_size)])),
            recipe.training, generator=generator, checkpoint=checkpoint, progress=progress,
        )
        return cache.Run(model.state_dict(), history.frame, {"best_epoch": history.best_epoch})

    settings = {"name": f"query modifier seed {seed}", "seed": seed, "pairs": develop.key, "recipe": asdict(recipe)}
    found = cache.trained(settings, run, uses=(fit,), tell=progress)
    model.load_state_dict(found.weights)
    return model.eval(), found.history


def untrained(known: Pairs, recipe: Recipe, generator: torch.Generator) -> QueryModifier:
    """Projection blocks (Fig. 2b) of the widths of these pairs, and a linear classifier."""
    shape = {"dim": recipe.dim, "dropout": recipe.dropout}
    with train.lend_chance(generator):
        audio, text = (ProjectionBlock(x.shape[-1], **shape) for x in (known.before, known.text))
        return QueryModifier(audio, text, known.before_labels.shape[1], words=recipe.words)


def _parts(known: Pairs, size: int) -> list[Pairs]:
    """Batches of one size, give or take one."""
    return [known[rows] for rows in torch.arange(len(known)).tensor_split(max(1, round(len(known) / size)))]


def _batches(known: Pairs, size: int, generator: torch.Generator) -> list[Pairs]:
    return _parts(known[torch.randperm(len(known), generator=generator)], size)


class AbsentScene(LookupError):
    """A scene of recordings that nobody registered here, and its outcomes stand in no log."""


def compare(
    scenes: Sequence[str], arms: Mapping[str, Recipe], seeds: Sequence[int], sizes: Mapping[str, int],
    tests: Mapping[str, tuple[pairs.Settings, ...]], *, log: str | None = None,
) -> dict[tuple[str, str], dict[int, Outcome]]:
    """(scene, arm) -> seed -> what it comes to; arms that stand in the committed log of that name are replayed.

    Args:
        sizes: pairs to "develop" on, and to "evaluate" on.
        tests: by name, how the pairs to evaluate on are made: so many of each settings, in one gallery. All arms are
            trained on pairs of the usual settings.

    Returns:
        Outcomes whose splits are called "test view"; which views a test has, `VIEWS` says.

    Raises:
        AbsentScene: a scene has to be made here, and is not known.
    """
    known = run_log.read(log) if log else {}
    keys = {(s, a, n): _key(s, arms[a], n, sizes, tests) for s in scenes for a in arms for n in seeds}
    if absent := {s for (s, _, _), key in keys.items() if key not in known and s not in difference_scenes.SCENES}:
        raise AbsentScene(f"expected a scene among {', '.join(difference_scenes.SCENES)}, or outcomes in a log; got "
                          f"{', '.join(absent)}. Scenes of files are registered by lib.data.difference_scenes.esc50.")
    for scene, seed in tqdm([(s, n) for s in scenes for n in seeds], desc="scenes and seeds", leave=False):
        todo = {arm: recipe for arm, recipe in arms.items() if keys[scene, arm, seed] not in known}
        develop, evaluate = _encoded(scene, seed, sizes, tests) if todo else (None, {})
        for arm, recipe in todo.items():
            known[keys[scene, arm, seed]] = _outcome(arm, recipe, seed, develop, evaluate)
    if log and run_log.recording():
        run_log.write(log, {key: known[key] for key in keys.values()})
    return {(s, a): {n: known[keys[s, a, n]] for n in seeds} for s in scenes for a in arms}


VIEWS = {  # by test, what is scored: the gallery, and asked by what
    "all": {"targets": ("targets", "both"), "others": ("others", "both"), "all": ("all", "both")},
    "one": {"targets": ("targets", "both"), "alike": ("alike", "both"), "sound": ("targets", "sound"),
            "words": ("targets", "words"), "wrong words": ("targets", "wrong words"),
            "difference": ("targets", "difference")},
    "": {"targets": ("targets", "both"), "alike": ("alike", "both")},  # of any other test
}  # fmt: skip


def _key(scene: str, recipe: Recipe, seed: int, sizes: Mapping[str, int], tests: Mapping[str, tuple]) -> str:
    made = {name: [asdict(each) for each in test] for name, test in tests.items()}
    return store.digest(json.dumps([scene, pairs.VERSION, asdict(recipe), seed, dict(sizes), made], sort_keys=True))


def _encoded(scene: str, seed: int, sizes: Mapping[str, int], tests: Mapping[str, tuple[pairs.Settings, ...]]):
    towers, labels = (encoders.audio("small_cnn"), encoders.text("minilm")), difference_scenes.SCENES[scene].events
    develop = encode(pairs.build(scene, {"develop": sizes["develop"]}, seed), *towers, labels)
    evaluate = {}
    for name, test in tests.items():
        tables = [pairs.build(scene, {"evaluate": sizes["evaluate"]}, seed, each) for each in test]
        evaluate[name] = encode(pd.concat(tables, ignore_index=True), *towers, labels)
    return develop, evaluate


def _outcome(arm: str, recipe: Recipe, seed: int, develop: Pairs, evaluate: Mapping[str, Pairs]) -> Outcome:
    model, history = fit(develop, recipe, seed=seed)
    splits = {}
    for test, asked_of in evaluate.items():
        for view, (gallery, asked) in VIEWS.get(test, VIEWS[""]).items():
            if recipe.words or "words" not in asked:
                found = similarity(model, asked_of, gallery=gallery, asked=asked)
                splits[f"{test} {view}"] = metrics.score(found, np.arange(len(asked_of)))
    return Outcome(arm, seed, splits, history, ("max_epochs",))
