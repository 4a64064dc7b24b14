"""Texts that may stand in for a caption: in training (augmentation), or beside it as further views of a query."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Variants:
    """Each caption and its variants, as the frozen encoder read them; number 0 is the caption itself."""

    text: Float[Tensor, "caption variant token width"]
    mask: Bool[Tensor, "caption variant token"]
    captions: tuple[tuple[str, ...], ...]

    @property
    def most(self) -> int:
        """How many variants a caption has, besides itself; where one is missing, the caption stands in its place."""
        return self.text.shape[1] - 1

    def of(self, chosen: Bool[Tensor, " caption"]) -> "Variants":
        """Those of some of the captions."""
        kept = tuple(texts for texts, keep in zip(self.captions, chosen.tolist()) if keep)
        return Variants(self.text[chosen], self.mask[chosen], kept)

    def widened(self, most: int, tokens: int) -> "Variants":
        """With places for more variants, where the caption itself stands again, and for longer ones."""
        places = [*range(self.most + 1), *[0] * (most - self.most)]
        more = tokens - self.text.shape[2]
        text, mask = F.pad(self.text[:, places], (0, 0, 0, more)), F.pad(self.mask[:, places], (0, more))
        return Variants(text, mask, tuple(tuple(texts[k] for k in places) for texts in self.captions))


def completed(captions: Sequence[str], variants: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """Each caption, then its variants; captions that lack some stand for them themselves.

    Raises:
        ValueError: they are not aligned, or there is not one variant.
    """
    if len(captions) != len(variants):
        raise ValueError(f"expected the variants of {len(captions)} captions, in their order; got {len(variants)}.")
    if not (most := max(map(len, variants), default=0)):
        raise ValueError("expected at least one variant of one caption; got none.")
    return tuple(
        (caption, *given, *[caption] * (most - len(given)))
        for caption, given in zip(captions, variants, strict=True)
    )


def joined(parts: Sequence[Variants]) -> Variants:
    """Those of several splits as one."""
    most, tokens = max(part.most for part in parts), max(part.text.shape[2] for part in parts)
    parts = [part.widened(most, tokens) for part in parts]
    texts = tuple(texts for part in parts for texts in part.captions)
    return Variants(torch.cat([part.text for part in parts]), torch.cat([part.mask for part in parts]), texts)
