"""The one training loop: plain PyTorch, the same for cached features and for encoders that are fine-tuned.

The loop does not know what a batch is: `batches(generator)` draws an epoch of them, `loss(model, batch)` and
`validate(model)` read them.
"""

import math
import os
import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from lib import parallel


@dataclass(frozen=True)
class Settings:
    """How to train. The defaults suit adapters on a laptop; `WECK` is the recipe of Weck et al. 2022, section 3.3."""

    learning_rate: float = 1e-3
    encoder_scale: float = 1.0  # an encoder that is fine-tuned takes learning_rate times this
    schedule: str = "cosine"  # or "plateau"
    max_epochs: int = 15
    warmup_epochs: float = 1.0  # cosine: rise from 0 to learning_rate
    patience: int = 5  # plateau: after this many epochs without a better score ...
    factor: float = 0.1  # ... the rate is multiplied by this
    stop_after: int = 10  # epochs without a better score; then training ends
    precision: str = "fp32"


WECK = Settings(learning_rate=1e-4, schedule="plateau", max_epochs=200, patience=5, factor=0.1, stop_after=10)


@dataclass(frozen=True)
class History:
    """What happened, one row per epoch (epoch, loss, score, learning_rate, seconds); which weights were kept."""

    frame: pd.DataFrame
    best_epoch: int
    best_score: float
    stopped: str  # "early": no better score for `stop_after` epochs; "max_epochs": the schedule ended


def cosine_rate(settings: Settings, epoch: float, scores: list[float]) -> float:
    """Learning rate at a time: a linear warm-up, then half a cosine down to zero (Primus et al. 2023, section 3)."""
    if epoch < settings.warmup_epochs:
        return settings.learning_rate * epoch / settings.warmup_epochs
    done = (epoch - settings.warmup_epochs) / max(settings.max_epochs - settings.warmup_epochs, 1e-9)
    return settings.learning_rate * (1 + math.cos(math.pi * min(done, 1.0))) / 2


def plateau_rate(settings: Settings, epoch: float, scores: list[float]) -> float:
    """Learning rate after these scores: times `factor` whenever `patience` epochs brought nothing better."""
    best, waited, rate = -math.inf, 0, settings.learning_rate
    for score in scores:
        best, waited = (score, 0) if score > best else (best, waited + 1)
        if waited == settings.patience:
            rate, waited = rate * settings.factor, 0
    return rate


SCHEDULES = {"cosine": cosine_rate, "plateau": plateau_rate}


def fit(
    model: nn.Module,
    batches: Callable[[torch.Generator], Sequence[Any]],
    loss: Callable[[nn.Module, Any], Tensor],
    validate: Callable[[nn.Module], float],
    settings: Settings = Settings(),
    *,
    generator: torch.Generator,
    checkpoint: Path | None = None,
    checkpoint_s: float = 5.0,
    progress: bool = True,
) -> History:
    """Train until the validation score stops rising, and leave the best epoch's weights in the model.

    Args:
        batches: one epoch of batches, drawn with the generator it is given: a list, or anything with a length that
            makes each batch (reads its audio) when its turn comes.
        loss: of a model and a batch, a scalar. Under `torchrun` the batch is this process' share, and the loss gathers
            the embeddings (`lib.parallel.gather`) before it compares them.
        validate: of a model, a score where more is better (mAP@10).
        generator: the only source of chance; the same state gives the same weights.
        checkpoint: a file written after an epoch. If it is there, training goes on from it, to the very same weights as
            without the break; it is removed at the end.
        checkpoint_s: seconds of work that a kill may cost; 0 writes after every epoch.

    Raises:
        ValueError: an unknown schedule; a loss or score that is not finite; a checkpoint of another run.
    """
    if settings.schedule not in SCHEDULES:
        raise ValueError(f"expected a schedule among {', '.join(SCHEDULES)}; got {settings.schedule!r}.")
    where = parallel.device()
    model.to(where)
    optimiser = torch.optim.Adam(_parameter_groups(model, settings), fused=True)
    replica = parallel.replicate(model)
    run = _Run(settings, model, optimiser, generator, checkpoint, checkpoint_s)
    with tqdm(total=settings.max_epochs, initial=len(run.rows), disable=not progress, desc="train", leave=False) as bar:
        while not run.stopped:
            epoch, started, losses = len(run.rows), time.perf_counter(), []
            model.train()
            with lend_chance(generator):
                drawn = batches(generator)
                for step, batch in enumerate(drawn):
                    rate = SCHEDULES[settings.schedule](settings, epoch + (step + 1) / len(drawn), run.scores)
                    for group in optimiser.param_groups:
                        group["lr"] = rate * group["scale"]
                    with parallel.autocast(settings.precision):
                        value = loss(replica, parallel.to(parallel.share(batch), where))
                    optimiser.zero_grad()
                    value.backward()
                    optimiser.step()
                    losses.append(value.detach())
            model.eval()
            with torch.no_grad():
                score = float(validate(model))
            mean_loss = float(torch.stack(losses).mean())
            run.end_epoch(mean_loss, score, rate, time.perf_counter() - started)
            bar.set_postfix(loss=f"{mean_loss:.3f}", score=f"{score:.3f}", best=f"{run.best_score:.3f}")
            bar.update()
    return run.finish()


