"""Query by example, modified by words: "like this, but with thunder" (Takeuchi et al. 2022). Taught in notebook 15.

The audio tower A is shared by the sound before and the sound after; the text tower T reads the imperative. The query is
A(a) + T(t), the target A(b): so T(t) has to point the way that A(b) - A(a) goes.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from lib import losses, store
from lib.adapters import Adapter


@dataclass(frozen=True)
class Pairs:
    """Pairs as the frozen encoders see them."""

    before: Float[Tensor, "pair time feature"]
    after: Float[Tensor, "pair time feature"]
    text: Float[Tensor, "pair token width"]
    before_labels: Float[Tensor, "pair label"]  # v: which kinds of event there are
    after_labels: Float[Tensor, "pair label"]  # w
    kinds: Int[Tensor, " pair"]  # equal where the same is done to the same sounds

    def __len__(self) -> int:
        return len(self.text)

    @property
    def key(self) -> str:
        """sha256 of all that training reads."""
        return store.digest(*(f"{value.shape} {value.numpy().tobytes().hex()}" for value in vars(self).values()))

    def __getitem__(self, rows: Tensor | slice) -> "Pairs":
        return Pairs(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


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


GALLERIES = ("targets", "others", "all", "alike")
ALIKE = 8  # clips in the gallery "alike", where there are so many
ASKED = ("both", "sound", "words", "wrong words", "difference")


@torch.no_grad()
def similarity(
    model: QueryModifier, pairs: Pairs, *, gallery: str = "targets", asked: str = "both"
) -> Float[np.ndarray, "query clip"]:
    """Cosine of each pair's query with every clip of the gallery; query i's target is clip i.

    Args:
        gallery: "targets", all sounds after; "others", these and the sounds before, but for the query's own; "all", its
            own too. The paper does not say which it has. "alike", the target and seven targets of the same kind: what
            is left to find where the kind is given (fewer than seven where there are fewer).
        asked: by "both" sound and words; by the "sound" or the "words" alone; by the sound and "wrong words", those of
            the next pair that asks for something else; or by the sound and a "difference", A(b) - A(a) of the next pair
            of the same kind, in place of words (nothing where there is no other of that kind).

    Raises:
        ValueError: another gallery, or another way to ask.
    """
    if gallery not in GALLERIES or asked not in ASKED:
        raise ValueError(f"expected a gallery among {', '.join(GALLERIES)} and asked among {', '.join(ASKED)}; got "
                         f"{gallery!r}, {asked!r}.")
    before, after = model.hear(pairs.before), model.hear(pairs.after)
    words, same = model.read(pairs.text), pairs.kinds[:, None] == pairs.kinds[None, :]
    other = next_of(same)
    carried = (after - before)[other] * (other != torch.arange(len(pairs)))[:, None]
    query = {
        "both": before + words if model.words else before,
        "sound": before,
        "words": words,
        "wrong words": before + words[next_of(~same)],
        "difference": before + carried,
    }[asked]
    found = losses.cosine(query, after if gallery in ("targets", "alike") else torch.cat([after, before]))
    if gallery == "alike":
        found[~first_of(same, ALIKE)] = -2.0
    if gallery == "others":
        found[torch.arange(len(pairs)), len(pairs) + torch.arange(len(pairs))] = -2.0  # below every cosine
    return found.numpy()


def next_of(wanted: Bool[Tensor, "row _row"]) -> Int[Tensor, " row"]:
    """For each row the next one, round about, that is wanted; the row itself where none is."""
    n = len(wanted)
    turned = (torch.arange(n)[:, None] + torch.arange(1, n + 1)[None, :]) % n  # row i: i + 1, i + 2, ... i
    found = wanted.gather(1, turned)
    found[:, -1] = True
    return turned.gather(1, found.int().argmax(dim=1, keepdim=True)).squeeze(1)


def first_of(wanted: Bool[Tensor, "row _row"], most: int) -> Bool[Tensor, "row _row"]:
    """Of those that a row wants the first so many, round about from the row itself."""
    n = len(wanted)
    turned = (torch.arange(n)[:, None] + torch.arange(n)[None, :]) % n  # row i: i, i + 1, ...
    found = wanted.gather(1, turned)
    return torch.zeros_like(wanted).scatter(1, turned, found & (found.cumsum(dim=1) <= most))


def siblings(table: pd.DataFrame, gallery: str = "targets") -> Int[np.ndarray, " pair"]:
    """For each pair, how many other pairs' clips in the gallery have the same background recordings."""
    same = table["beds"].map(table["beds"].value_counts()).to_numpy()
    return (same - 1) * (1 if gallery == "targets" else 2)
