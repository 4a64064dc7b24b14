"""Pooling over time: frames or tokens become one vector. Apart, so that a new adapter voids no cached frame."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def masked_mean(
    x: Float[Tensor, "batch time feature"], mask: Bool[Tensor, "batch time"]
) -> Float[Tensor, "batch feature"]:
    """Mean over the time steps that are really there; padding counts for nothing.

    A row whose mask is empty (a clip too short for one frame) has mean zero, not NaN.
    """
    weight = mask.unsqueeze(-1).to(x.dtype)
    return (x * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)


def masked_max(
    x: Float[Tensor, "batch time feature"], mask: Bool[Tensor, "batch time"]
) -> Float[Tensor, "batch feature"]:
    """The largest value of each feature over the time steps that are really there; zero where there is none."""
    largest = x.masked_fill(~mask.unsqueeze(-1), -torch.inf).amax(dim=1)
    return largest.masked_fill(~mask.any(dim=1, keepdim=True), 0.0)


def max_mean(
    x: Float[Tensor, "batch time feature"], mask: Bool[Tensor, "batch time"]
) -> Float[Tensor, "batch feature"]:
    """Half the sum of maximum and mean (Takeuchi et al. 2022, section 3, take the sum).

    Half, so that a single step is its own pooling: the same direction, and frames pooled beforehand stay what they are.
    """
    return (masked_max(x, mask) + masked_mean(x, mask)) / 2


def first(x: Float[Tensor, "batch time feature"], mask: Bool[Tensor, "batch time"]) -> Float[Tensor, "batch feature"]:
    """The first step: of a BERT-like text encoder the CLS token, made to stand for the whole sentence."""
    return x[:, 0]


POOLINGS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"mean": masked_mean, "max+mean": max_mean, "first": first}


def pooling(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    """The pooling of that name. Raises ValueError for a name not in POOLINGS."""
    if name not in POOLINGS:
        raise ValueError(f"expected a pooling among {', '.join(POOLINGS)}; got {name!r}.")
    return POOLINGS[name]


def pooled(
    x: Float[Tensor, "batch time feature"], mask: Bool[Tensor, "batch time"], name: str = "mean"
) -> tuple[Tensor, Tensor]:
    """Frames and mask with time reduced to one step: (batch, 1, feature), (batch, 1).

    Equal for an adapter with `pool_first` and this pooling, and so much smaller that a training set stays in memory.
    """
    return pooling(name)(x, mask).unsqueeze(1), torch.ones(len(x), 1, dtype=torch.bool, device=x.device)
