"""One retrieval experiment, start to end: encode a clip table once, train two adapters on it, score the queries.

The notebooks that compare ways of training share this, so that what they do not vary is the same in all of them.
"""

import contextlib
import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor
from tqdm.auto import tqdm

from lib import adapters, cache, data, encoders, examples, losses, metrics, train
from lib.encoders.interface import Encoder
from lib.examples import Batch, Examples
from lib.pooled import Pooled
from lib.towers import DualEncoder, Tower


@dataclass(frozen=True)
class Recipe:
    """One way of training adapters on frozen encoders; the arms of an experiment differ in one field."""

    loss: str = "nt_xent"  # a function of lib.losses
    options: Mapping[str, Any] = field(default_factory=dict)  # its named arguments: temperature, pairs, same_group ...
    batch_size: int = 64  # pairs
    captions_per_clip: int = 1  # drawn anew in each epoch
    dim: int = 256
    hidden: int = 512
    training: train.Settings = train.Settings()


@dataclass(frozen=True)
class Corpus:
    """A clip table, encoded: examples and queries of each split, and a key that changes when any of it does."""

    splits: dict[str, Examples]
    rows: dict[str, pd.DataFrame]  # as data.caption_rows gives them: the queries, in the order of the scores
    notes: dict  # source, and names and keys of the encoders
    key: str


@dataclass(frozen=True)
class Fitted:
    """A trained dual encoder (it takes frames), with one row of history per epoch."""

    model: DualEncoder
    history: pd.DataFrame
    extras: dict  # best_epoch, best_score, stopped


@dataclass(frozen=True)
class Outcome:
    """What one recipe came to on one seed's corpus."""

    scores: pd.DataFrame  # one row per query: AP@10, R@1, R@5, R@10
    history: pd.DataFrame  # one row per epoch


def encode(
    clips: pd.DataFrame, *, audio: str | Encoder = "small_cnn", text: str | Encoder = "minilm", pool: bool = True,
    splits: Sequence[str] = (),
) -> Corpus:
    """Frames of all clips and tokens of all captions, through the cache.

    Args:
        audio, text: a name that `lib.encoders` knows, or a frozen encoder.
        pool: keep only the mean over time, which is all that an adapter with `pool_first` looks at.
        splits: encode these alone; all must be there. All splits of the table by default.

    Raises:
        SourceError: a split is missing.
    """
    clips = _of_splits(clips, splits) if splits else clips
    audio = encoders.audio(audio) if isinstance(audio, str) else audio
    text = encoders.text(text) if isinstance(text, str) else text
    names = list(dict.fromkeys(clips["split"]))
    rows = {name: data.caption_rows(clips, name) for name in names}
    captions = [caption for name in names for caption in rows[name]["caption"]]
    ordered = pd.concat([data.of_split(clips, name) for name in names], ignore_index=True)
    frames, tokens = _frames(audio, ordered, pool), cache.tokens(Pooled(text) if pool else text, captions)
    splits, clip, caption = {}, 0, 0
    for name in names:
        n, m = int((clips["split"] == name).sum()), len(rows[name])
        x, t = frames[clip : clip + n], tokens[caption : caption + m]
        groups = torch.tensor(rows[name]["clip"].tolist())
        splits[name] = Examples(x.values, x.mask, t.values, t.mask, groups)
        clip, caption = clip + n, caption + m
    notes = {"source": str(clips["source"].iloc[0]), "audio": audio.name, "text": text.name, "pooled": pool}
    notes |= {"audio_key": audio.key, "text_key": text.key}
    return Corpus(splits, rows, notes, _key(splits, notes))


def fit(corpus: Corpus, recipe: Recipe, *, seed: int, progress: bool = True) -> Fitted:
    """Train on the split "train", choose the epoch on "validation"; the same recipe, corpus and seed train once."""
    generator = torch.Generator().manual_seed(seed)
    model = untrained(corpus, recipe, generator)

    def run(checkpoint: Path) -> cache.Run:
        history = train.fit(
            model,
            lambda g: corpus.splits["train"].batches(g, recipe.batch_size, recipe.captions_per_clip),
            batch_loss(recipe),
            lambda m: scores(m, corpus.splits["validation"])["AP@10"].mean(),
            recipe.training,
            generator=generator,
            checkpoint=checkpoint,
            progress=progress,
        )
        extras = {"best_epoch": history.best_epoch, "best_score": history.best_score, "stopped": history.stopped}
        return cache.Run(model.state_dict(), history.frame, extras)

    settings = {"name": f"{recipe.loss} {dict(recipe.options)} seed {seed}", "seed": seed, "corpus": corpus.key}
    found = cache.trained(
        settings | {"recipe": asdict(recipe)}, run, uses=(examples, fit, untrained, batch_loss, scores)
    )
    model.load_state_dict(found.weights)
    return Fitted(model.eval(), found.history, found.extras)


