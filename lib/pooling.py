"""Pooling over time: frames or tokens become one vector. Apart, so that a new adapter voids no cached frame."""

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


def pooled(x: Float[Tensor, "batch time feature"], mask: Bool[Tensor, "batch time"]) -> tuple[Tensor, Tensor]:
    """Frames and mask with time reduced to one step, their mean: (batch, 1, feature), (batch, 1).

    Equal for an adapter with `pool_first`, and so much smaller that a whole training set stays in memory.
    """
    return masked_mean(x, mask).unsqueeze(1), torch.ones(len(x), 1, dtype=torch.bool, device=x.device)
