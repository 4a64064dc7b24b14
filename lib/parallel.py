"""Where the arithmetic happens: the device and its precision. The loop asks here, so that it is the same everywhere."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch


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
