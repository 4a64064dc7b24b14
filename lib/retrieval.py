"""One retrieval experiment, start to end: train the towers on a corpus, in one stage or several, and score the queries.

The notebooks that compare ways of training share this, so that what they do not vary is the same in all of them.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F
from tqdm.auto import tqdm

from lib import audio, cache, metrics, parallel, run_log, store, train
from lib.corpus import Corpus, encode
from lib.examples import Examples
from lib.recipe import Recipe, Teacher, batch_loss, plain_loss, untrained
from lib.run_log import Outcome
from lib.towers import DualEncoder, Tower

__all__ = ["Corpus", "Fitted", "Outcome", "Recipe", "batch_loss", "compare", "encode", "fit", "scores", "similarity",
           "untrained"]


@dataclass(frozen=True)
class Fitted:
    """A trained dual encoder (a frozen side takes frames), with one row of history per validation."""

    model: DualEncoder
    history: pd.DataFrame
    extras: dict  # best_epoch, best_score, stopped
    key: str  # of settings and corpus: what a stage that starts from here depends on
    tune: tuple[str, ...]
    new: bool  # trained now, not found in the cache


def fit(corpus: Corpus, recipe: Recipe, *, seed: int, start: Fitted | None = None, progress: bool = True) -> Fitted:
    """Train on the recipe's splits, choose the epoch on "validation"; the same settings and corpus train once.

    Args:
        start: an earlier stage whose weights this one starts from, instead of random ones.

    Raises:
        ValueError: the earlier stage has an encoder that learnt, and this one would freeze it at another's weights.
    """
    generator = torch.Generator().manual_seed(seed)
    settings = {"name": f"{recipe.loss} {dict(recipe.options)} seed {seed}", "seed": seed, "corpus": corpus.key}
    settings |= {"recipe": asdict(recipe), "start": start.key if start else None}
    model = untrained(corpus, recipe, generator)
    if start is not None:
        _continue_from(start, model, recipe)

    def run(checkpoint: Path) -> cache.Run:
        validation = corpus.examples(["validation"], recipe.tune)
        learnt_from = corpus.examples(recipe.on, recipe.tune)
        drawn = {"swap": recipe.swap, "one_source": recipe.one_source}
        history = train.fit(
            model,
            lambda g: learnt_from.batches(g, recipe.batch_size, recipe.captions_per_clip, **drawn),
            batch_loss(recipe, asked(corpus, recipe, seed)),
            lambda m: scores(m, validation)["AP@10"].mean(),
            recipe.training,
            generator=generator,
            checkpoint=checkpoint,
            progress=progress,
        )
        extras = {"best_epoch": history.best_epoch, "best_score": history.best_score, "stopped": history.stopped}
        return cache.Run(model.state_dict(), history.frame, extras)

    found = cache.trained(settings, run, uses=(fit, *_that_learn(corpus, recipe, model)), tell=progress)
    model.load_state_dict(found.weights)
    key = store.digest(str(sorted(settings.items())))
    return Fitted(model.to(parallel.device()).eval(), found.history, found.extras, key, recipe.tune, found.new)


def _that_learn(corpus: Corpus, recipe: Recipe, model: DualEncoder) -> list[type]:
    """Encoders that learn, here or in a teacher: their code decides what. Of frozen ones the corpus has the numbers."""
    of_teachers = {side for stages in recipe.teachers for stage in stages for side in stage.tune}
    own = [type(getattr(model, side).encoder) for side in recipe.tune]
    return own + [type(corpus.encoder(side)) for side in sorted(of_teachers - set(recipe.tune))]


def fit_stages(corpus: Corpus, stages: Sequence[Recipe], *, seed: int) -> list[Fitted]:
    """Each stage from the weights of the one before; arms that begin alike share their first stages."""
    done: list[Fitted] = []
    for recipe in stages:
        done.append(fit(corpus, recipe, seed=seed, start=done[-1] if done else None, progress=False))
    return done


def _continue_from(start: Fitted, model: DualEncoder, recipe: Recipe) -> None:
    if frozen := set(start.tune) - set(recipe.tune):
        raise ValueError(
            f"expected a stage that goes on training the {', '.join(sorted(frozen))} encoder, as the one before did; "
            f"got tune={recipe.tune}. Frozen encoders hand over frames from before they learnt."
        )
    here, there = (
        {name: value.shape for name, value in both.state_dict().items() if ".adapter." in name}
        for both in (model, start.model)
    )
    if here != there:
        raise ValueError("expected an earlier stage with adapters of the same shape; give both the same adapter.")
    model.load_state_dict(start.model.state_dict(), strict=False)


def asked(corpus: Corpus, recipe: Recipe, seed: int) -> Teacher | None:
    """The recipe's teachers, trained with seeds of their own, and what they say of the examples it learns from."""
    audio, text = [], []
    for number, stages in enumerate(recipe.teachers, start=1):
        model = fit_stages(corpus, stages, seed=seed + 1000 * number)[-1].model
        embeddings = embed(model, corpus.examples(recipe.on, stages[-1].tune))
        for rows, found in zip((audio, text), embeddings, strict=True):
            rows.append(F.normalize(found, dim=-1) / math.sqrt(len(recipe.teachers)))  # where the training will be
    return Teacher(torch.cat(audio, dim=1), torch.cat(text, dim=1)) if audio else None


