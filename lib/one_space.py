"""One space for captions and for changes: A(clip) near T(caption), and A(before) + T(change) near A(after).

One audio tower and one text tower learn both at once, so that a search may begin with a sentence and go on from a sound
that it found (the scenario of Takeuchi et al. 2022, section 1). Taught in notebook 17.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from lib import cache, corpus, difference_runs, encoders, losses, metrics, store, train
from lib.adapters import ProjectionBlock
from lib.data import difference_scenes, pairs
from lib.difference import Pairs
from lib.examples import Batch, Examples
from lib.towers import DualEncoder, Tower

SCENES = ("rain", "traffic")
SHORT = pairs.Settings(seconds=5.0, onset_s=(0.0, 3.0), duration_s=(2.0, 4.0), recordings=(32, 12))
POOL = "max+mean"  # of a clip's frames over time (Takeuchi et al. 2022, section 3); of a text's tokens the mean


@dataclass(frozen=True)
class Recipe:
    """What the space is trained on, and how."""

    captions: float = 1.0  # weight of the loss of clips and captions; 0 leaves it out
    changes: float = 0.3  # weight of the loss of pairs and the words for their difference (from pilot seeds 100, 101)
    temperature: float = 0.07  # of both (notebook 15, section 8, says why not 1)
    dim: int = 256
    batch_size: int = 64
    training: train.Settings = train.Settings(learning_rate=1e-3, max_epochs=30, stop_after=30)


@dataclass(frozen=True)
class Material:
    """All that one seed learns from, as the frozen encoders see it."""

    learnt: Examples  # clips and captions
    validation: Examples
    changes: Pairs  # a tenth of them validates
    key: str


class Both(NamedTuple):
    """A batch of either kind."""

    captions: Batch
    changes: Pairs


def material(clips: pd.DataFrame, n: int, seed: int) -> Material:
    """Clips with captions (splits "train" and "validation") and `n` pairs of each of SCENES, through the cache."""
    known = corpus.encode(clips, pool=POOL, splits=("train", "validation"))
    tables = [pairs.build(scene, {"develop": n}, seed, SHORT) for scene in SCENES]
    changes = encoded(pd.concat(tables, ignore_index=True))
    return Material(known.splits["train"], known.splits["validation"], changes, store.digest(known.key, changes.key))


def encoded(table: pd.DataFrame) -> Pairs:
    """Pairs as the workbook's frozen encoders see them."""
    labels = tuple(sorted({label for scene in SCENES for label in difference_scenes.SCENES[scene].events}))
    return difference_runs.encode(table, encoders.audio("small_cnn"), encoders.text("minilm"), labels, POOL)


def one_step(values: Float[Tensor, "row width"]) -> tuple[Tensor, Tensor]:
    """What was pooled already, as a tower without an encoder takes it."""
    return values[:, None], torch.ones(len(values), 1, dtype=torch.bool)


def query(
    model: DualEncoder, sounds: Float[Tensor, "row 1 width"], words: Float[Tensor, "row 1 told"]
) -> Float[Tensor, "row dim"]:
    """A(a) + T(t), from pooled frames and tokens."""
    return model.audio(*one_step(sounds[:, 0])) + model.text(*one_step(words[:, 0]))


def loss(model: DualEncoder, batch: Both, recipe: Recipe) -> Float[Tensor, ""]:
    """NT-Xent of clips and captions (notebook 08), plus NT-Xent of A(a) + T(t) and A(b) (notebook 15)."""
    value = torch.zeros(())
    if recipe.captions:
        clips, texts, groups, _ = batch.captions
        both = model.audio(*clips), model.text(*texts)
        value = value + recipe.captions * losses.nt_xent(*both, temperature=recipe.temperature, groups=groups)
    if recipe.changes:
        asked = query(model, batch.changes.before, batch.changes.text)
        target = model.audio(*one_step(batch.changes.after[:, 0]))
        value = value + recipe.changes * losses.nt_xent(asked, target, temperature=recipe.temperature)
    return value


