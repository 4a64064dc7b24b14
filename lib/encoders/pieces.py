"""A big contrastive batch on a small GPU: an encoder that learns from it a few clips (or captions) at a time.

A contrastive loss needs the embeddings of the whole batch, for each is a negative of all others; it does not need what
the encoder computed on the way to all of them at once. So each piece is encoded and only its frames are kept; the loss
of the whole batch is taken; then each piece is encoded once more, with the same chance, and its share of the gradient
goes back through it. That is GradCache (Gao et al. 2021, "Scaling deep contrastive learning batch size under memory
limited setup"): about a third more arithmetic, for the memory of one piece. Adapters see the whole batch as ever.
"""

from functools import partial
from typing import Any

import torch
from jaxtyping import Bool, Shaped
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lib.encoders.interface import Encoder

NORMS = nn.modules.batchnorm._BatchNorm


def in_pieces(encoder: Encoder, size: int) -> Encoder:
    """The same encoder object, which from now on learns `size` clips or captions at a time.

    Its name, weights and key stay what they are, so cached frames, trained runs and checkpoints stay good: a run that
    began in pieces goes on without them, and the other way round. Loss and gradients are those of the whole batch, but
    for rounding. Where an encoder draws (dropout, patchout, masked tokens), each piece draws by itself.

    Raises:
        ValueError: a size below 1, or an encoder that learns from scratch: its batch norms take their statistics from
            the batch, and those of a piece are others.
    """
    if size < 1:
        raise ValueError(f"expected pieces of 1 or more; got {size}.")
    if hasattr(encoder, "fresh") or getattr(encoder, "from_scratch", False):
        raise ValueError(f"{encoder.name!r} learns from scratch, and its batch norms from whole batches: expected a "
                         "pretrained encoder. Take a smaller batch, or a larger GPU.")
    encoder.piece_size = size
    encoder.forward = partial(_forward, encoder)  # of this object alone; copies of it take their own
    return encoder


def _forward(encoder: Encoder, *inputs: Any) -> tuple[Tensor, Tensor]:
    whole, size, rows = partial(type(encoder).forward, encoder), encoder.piece_size, len(inputs[0])
    if rows <= size or not (torch.is_grad_enabled() and any(p.requires_grad for p in encoder.parameters())):
        return whole(*inputs)
    if any(module.training for module in encoder.modules() if isinstance(module, NORMS)):
        raise ValueError(f"{encoder.name!r} has batch norms that learn, and pieces would teach them otherwise than "
                         "the whole batch. `lib.towers.Tower` keeps those of pretrained encoders as they came.")
    pieces = [[each[start : start + size] for each in inputs] for start in range(0, rows, size)]
    return _joined([checkpoint(whole, *piece, use_reentrant=False) for piece in pieces])  # keeps the random state


def _joined(
    found: list[tuple[Shaped[Tensor, "_ ..."], Bool[Tensor, "_ _"]]]
) -> tuple[Shaped[Tensor, "batch ..."], Bool[Tensor, "batch time"]]:
    """Frames and masks of all pieces; a piece of short clips alone has fewer steps, and gets padding."""
    longest = max(mask.shape[1] for _, mask in found)
    frames = [nn.functional.pad(values, (0, 0, 0, longest - values.shape[1])) for values, _ in found]
    masks = [nn.functional.pad(mask, (0, longest - mask.shape[1])) for _, mask in found]
    return torch.cat(frames), torch.cat(masks)