@torch.no_grad()
def embed(
    model: DualEncoder, split: Examples, views: int = 0
) -> tuple[Float[Tensor, "clip dim"], Float[Tensor, "caption dim"]]:
    """Embeddings of the clips and of the captions of a split.

    Args:
        views: average the normalised embeddings of each caption and of its first so many variants (Munakata et al.
            2024, section 4.3). Where a variant is missing, the caption counts once more.
    """
    audio, texts = _each_view(model, split, views)
    return audio, _averaged(texts)


def _each_view(model: DualEncoder, split: Examples, views: int) -> tuple[Tensor, list[Tensor]]:
    where = next(model.parameters()).device
    told = [partial(_told, split, view) for view in range(views + 1)]
    texts = [_embed(model.text, view, len(split.groups), where) for view in told]
    return _embed(model.audio, split.heard, len(split), where), texts


def _averaged(texts: Sequence[Float[Tensor, "caption dim"]]) -> Float[Tensor, "caption dim"]:
    return torch.stack([F.normalize(each, dim=-1) for each in texts]).mean(dim=0) if len(texts) > 1 else texts[0]


def _told(split: Examples, view: int, rows: Int[Tensor, " batch"]) -> tuple:
    return split.told(rows, torch.full_like(rows, view))


def similarity(model: DualEncoder, split: Examples, views: int = 0) -> Float[np.ndarray, "query clip"]:
    """Similarity (cosine, mostly) of each caption of a split, in so many further views, with each of its clips."""
    audio, text = embed(model, split, views)
    return model.similarity(audio, text).detach().cpu().numpy()


def scores(model: DualEncoder, split: Examples, views: int = 0) -> pd.DataFrame:
    """AP@10, R@1, R@5, R@10 of each caption as a query for its clip."""
    return metrics.score(similarity(model, split, views), split.groups.numpy())


def compare(
    corpora: Mapping[int, Corpus], arms: Mapping[str, Recipe | Sequence[Recipe]], *, splits: Sequence[str] = ("test",),
    views: Sequence[int] = (0,), log: str | None = None,
) -> dict[str, dict[int, Outcome]]:
    """What each arm (a recipe, or several, one stage after the other) comes to, per seed, on these splits.

    Trained on that seed's corpus with that seed. With several threads, seeds are trained side by side, one thread each.

    Args:
        views: score the queries in so many further views too (see `embed`): "test +5" beside "test".
        log: name of a committed run log (`lib.run_log`): arms that stand in it are replayed, not trained.
    """
    arms = {name: (arm,) if isinstance(arm, Recipe) else tuple(arm) for name, arm in arms.items()}
    results: dict[str, dict[int, Outcome]] = {name: {} for name in arms}
    scored = {_with(split, n): (split, n) for split in splits for n in views}
    keys = {(s, name): run_log.key(corpora[s], arm, s, list(scored)) for s in corpora for name, arm in arms.items()}
    known = run_log.read(log) if log else {}
    todo = {seed: {n: arm for n, arm in arms.items() if keys[seed, n] not in known} for seed in corpora}
    new = stages = 0
    for outcome, trained in _outcomes(corpora, {s: a for s, a in todo.items() if a}, scored):
        known[keys[outcome.seed, outcome.arm]] = outcome
        new, stages = new + trained, stages + len(arms[outcome.arm])
    for seed, name in keys:
        results[name][seed] = known[keys[seed, name]]
    replayed = sum(len(arms) - len(todo[seed]) for seed in corpora)
    print(f"trained: {new} now, {stages - new} from cache" + f"; {replayed} arms replayed from the log" * bool(log))
    if log and run_log.recording():
        run_log.write(log, {keys[seed, name]: results[name][seed] for seed, name in keys})
    return results


