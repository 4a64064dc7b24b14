"""What the benches of whole trainings share: the loop of `lib.train`, timed step by step, and where results are kept.

What is timed is what a reader runs: `train.fit` with the recipe's towers and loss. Only the clips are made up, and lie
in memory: reading sounds is another matter (`lib.costs`).
"""

import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from lib import parallel, recipe, train
from lib.corpus import Corpus
from lib.examples import Examples
from lib.recipe import Recipe

MEASURED = Path(__file__).parent / "measured"
NONE = "    no GPU here: not measured. Where there is one: make bench ONLY={}"


class Clock(Sequence):
    """An epoch of batches that notes when each is asked for, which is when the step before it is done."""

    def __init__(self, batches: Sequence, asked: list[float]):
        self.batches, self.asked = batches, asked

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, place: int) -> Any:
        batch = self.batches[place]
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.asked.append(time.perf_counter())
        return batch


def trained(corpus: Corpus, stage: Recipe, batches, *, epochs: int = 1, validate=lambda model: 0.0) -> list[float]:
    """When each step of a training began, in seconds; its end is the last."""
    generator, asked = torch.Generator().manual_seed(0), []
    model = recipe.untrained(corpus, stage, generator)
    settings = replace(stage.training, max_epochs=epochs, stop_after=epochs + 1)
    train.fit(model, lambda g: Clock(batches(g), asked), recipe.batch_loss(stage), validate, settings,
              generator=generator, progress=False)  # fmt: skip
    return [*asked, time.perf_counter()]


def median_step(asked: list[float], warm: int) -> float:
    """Seconds of a step: the median after the first few; the last is left out, since books are kept behind it."""
    return statistics.median(b - a for a, b in zip(asked[warm:], asked[warm + 1 : -1]))


def corpus(splits: dict[str, Examples], encoders: tuple = ("", ""), pool: str | None = "mean") -> Corpus:
    """Examples as `recipe.untrained` wants them."""
    notes = {"pool": pool, "text_pool": pool}
    return Corpus(splits, {name: pd.DataFrame() for name in splits}, notes, "bench", {}, encoders)


def reset_memory() -> None:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak_gib() -> float | None:
    """Of the GPU's memory, since `reset_memory`; None where there is no GPU."""
    return torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else None


def card() -> str:
    return torch.cuda.get_device_name(parallel.device())


def keep(name: str, found: dict, on: str, folder: Path = MEASURED) -> Path:
    """Results with their date, by card; those of other cards stay."""
    file = folder / f"{name}.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    known[on] = {"date": date.today().isoformat(), "torch": torch.__version__, **found}
    folder.mkdir(exist_ok=True)
    file.write_text(json.dumps(known, indent=1) + "\n")
    return file
