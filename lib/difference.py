"""Query by example, modified by words: "like this, but with thunder" (Takeuchi et al. 2022). Taught in notebook 15.

The audio tower A is shared by the sound before and the sound after; the text tower T reads the imperative. The query is
A(a) + T(t), the target A(b): so T(t) has to point the way that A(b) - A(a) goes.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from lib import adapters, cache, losses, train
from lib.adapters import Adapter, ProjectionBlock
from lib.data import pairs as data
from lib.encoders.interface import Encoder


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


@dataclass(frozen=True)
class Pairs:
    """Pairs as the frozen encoders see them."""

    before: Float[Tensor, "pair time feature"]
    after: Float[Tensor, "pair time feature"]
    text: Float[Tensor, "pair token width"]
    before_labels: Float[Tensor, "pair label"]  # v: which kinds of event there are
    after_labels: Float[Tensor, "pair label"]  # w

    def __len__(self) -> int:
        return len(self.text)

    def __getitem__(self, rows: Tensor | slice) -> "Pairs":
        return Pairs(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def encode(
    table: pd.DataFrame, audio: Encoder, text: Encoder, labels: tuple[str, ...], pool: str = "max+mean"
) -> Pairs:
    """The pairs of a table (`lib.data.pairs.build`), through the cache of frames; one pooled step for each sound.

    Args:
        labels: the kinds of event, in the order of the columns of `before_labels`.
    """
    found = cache.frames(audio, data.clip_table(table))
    sounds, _ = adapters.pooled(found.values, found.mask, pool)
    tokens = cache.tokens(text, table["text"].tolist())
    words, _ = adapters.pooled(tokens.values, tokens.mask, "mean")
    marks = [torch.tensor([[label in there for label in labels] for there in table[f"{side}_labels"]]).float()
             for side in data.SIDES]
    return Pairs(sounds[::2], sounds[1::2], words, *marks)


class QueryModifier(nn.Module):
    """The two towers behind frozen encoders, and the classifier of the audio embedding (equations 1-6)."""

    def __init__(self, audio: Adapter, text: Adapter, labels: int, *, words: bool = True) -> None:
        super().__init__()
        self.audio, self.text, self.words = audio, text, words
        self.classifier = nn.Linear(audio.settings["dim"], labels)

    def hear(self, sounds: Float[Tensor, "batch time feature"]) -> Float[Tensor, "batch dim"]:
        """A(a)."""
        return self.audio(sounds, torch.ones(sounds.shape[:2], dtype=torch.bool, device=sounds.device))

    def read(self, tokens: Float[Tensor, "batch token width"]) -> Float[Tensor, "batch dim"]:
        """T(t)."""
        return self.text(tokens, torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device))

    def query(
        self, sounds: Float[Tensor, "batch time feature"], tokens: Float[Tensor, "batch token width"]
    ) -> Float[Tensor, "batch dim"]:
        """A(a) + T(t) (equation 2); the baseline's is A(a)."""
        return self.hear(sounds) + self.read(tokens) if self.words else self.hear(sounds)

    def forward(self, batch: Pairs) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Query and target embeddings (batch, dim), and what the classifier says of before and after (batch, label)."""
        before, after = self.hear(batch.before), self.hear(batch.after)
        query = before + self.read(batch.text) if self.words else before
        return query, after, self.classifier(before), self.classifier(after)


def loss(model: nn.Module, batch: Pairs, *, temperature: float = 1.0, classify: float = 1.0) -> Float[Tensor, ""]:
    """L = L_cont + rho L_classif (equations 4 to 6), means over the batch where the paper sums.

    The first is InfoNCE of queries and targets, both directions; the second the binary cross entropy of each kind of
    event before and after.
    """
    query, target, before, after = model(batch)
    value = losses.nt_xent(query, target, temperature=temperature)
    if classify:
        crossed = (F.binary_cross_entropy_with_logits(before, batch.before_labels),
                   F.binary_cross_entropy_with_logits(after, batch.after_labels))
        value = value + classify * sum(crossed)
    return value


def fit(
    develop: Pairs, recipe: Recipe, *, seed: int, key: str, progress: bool = False
) -> tuple[QueryModifier, pd.DataFrame]:
    """Train on nine tenths, keep the epoch of the lowest loss on the tenth (section 4.2); trained once.

    Args:
        key: of the pairs and their encoders (`lib.store.digest` of what made them).

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

    settings = {"name": f"query modifier seed {seed}", "seed": seed, "pairs": key, "recipe": asdict(recipe)}
    found = cache.trained(settings, run, uses=(fit,), tell=progress)
    model.load_state_dict(found.weights)
    return model.eval(), found.history


