"""Texts that may stand in for a caption: in training (augmentation), or beside it as further views of a query."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

Told = tuple[tuple[str, ...], ...]
Tokens = tuple[Float[Tensor, "caption variant token width"], Bool[Tensor, "caption variant token"]]


@dataclass(frozen=True)
class Variants:
    """Each caption and its variants; number 0 is the caption itself.

    `read` gives them as the frozen encoder reads them. It is asked once, and only where a frozen encoder is: an arm
    that is replayed, or whose text encoder learns, needs the texts alone.
    """

    captions: Told
    read: Callable[[], Tokens]

    @cached_property
    def tokens(self) -> Tokens:
        return self.read()

    @property
    def text(self) -> Float[Tensor, "caption variant token width"]:
        return self.tokens[0]

    @property
    def mask(self) -> Bool[Tensor, "caption variant token"]:
        return self.tokens[1]

    @property
    def most(self) -> int:
        """How many variants a caption has, besides itself; where one is missing, the caption stands in its place."""
        return len(self.captions[0]) - 1

    def of(self, chosen: Bool[Tensor, " caption"]) -> "Variants":
        """Those of some of the captions."""
        kept = tuple(texts for texts, keep in zip(self.captions, chosen.tolist()) if keep)
        return Variants(kept, partial(_of, self, chosen))


def _of(all_: Variants, chosen: Bool[Tensor, " caption"]) -> Tokens:
    return all_.text[chosen], all_.mask[chosen]


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
    """Those of several splits as one: places for as many variants as any of them has, filled with the caption."""
    most = max(part.most for part in parts)
    texts = tuple((*texts, *[texts[0]] * (most - part.most)) for part in parts for texts in part.captions)
    return Variants(texts, partial(_joined, parts, most))


def _joined(parts: Sequence[Variants], most: int) -> Tokens:
    tokens, texts, masks = max(part.text.shape[2] for part in parts), [], []
    for part in parts:
        places = [*range(part.most + 1), *[0] * (most - part.most)]
        more = tokens - part.text.shape[2]
        texts.append(F.pad(part.text[:, places], (0, 0, 0, more)))
        masks.append(F.pad(part.mask[:, places], (0, more)))
    return torch.cat(texts), torch.cat(masks)
