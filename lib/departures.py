"""How a run departs from the system of a paper: cut short, in another precision, on less data; and how to say so."""

from dataclasses import fields, is_dataclass, replace
from typing import Any

import pandas as pd
import torch

from lib.systems import System


def cut_short(system: System, epochs: int | None) -> System:
    """The same with so many epochs a stage, schedule and warm-up shrunk to them; None leaves it whole.

    Raises:
        ValueError: fewer than one.
    """
    if epochs is None:
        return system
    if epochs < 1:
        raise ValueError(f"expected 1 epoch or more; got {epochs}.")
    kept = [(stage, min(epochs, stage.training.max_epochs)) for stage in system.stages]
    return replace(system, stages=tuple(replace(stage, training=replace(
        stage.training, max_epochs=n, warmup_epochs=stage.training.warmup_epochs * n / stage.training.max_epochs,
    )) for stage, n in kept))  # fmt: skip


def in_its_precision(system: System) -> System:
    """The same; on a GPU without bf16 in hardware (a T4) in fp32, since bf16 would be imitated there, slowly."""
    if not torch.cuda.is_available() or torch.cuda.get_device_capability() >= (8, 0):
        return system
    return replace(system, stages=tuple(
        replace(stage, training=replace(stage.training, precision="fp32")) for stage in system.stages))  # fmt: skip


def lacking(system: System, table: pd.DataFrame) -> list[str]:
    """Data sets of which less than nine tenths are here, by the paper's count of clips: a sentence for each.

    What is left out on purpose (clips by which Clotho and AudioCaps judge) is less than that.
    """
    here = table["split"].value_counts()
    found = [(part, int(here.get(part.split, 0))) for part in system.parts]
    return [f"{n:,} of {part.clips:,} clips of {part.data} ({part.split})" for part, n in found if n < 0.9 * part.clips]


def departures(system: System, other: System) -> pd.DataFrame:
    """Where a stand-in is not what it stands for: one row for each setting, the paper's value and the one here."""
    rows = {"data": tuple(", ".join(dict.fromkeys(part.data for part in one.parts)) for one in (system, other))}
    rows |= {name: (getattr(system, name), getattr(other, name)) for name in ("audio", "text", "pool", "text_pool")}
    rows |= {"longest clip": (system.seconds, other.seconds)}
    stages = [differing(*both) for both in zip(system.stages, other.stages, strict=True)]
    alike = {name: values for name, values in stages[0].items() if len(stages) > 1 and
             all(found.get(name) == values for found in stages)} if stages else {}  # fmt: skip
    rows |= {f"each stage, {name}": values for name, values in alike.items()}
    for number, found in enumerate(stages, start=1):
        rows |= {f"stage {number}, {name}": values for name, values in found.items() if name not in alike}
    kept = {name: values for name, values in rows.items() if values[0] != values[1]}
    return pd.DataFrame.from_dict(kept, orient="index", columns=["paper", "here"])


def differing(first: Any, second: Any) -> dict[str, tuple[Any, Any]]:
    """Fields of two settings that differ; those of settings within them by their own names."""
    found: dict[str, tuple[Any, Any]] = {}
    for each in fields(first):
        one, other = getattr(first, each.name), getattr(second, each.name)
        if is_dataclass(one):
            found |= differing(one, other)
        elif one != other:
            found[each.name] = (one, other)
    return found