def untrained(pairs: Pairs, recipe: Recipe, generator: torch.Generator) -> QueryModifier:
    """Projection blocks (Fig. 2b) of the widths of these pairs, and a linear classifier."""
    shape = {"dim": recipe.dim, "dropout": recipe.dropout}
    with train.lend_chance(generator):
        audio, text = (ProjectionBlock(x.shape[-1], **shape) for x in (pairs.before, pairs.text))
        return QueryModifier(audio, text, pairs.before_labels.shape[1], words=recipe.words)


def _parts(pairs: Pairs, size: int) -> list[Pairs]:
    """Batches of one size, give or take one."""
    return [pairs[rows] for rows in torch.arange(len(pairs)).tensor_split(max(1, round(len(pairs) / size)))]


def _batches(pairs: Pairs, size: int, generator: torch.Generator) -> list[Pairs]:
    return _parts(pairs[torch.randperm(len(pairs), generator=generator)], size)


@torch.no_grad()
def similarity(
    model: QueryModifier, pairs: Pairs, *, gallery: str = "targets", asked: str = "both"
) -> Float[np.ndarray, "query clip"]:
    """Cosine of each pair's query with every clip of the gallery; query i's target is clip i.

    Args:
        gallery: "targets", all sounds after; "others", these and the sounds before, but for the query's own; "all", its
            own too. The paper does not say which it has.
        asked: by "both" sound and words; by the "sound" or the "words" alone; or by the sound and "wrong words", those
            of the next pair that asks for something else.

    Raises:
        ValueError: another gallery, or another way to ask.
    """
    if gallery not in GALLERIES or asked not in ASKED:
        raise ValueError(f"expected a gallery among {', '.join(GALLERIES)} and asked among {', '.join(ASKED)}; got "
                         f"{gallery!r}, {asked!r}.")
    before, after = model.hear(pairs.before), model.hear(pairs.after)
    words = model.read(pairs.text[wrong(pairs)] if asked == "wrong words" else pairs.text)
    query = {"sound": before, "words": words}.get(asked, before + words if model.words else before)
    clips = after if gallery == "targets" else torch.cat([after, before])
    found = losses.cosine(query, clips)
    if gallery == "others":
        found[torch.arange(len(pairs)), len(pairs) + torch.arange(len(pairs))] = -2.0  # below every cosine
    return found.numpy()


GALLERIES, ASKED = ("targets", "others", "all"), ("both", "sound", "words", "wrong words")


def wrong(pairs: Pairs) -> Int[Tensor, " pair"]:
    """For each pair the row of the next one, round about, that asks for something else.

    Raises:
        ValueError: all ask for the same.
    """
    same = torch.cdist(pairs.text.flatten(1), pairs.text.flatten(1)) < 1e-3
    if same.all():
        raise ValueError("expected pairs with different words; all ask for the same.")
    n = len(pairs)
    turned = (torch.arange(n)[:, None] + torch.arange(n)[None, :]) % n  # row i: i, i + 1, ... round about
    return turned.gather(1, same.gather(1, turned).int().argmin(dim=1, keepdim=True)).squeeze(1)


def siblings(table: pd.DataFrame, gallery: str = "targets") -> Int[np.ndarray, " pair"]:
    """For each pair, how many other pairs' clips in the gallery have the same background recordings."""
    same = table["beds"].map(table["beds"].value_counts()).to_numpy()
    return (same - 1) * (1 if gallery == "targets" else 2)
