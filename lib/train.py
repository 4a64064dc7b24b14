"""The one training loop: plain PyTorch, the same for cached features and for encoders that are fine-tuned.

The loop does not know what a batch is: `batches(generator)` draws an epoch of them, `loss(model, batch)` and
`validate(model)` read them.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from lib import parallel
from lib.books import Books, History


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
    validations: int = 1  # in each epoch, evenly spaced
    average: int = 1  # so many of the best checkpoints make the final weights: their mean (Munakata et al. 2024, 5.1)
    precision: str = "fp32"

    def __post_init__(self) -> None:
        if min(self.validations, self.average) < 1:
            raise ValueError(f"expected at least one validation an epoch and one checkpoint to keep; got "
                             f"validations={self.validations}, average={self.average}.")


WECK = Settings(learning_rate=1e-4, schedule="plateau", max_epochs=200, patience=5, factor=0.1, stop_after=10)


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
    """Train until the validation score stops rising, and leave the best weights in the model, or the mean of several.

    Args:
        batches: one epoch of batches, drawn with the generator it is given: a list, or anything with a length that
            makes each batch (reads its audio) when its turn comes.
        loss: of a model and a batch, a scalar. Under `torchrun` the batch is this process' share, and the loss gathers
            the embeddings (`lib.parallel.gather`) before it compares them.
        validate: of a model, a score where more is better (mAP@10).
        generator: the only source of chance; the same state gives the same weights.
        checkpoint: a file written after an epoch. If it is there, training goes on from it, to the very same weights as
            without the break; it is removed when all is done.
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
    run = Books(settings, model, optimiser, generator, checkpoint, checkpoint_s)
    with tqdm(total=settings.max_epochs, initial=run.epochs, disable=not progress, desc="train", leave=False) as bar:
        while not run.stopped:
            epoch, scores, started, losses = run.epochs, run.scores, time.perf_counter(), []
            with lend_chance(generator):
                drawn = batches(generator)
                due = validation_steps(len(drawn), settings.validations)
                model.train()
                for step, batch in enumerate(drawn, start=1):
                    rate = SCHEDULES[settings.schedule](settings, epoch + step / len(drawn), scores)
                    for group in optimiser.param_groups:
                        group["lr"] = rate * group["scale"]
                    with parallel.autocast(settings.precision):
                        value = loss(replica, parallel.to(parallel.share(batch), where))
                    optimiser.zero_grad()
                    value.backward()
                    optimiser.step()
                    losses.append(value.detach())
                    if step in due:
                        model.eval()
                        with torch.no_grad():
                            score = float(validate(model))
                        mean_loss = float(torch.stack(losses).mean())
                        run.validated(epoch, mean_loss, score, rate, time.perf_counter() - started)
                        started, losses = time.perf_counter(), []
                        model.train()
            run.end_epoch()
            bar.set_postfix(loss=f"{mean_loss:.3f}", score=f"{score:.3f}", best=f"{run.best_score:.3f}")
            bar.update()
    history = run.finish()
    if settings.average > 1:
        with lend_chance(generator):
            renew_statistics(model, (parallel.to(parallel.share(batch), where) for batch in batches(generator)), loss)
    run.close()
    return history


def validation_steps(steps: int, validations: int) -> list[int]:
    """After which steps of an epoch to validate: evenly spaced, the last one among them."""
    return sorted({max(1, round(steps * (k + 1) / validations)) for k in range(validations)})


@torch.no_grad()
def renew_statistics(model: nn.Module, batches: Iterable[Any], loss: Callable[[nn.Module, Any], Tensor]) -> None:
    """The statistics of batch norms that learn, measured anew: those of averaged weights are not the average's.

    As `torch.optim.swa_utils.update_bn`, for a model whose batches the loss hands over. Nothing is done where all batch
    norms keep what they came with (a frozen or pretrained encoder's, see `Tower.train`).
    """
    model.train()
    layers = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.training]
    usual = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a plain mean over batches
    for batch in batches if layers else ():
        loss(model, batch)
    for layer, momentum in zip(layers, usual, strict=True):
        layer.momentum = momentum
    model.eval()


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
