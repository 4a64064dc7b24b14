"""The books of one training run: its history, the best weights so far, and a checkpoint that a kill leaves whole."""

import math
import os
import pickle
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from lib import parallel


@dataclass(frozen=True)
class History:
    """What happened, one row per validation (epoch, loss, score, learning_rate, seconds); which weights were best."""

    frame: pd.DataFrame
    best_epoch: int
    best_score: float  # of the best checkpoint by itself, also where several were averaged
    stopped: str  # "early": no better score for `stop_after` epochs; "max_epochs": the schedule ended


class Books:
    """Rows of history, the best weights, and a checkpoint that holds all of it."""

    def __init__(self, settings, model, optimiser, generator, checkpoint, checkpoint_s) -> None:
        self.settings, self.model, self.optimiser, self.generator = settings, model, optimiser, generator
        self.checkpoint = Path(checkpoint) if checkpoint else None
        self.checkpoint_s, self.saved_at = checkpoint_s, time.monotonic()
        self.rows: list[dict] = []
        self.best: list[tuple[int, dict[str, Tensor]]] = []  # row and weights of the best, the very best first
        if self.checkpoint and self.checkpoint.exists():
            self._resume()

    @property
    def epochs(self) -> int:
        """How many are done."""
        return self.rows[-1]["epoch"] + 1 if self.rows else 0

    @property
    def scores(self) -> list[float]:
        """The best of each epoch that is done."""
        found: dict[int, float] = {}
        for row in self.rows:
            found[row["epoch"]] = max(row["score"], found.get(row["epoch"], -math.inf))
        return list(found.values())

    @property
    def best_epoch(self) -> int:
        return self.rows[self.best[0][0]]["epoch"]  # the first of equals

    @property
    def best_score(self) -> float:
        return self.rows[self.best[0][0]]["score"]

    @property
    def stopped(self) -> str:
        """Why training is over; an empty string while it is not."""
        if self.rows and self.epochs - 1 - self.best_epoch >= self.settings.stop_after:
            return "early"
        return "max_epochs" if self.epochs >= self.settings.max_epochs else ""

    def validated(self, epoch: int, loss: float, score: float, rate: float, seconds: float) -> None:
        """Note a validation; its weights are kept while they are among the best."""
        if not (math.isfinite(loss) and math.isfinite(score)):
            raise ValueError(
                f"expected a finite loss and score; got {loss}, {score} in epoch {epoch}. Try a lower learning rate."
            )
        self.rows.append({"epoch": epoch, "loss": loss, "score": score, "learning_rate": rate, "seconds": seconds})
        place = sum(self.rows[row]["score"] >= score for row, _ in self.best)
        if place < self.settings.average:
            weights = {name: value.detach().to("cpu", copy=True) for name, value in self.model.state_dict().items()}
            self.best.insert(place, (len(self.rows) - 1, weights))
            del self.best[self.settings.average :]

    def end_epoch(self) -> None:
        mine = self.checkpoint and parallel.rank() == 0  # all read it, one writes it
        if mine and time.monotonic() - self.saved_at >= self.checkpoint_s:
            self._save()
            self.saved_at = time.monotonic()

    def finish(self) -> History:
        self.model.load_state_dict(averaged([weights for _, weights in self.best]))
        self.model.eval()
        return History(pd.DataFrame(self.rows), self.best_epoch, self.best_score, self.stopped)

    def close(self) -> None:
        """Nothing is left to do that a kill could undo."""
        if self.checkpoint and parallel.rank() == 0:
            self.checkpoint.unlink(missing_ok=True)

    def _save(self) -> None:
        state = {"settings": asdict(self.settings), "rows": self.rows, "best": self.best}
        state |= {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict()}
        state |= {"generator": self.generator.get_state()}
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        half = self.checkpoint.with_suffix(f".{os.getpid()}.part")
        torch.save(state, half)
        half.replace(self.checkpoint)  # atomic: a kill leaves the old checkpoint or the new one, never half of one

    def _resume(self) -> None:
        try:
            state = torch.load(self.checkpoint, weights_only=True, map_location="cpu")
        except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
            raise ValueError(
                f"{self.checkpoint} is not a checkpoint of ours ({error}). Delete it to start again."
            ) from error
        if state["settings"] != asdict(self.settings):
            raise ValueError(f"{self.checkpoint} belongs to a run with other settings. Delete it to start again.")
        self.rows, self.best = state["rows"], state["best"]
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.generator.set_state(state["generator"].cpu())


def averaged(weights: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of several checkpoints, each weight by itself; what is no real number (a counter) is the first's.

    As the first plus the mean of the differences from it: equal weights stay as they are, to the bit.
    """
    first = weights[0]
    return {
        name: value + torch.stack([each[name] - value for each in weights]).mean(dim=0)
        if value.is_floating_point() else value
        for name, value in first.items()
    }