@contextmanager
def lend_chance(generator: torch.Generator) -> Iterator[None]:
    """Within it, dropout and new layers, which know only torch's global generator, draw from ours."""
    seed = int(torch.randint(2**62, (), generator=generator))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def _parameter_groups(model: nn.Module, settings: Settings) -> list[dict]:
    """Trainable parameters; those of encoders apart, since they take smaller steps."""
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    encoder = [p for name, p in named if ".encoder." in f".{name}"]
    others = [p for name, p in named if ".encoder." not in f".{name}"]
    groups = [{"params": others, "scale": 1.0}, {"params": encoder, "scale": settings.encoder_scale}]
    return [g | {"lr": settings.learning_rate} for g in groups if g["params"]]


class _Run:
    """The books of one training run: rows of history, the best weights, and a checkpoint that holds all of it."""

    def __init__(self, settings, model, optimiser, generator, checkpoint, checkpoint_s) -> None:
        self.settings, self.model, self.optimiser, self.generator = settings, model, optimiser, generator
        self.checkpoint = Path(checkpoint) if checkpoint else None
        self.checkpoint_s, self.saved_at = checkpoint_s, time.monotonic()
        self.rows: list[dict] = []
        self.best_weights: dict[str, Tensor] = {}
        if self.checkpoint and self.checkpoint.exists():
            self._resume()

    @property
    def scores(self) -> list[float]:
        return [row["score"] for row in self.rows]

    @property
    def best_epoch(self) -> int:
        return self.scores.index(max(self.scores))  # the first of equals

    @property
    def best_score(self) -> float:
        return max(self.scores)

    @property
    def stopped(self) -> str:
        """Why training is over; an empty string while it is not."""
        if self.rows and len(self.rows) - 1 - self.best_epoch >= self.settings.stop_after:
            return "early"
        return "max_epochs" if len(self.rows) >= self.settings.max_epochs else ""

    def end_epoch(self, loss: float, score: float, rate: float, seconds: float) -> None:
        epoch = len(self.rows)
        if not (math.isfinite(loss) and math.isfinite(score)):
            raise ValueError(
                f"expected a finite loss and score; got {loss}, {score} in epoch {epoch}. Try a lower learning rate."
            )
        self.rows.append({"epoch": epoch, "loss": loss, "score": score, "learning_rate": rate, "seconds": seconds})
        if self.best_epoch == epoch:
            self.best_weights = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        mine = self.checkpoint and parallel.rank() == 0  # all read it, one writes it
        if mine and time.monotonic() - self.saved_at >= self.checkpoint_s:
            self._save()
            self.saved_at = time.monotonic()

    def finish(self) -> History:
        self.model.load_state_dict(self.best_weights)
        self.model.eval()
        if self.checkpoint and parallel.rank() == 0:
            self.checkpoint.unlink(missing_ok=True)
        return History(pd.DataFrame(self.rows), self.best_epoch, self.best_score, self.stopped)

    def _save(self) -> None:
        state = {"settings": asdict(self.settings), "rows": self.rows, "best": self.best_weights}
        state |= {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict()}
        state |= {"generator": self.generator.get_state()}
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        half = self.checkpoint.with_suffix(f".{os.getpid()}.part")
        torch.save(state, half)
        half.replace(self.checkpoint)  # atomic: a kill leaves the old checkpoint or the new one, never half of one

    def _resume(self) -> None:
        try:
            state = torch.load(self.checkpoint, weights_only=True, map_location=parallel.device())
        except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
            raise ValueError(
                f"{self.checkpoint} is not a checkpoint of ours ({error}). Delete it to start again."
            ) from error
        if state["settings"] != asdict(self.settings):
            raise ValueError(f"{self.checkpoint} belongs to a run with other settings. Delete it to start again.")
        self.rows, self.best_weights = state["rows"], state["best"]
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.generator.set_state(state["generator"].cpu())
