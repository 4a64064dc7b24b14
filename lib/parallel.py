"""Where the arithmetic happens: device, precision, and how many processes share a batch.

The loop asks here, so that it is the same on a CPU, on one GPU, or under `torchrun` on several: each process embeds its
share of the batch, `gather` brings all embeddings to all of them, and the loss is that of the whole batch. Two
processes then give the loss and the gradients of one with the same batch (tested for the losses of notebooks 06 to 08).
"""

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor, distributed, nn


def device() -> torch.device:
    """The first GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast(precision: str = "fp32") -> AbstractContextManager:
    """A context for the forward pass: "fp32" (all committed numbers) or "bf16" (benches and GPUs).

    Raises:
        ValueError: another precision.
    """
    if precision not in ("fp32", "bf16"):
        raise ValueError(f"expected a precision among fp32, bf16; got {precision!r}.")
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device().type, dtype=torch.bfloat16)


def to(batch: Any, where: torch.device) -> Any:
    """The batch with each tensor in it moved; tuples, lists, dicts and what is no tensor (texts) keep their form."""
    if isinstance(batch, torch.Tensor):
        return batch.to(where)
    if isinstance(batch, dict):
        return {name: to(value, where) for name, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(to(value, where) for value in batch))
    if isinstance(batch, tuple | list):
        return type(batch)(to(value, where) for value in batch)
    return batch


def join() -> None:
    """Meet the other processes that `torchrun` started, each at a GPU of its own; alone, nothing happens."""
    if "WORLD_SIZE" in os.environ and not distributed.is_initialized():
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")


def rank() -> int:
    """Which process this is, counted from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def processes() -> int:
    """How many processes share each batch."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def agreed(value: Any) -> Any:
    """The first process' value, in all of them: what one of them has looked up, they all go by."""
    if processes() == 1:
        return value
    held = [value]
    distributed.broadcast_object_list(held, src=0, device=device() if torch.cuda.is_available() else None)
    return held[0]


def replicate(model: nn.Module) -> nn.Module:
    """The model as this process trains it: with several processes, its gradients are averaged over all of them.

    Parameters that take no part are looked for: pretrained encoders bring some (MiniLM its pooler).
    """
    if processes() == 1:
        return model
    return nn.parallel.DistributedDataParallel(model, find_unused_parameters=True)


def share(batch: Any) -> Any:
    """This process' rows of a batch: of every tensor and list in it, one of as many pieces as there are processes."""
    if processes() == 1 or batch is None:
        return batch
    if isinstance(batch, tuple):
        rows = [share(value) for value in batch]
        return type(batch)(*rows) if hasattr(batch, "_fields") else tuple(rows)
    pieces = torch.arange(len(batch)).tensor_split(processes())[rank()].tolist()
    return batch[pieces[0] : pieces[-1] + 1] if pieces else batch[:0]


def gather(rows: Shaped[Tensor, "mine ..."]) -> Shaped[Tensor, "all ..."]:
    """The rows of all processes, in order of rank, so of the whole batch; gradients find their way back."""
    return rows if processes() == 1 else _Gather.apply(rows)


class _Gather(torch.autograd.Function):
    """Every process computes the same loss of all rows, so each passes back the gradient of its own ones alone, times
    the number of processes, since `DistributedDataParallel` will take the mean."""

    @staticmethod
    def forward(ctx: Any, mine: Tensor) -> Tensor:
        sizes = [torch.zeros(1, dtype=torch.long, device=mine.device) for _ in range(processes())]
        distributed.all_gather(sizes, torch.tensor([len(mine)], device=mine.device))
        sizes = torch.cat(sizes).tolist()
        ctx.start, ctx.end = sum(sizes[: rank()]), sum(sizes[: rank() + 1])
        padded = mine.new_zeros(max(sizes), *mine.shape[1:])  # the last share may be smaller
        padded[: len(mine)] = mine
        found = [torch.empty_like(padded) for _ in sizes]
        distributed.all_gather(found, padded)
        return torch.cat([piece[:size] for piece, size in zip(found, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient[ctx.start : ctx.end] * processes()