def untrained(corpus: Corpus, recipe: Recipe, generator: torch.Generator) -> DualEncoder:
    """Two fresh adapters of the widths that this corpus needs."""
    known = corpus.splits["train"]
    with train.lend_chance(generator):
        audio, text = (adapters.MLPAdapter(x.shape[-1], recipe.dim, recipe.hidden) for x in (known.audio, known.text))
    return DualEncoder(Tower(None, audio), Tower(None, text), corpus.notes)


def batch_loss(recipe: Recipe) -> Callable[[DualEncoder, Batch], Tensor]:
    """The recipe's loss, as the training loop calls it."""
    loss = getattr(losses, recipe.loss)
    return lambda model, batch: loss(*model(batch.audio, batch.text), groups=batch.groups, **recipe.options)


@torch.no_grad()
def similarity(model: DualEncoder, split: Examples) -> Float[np.ndarray, "query clip"]:
    """Cosine similarity of each caption of a split with each of its clips."""
    where = next(model.parameters()).device
    audio = _embed(model.audio, split.audio, split.audio_mask, where)
    text = _embed(model.text, split.text, split.text_mask, where)
    return model.similarity(audio, text).cpu().numpy()


def scores(model: DualEncoder, split: Examples) -> pd.DataFrame:
    """AP@10, R@1, R@5, R@10 of each caption as a query for its clip."""
    return metrics.score(similarity(model, split), split.groups.numpy())


def compare(
    corpora: Mapping[int, Corpus], recipes: Mapping[str, Recipe], *, split: str = "test"
) -> dict[str, dict[int, Outcome]]:
    """What each recipe comes to, per seed: trained on that seed's corpus with that seed, scored on `split`."""
    results, told = {name: {} for name in recipes}, io.StringIO()
    with tqdm(total=len(recipes) * len(corpora), desc="runs", leave=False) as bar:
        for seed, corpus in corpora.items():
            for name, recipe in recipes.items():
                bar.set_postfix_str(f"{name}, seed {seed}")
                with contextlib.redirect_stdout(told):  # one line in all, below
                    fitted = fit(corpus, recipe, seed=seed, progress=False)
                results[name][seed] = Outcome(scores(fitted.model, corpus.splits[split]), fitted.history)
                bar.update()
    new = told.getvalue().count(" now\n")
    print(f"trained: {new} now, {len(recipes) * len(corpora) - new} from cache")
    return results


def _of_splits(clips: pd.DataFrame, splits: Sequence[str]) -> pd.DataFrame:
    there = dict.fromkeys(clips["split"])
    if missing := [name for name in splits if name not in there]:
        raise data.SourceError(f"this needs the splits {', '.join(splits)}; got {', '.join(there)}, without "
                               f"{', '.join(missing)}. DATA = \"soundscapes\" has them all.")
    return clips[clips["split"].isin(splits)]


def _key(splits: dict[str, Examples], notes: dict) -> str:
    """sha256 of all that training and scoring read: the numbers themselves, whatever file they came from."""
    digest = hashlib.sha256(json.dumps([notes, list(splits)]).encode())
    for split in splits.values():
        for value in (split.audio, split.audio_mask, split.text, split.text_mask, split.groups):
            digest.update(f"{tuple(value.shape)} {value.dtype}".encode())
            digest.update(value.contiguous().numpy())
    return digest.hexdigest()


def _embed(tower: Tower, values: Tensor, mask: Tensor, where: torch.device) -> Float[Tensor, "row dim"]:
    pieces = zip(values.split(1024), mask.split(1024))  # bounds the memory where frames are not pooled
    return torch.cat([tower(x.to(where), on.to(where)) for x, on in pieces])


def _frames(encoder: Encoder, table: pd.DataFrame, pool: bool) -> cache.Frames:
    if not pool:
        return cache.frames(encoder, table)
    if hasattr(encoder, "lookup"):  # frames that came from a file are not encoded again
        found = cache.frames(encoder, table)
        return cache.Frames(*adapters.pooled(found.values, found.mask))
    return cache.frames(Pooled(encoder), table)