def batches(learnt: Examples, changes: Pairs, size: int, generator: torch.Generator) -> list[Both]:
    """An epoch: each clip once with one of its captions; beside each batch one of pairs, which come round again."""
    told = learnt.batches(generator, size)
    order = torch.cat([torch.randperm(len(changes), generator=generator)
                       for _ in range(-(-len(told) * size // len(changes)))])
    return [Both(batch, changes[order[i * size : (i + 1) * size]]) for i, batch in enumerate(told)]


def untrained(known: Material, recipe: Recipe, generator: torch.Generator) -> DualEncoder:
    """Two projection blocks, which take pooled frames and tokens."""
    with train.lend_chance(generator):
        blocks = [ProjectionBlock(x.shape[-1], recipe.dim) for x in (known.learnt.audio, known.learnt.text)]
    return DualEncoder(*(Tower(None, block) for block in blocks))


def fit(known: Material, recipe: Recipe, *, seed: int, progress: bool = False) -> tuple[DualEncoder, pd.DataFrame]:
    """Train once; of the epochs keep the one with the highest mAP@10, captions' and changes' by their weights.

    Returns:
        The model (it takes pooled frames and tokens; see `hearing`) and its history.
    """
    generator = torch.Generator().manual_seed(seed)
    model = untrained(known, recipe, generator)
    order = torch.randperm(len(known.changes), generator=generator)
    held, learnt = known.changes[order[: len(order) // 10]], known.changes[order[len(order) // 10 :]]

    def run(checkpoint: Path) -> cache.Run:
        history = train.fit(
            model, lambda g: batches(known.learnt, learnt, recipe.batch_size, g), lambda m, b: loss(m, b, recipe),
            lambda m: recipe.captions * search_score(m, known.validation)["AP@10"].mean()
            + recipe.changes * change_score(m, held)["AP@10"].mean(),
            recipe.training, generator=generator, checkpoint=checkpoint, progress=progress,
        )
        return cache.Run(model.state_dict(), history.frame, {"best_epoch": history.best_epoch})

    settings = {"name": f"one space, seed {seed}", "seed": seed, "material": known.key, "recipe": asdict(recipe)}
    found = cache.trained(settings, run, uses=(fit,), tell=progress)
    model.load_state_dict(found.weights)
    return model.eval(), found.history


@torch.no_grad()
def search_score(model: DualEncoder, split: Examples) -> pd.DataFrame:
    """Of each caption: AP@10 and recall of its clip among all clips of the split."""
    clips, texts = model.audio(split.audio, split.audio_mask), model.text(split.text, split.text_mask)
    return metrics.score(model.similarity(clips, texts).numpy(), split.groups.numpy())


@torch.no_grad()
def change_score(model: DualEncoder, changes: Pairs, asked: str = "both") -> pd.DataFrame:
    """Of each pair: AP@10 and recall of its sound after among all sounds after.

    Args:
        asked: by "both" sound and words, or by the "sound" or the "words" alone.
    """
    after = model.audio(*one_step(changes.after[:, 0]))
    queries = {"both": lambda: query(model, changes.before, changes.text),
               "sound": lambda: model.audio(*one_step(changes.before[:, 0])),
               "words": lambda: model.text(*one_step(changes.text[:, 0]))}
    return metrics.score(model.similarity(after, queries[asked]()).numpy(), np.arange(len(changes)))


def hearing(model: DualEncoder, notes: dict | None = None) -> DualEncoder:
    """The same towers with their encoders in front: they take waveforms and texts, and can be saved by themselves."""
    towers = []
    for tower, encoder, pool in ((model.audio, encoders.audio("small_cnn"), POOL),
                                 (model.text, encoders.text("minilm"), "mean")):
        settings = tower.adapter.settings | {"pooling": pool}
        adapter = ProjectionBlock(**settings)
        adapter.load_state_dict(tower.adapter.state_dict())
        towers.append(Tower(encoder, adapter))
    return DualEncoder(*towers, notes=notes).eval()