def _with(split: str, views: int) -> str:
    return f"{split} +{views}" if views else split


def _outcomes(corpora, todo, scored):
    """(outcome, stages trained now) of each arm and seed, as they are done."""
    busy = torch.cuda.is_available() or parallel.processes() > 1
    workers = 1 if busy else min(torch.get_num_threads(), len(todo))
    with tqdm(total=sum(map(len, todo.values())), desc="arms", leave=False) as bar:
        if workers > 1:
            start = {"mp_context": get_context("spawn"), "initializer": _meet, "initargs": (_renderers(corpora),)}
            with ProcessPoolExecutor(workers, **start) as pool:
                jobs = [pool.submit(_one_seed, corpora[seed], todo[seed], seed, scored) for seed in todo]
                for job in as_completed(jobs):
                    for found in job.result():
                        bar.update()
                        yield found
            return
        for seed, arms in todo.items():
            for name, stages in arms.items():
                bar.set_postfix_str(f"{name}, seed {seed}")
                yield _one_arm(corpora[seed], name, stages, seed, scored)
                bar.update()


def _renderers(corpora: Mapping[int, Corpus]) -> list[str]:
    """The modules that render these clips' locators: a fresh process must import them before it can hear a clip."""
    paths = [path for corpus in corpora.values() for one in corpus.recordings.values() for path in one.paths[:1]]
    return sorted({audio.renderer(path).__module__ for path in paths if "://" in path})


def _meet(renderers: list[str]) -> None:
    """What a process of the pool does first."""
    torch.set_num_threads(1)
    for name in renderers:
        import_module(name)


def _one_seed(corpus: Corpus, arms: dict, seed: int, scored: dict) -> list[tuple]:
    """In a process of its own."""
    return [_one_arm(corpus, name, stages, seed, scored) for name, stages in arms.items()]


def _one_arm(corpus: Corpus, name: str, stages: Sequence[Recipe], seed: int, scored: dict[str, tuple]) -> tuple:
    done = fit_stages(corpus, stages, seed=seed)
    model, tune = done[-1].model, stages[-1].tune
    found = {}
    for split in dict.fromkeys(split for split, _ in scored.values()):
        views = [n for s, n in scored.values() if s == split]
        found |= {_with(split, n): each for n, each in _scores(model, corpus.examples([split], tune), views).items()}
    history = pd.concat([f.history.assign(stage=k) for k, f in enumerate(done)], ignore_index=True)
    stopped = tuple(f.extras["stopped"] for f in done)
    known = {"learnt": corpus.examples(stages[-1].on[:1], tune), "validation": corpus.examples(["validation"], tune)}
    clips = min(map(len, known.values()))
    plain = {told: plain_loss(model, split, stages[-1], clips) for told, split in known.items()}
    return Outcome(name, seed, found, history, stopped, plain), sum(f.new for f in done)


@torch.no_grad()
def _scores(model: DualEncoder, split: Examples, views: Sequence[int]) -> dict[int, pd.DataFrame]:
    """As `scores`, in each of so many further views; every clip and text is embedded once."""
    audio, texts = _each_view(model, split, max(views))
    sims = {n: model.similarity(audio, _averaged(texts[: n + 1])) for n in views}
    return {n: metrics.score(each.cpu().numpy(), split.groups.numpy()) for n, each in sims.items()}


def _embed(
    tower: Tower, inputs: Callable[[Tensor], tuple], n: int, where: torch.device
) -> Float[Tensor, "row dim"]:
    size = 1024 if tower.encoder is None else 64  # bounds the memory where frames are not pooled
    return torch.cat([tower(*parallel.to(inputs(rows), where)) for rows in torch.arange(n).split(size)])
