"""Pretrain the small CNN on audio tagging (after PANNs, Kong et al. 2020) and write lib/encoders/weights.

    python -m data_scripts.pretrain_small_cnn --esc10 ../shared/data/esc10 --minutes 22

Which of some 140 tags holds in a clip: kinds of sound, their pitch, rate and count, backgrounds, ESC-10's categories.
Binary cross-entropy, unknown tags left out. Batches are mixed, shifted, coloured and masked as spectrograms. A killed
run goes on from build/ when started again; the weights written are a running average.
"""

import argparse
import copy
import hashlib
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from data_scripts import pretraining_pool as pools
from lib.encoders.small_cnn import WEIGHTS, SmallCNN

CREDITS = (
    "Procedural sounds: this project. Real ones: ESC-10 folds 1-3, K. J. Piczak, ESC: Dataset for Environmental Sound "
    "Classification (2015), https://doi.org/10.1145/2733373.2806390, CC BY 3.0, cut from recordings by the Freesound "
    "users named under `authors`."
)


@dataclass(frozen=True)
class Settings:
    """Training, small enough for one core."""

    minutes: float = 22.0
    batch: int = 64
    real: int = 14  # of a batch
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    warm_up: float = 0.03  # of the whole
    average: float = 0.998  # share of the old in the running average of weights, a step
    seed: int = 0


class Tagger(nn.Module):
    """The encoder and, on the mean and the maximum of its frames, one linear layer to the tags."""

    def __init__(self, settings: Settings, prior: Float[Tensor, "tag"]):
        super().__init__()
        generator = torch.Generator().manual_seed(settings.seed)
        self.encoder = SmallCNN().randomise(generator)
        self.from_mean = nn.Linear(self.encoder.feature_dim, len(prior))
        self.from_maximum = nn.Linear(self.encoder.feature_dim, len(prior), bias=False)
        for layer in (self.from_mean, self.from_maximum):
            nn.init.normal_(layer.weight, std=0.02, generator=generator)
        self.from_mean.bias.data = torch.logit(prior)

    def forward(self, decibels: Float[Tensor, "batch time mel"]) -> tuple[Tensor, Tensor]:
        """Logits from the mean alone, which adapters use, and from mean and maximum."""
        mask = torch.ones(decibels.shape[:2], dtype=torch.bool)
        frames = F.dropout(self.encoder.from_log_mel(decibels, mask)[0].float(), 0.1, self.training)
        mean = self.from_mean(frames.mean(1))
        return mean, mean + self.from_maximum(frames.amax(1))


def tagging_loss(
    logits: Float[Tensor, "batch tag"], tags: UInt8[Tensor, "batch tag"], weight: Float[Tensor, "tag"]
) -> Float[Tensor, ""]:
    """Binary cross-entropy over the tags that are known; rare ones weigh more when present."""
    known, present = tags != pools.UNKNOWN, (tags == pools.PRESENT).float()
    loss = F.binary_cross_entropy_with_logits(logits, present, pos_weight=weight, reduction="none")
    return (loss * known).sum() / known.sum()


def augment(decibels: Tensor, tags: Tensor, n_real: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """A batch as nobody heard it before; the first `n_real` clips are real and are mixed more often."""
    size, time_, mel = decibels.shape

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(shape, generator=rng)

    shifts = torch.randint(time_, (size, 1), generator=rng)  # around the clip's end
    decibels = decibels.gather(1, ((torch.arange(time_) + shifts) % time_)[..., None].expand(-1, -1, mel))
    bands = torch.randint(-1, 2, (size, 1), generator=rng)  # about a semitone or two
    bands = (torch.arange(mel) + bands).clamp(0, mel - 1)
    decibels = decibels.gather(2, bands[:, None].expand(-1, time_, -1))
    colour = F.interpolate(uniform(-6, 6, size, 1, 5), size=mel, mode="linear", align_corners=True)
    decibels = decibels + colour + uniform(-8, 8, size, 1, 1)
    other = torch.randperm(size, generator=rng)
    chance = torch.where(torch.arange(size) < n_real, 0.6, 0.25)
    mixed = torch.rand(size, generator=rng) < chance
    louder = torch.logaddexp(decibels * LN, (decibels[other] + uniform(-12, 3, size, 1, 1)) * LN) / LN  # powers add
    decibels = torch.where(mixed[:, None, None], louder, decibels)
    tags = torch.where(mixed[:, None], union(tags, tags[other]), tags)
    return mask_out(decibels, rng).clamp(min=-100), tags


LN = math.log(10) / 10  # decibels to natural logarithms of power


def union(a: UInt8[Tensor, "batch tag"], b: UInt8[Tensor, "batch tag"]) -> UInt8[Tensor, "batch tag"]:
    """Tags of a mixture: present where either has it, else unknown where either is unknown."""
    present = (a == pools.PRESENT) | (b == pools.PRESENT)
    return torch.where(present, pools.PRESENT, torch.maximum(a, b)).to(torch.uint8)


def mask_out(decibels: Float[Tensor, "batch time mel"], rng: torch.Generator) -> Float[Tensor, "batch time mel"]:
    """SpecAugment: up to 25 frames and up to 8 bands of each clip become its mean."""
    fill = decibels.mean((1, 2), keepdim=True)
    for axis, widest in ((1, 25), (2, 8)):
        size, n = decibels.shape[0], decibels.shape[axis]
        width = torch.randint(widest + 1, (size, 1), generator=rng)
        start = torch.randint(n - widest, (size, 1), generator=rng)
        position = torch.arange(n)
        hidden = (position >= start) & (position < start + width)
        decibels = torch.where(hidden[:, :, None] if axis == 1 else hidden[:, None, :], fill, decibels)
    return decibels


def batch_of(pool: pools.Pool, settings: Settings, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Real clips first, then procedural ones, augmented."""
    n_real = settings.real if len(pool.decibels) > pool.n_procedural else 0
    real = torch.randint(pool.n_procedural, max(len(pool.decibels), pool.n_procedural + 1), (n_real,), generator=rng)
    drawn = torch.randint(pool.n_procedural, (settings.batch - n_real,), generator=rng)
    rows = torch.cat([real, drawn])
    decibels, tags = torch.from_numpy(pool.decibels[rows.numpy()]).float(), torch.from_numpy(pool.tags[rows.numpy()])
    return augment(decibels, tags, n_real, rng)


class Run:
    """Model, optimiser, average and clock of one training; saved and restored whole."""

    def __init__(self, pool: pools.Pool, settings: Settings, checkpoint: Path):
        known = pool.tags != pools.UNKNOWN
        prior = torch.tensor((pool.tags == pools.PRESENT).sum(0) / known.sum(0).clip(1)).float().clamp(0.002, 0.5)
        self.weight = ((1 - prior) / prior).sqrt()
        self.model = Tagger(settings, prior)
        self.averaged = copy.deepcopy(self.model)
        self.optimiser = torch.optim.AdamW(self.model.parameters(), lr=0.0, weight_decay=settings.weight_decay)
        self.pool, self.settings, self.checkpoint = pool, settings, checkpoint
        self.rng = torch.Generator().manual_seed(settings.seed)
        self.spent, self.step, self.losses = 0.0, 0, []
        if checkpoint.is_file():
            self._restore(torch.load(checkpoint, weights_only=True))

    def _restore(self, state: dict) -> None:
        for name in ("model", "averaged", "optimiser"):
            getattr(self, name).load_state_dict(state[name])
        self.rng.set_state(state["rng"])
        self.spent, self.step, self.losses = state["spent"], state["step"], state["losses"]
        print(f"going on from step {self.step:,}, {self.spent / 60:.1f} minutes in")

    def save(self) -> None:
        """Everything a killed run needs to go on, written atomically."""
        state = {name: getattr(self, name).state_dict() for name in ("model", "averaged", "optimiser")}
        state |= {"rng": self.rng.get_state(), "spent": self.spent, "step": self.step, "losses": self.losses}
        part = self.checkpoint.with_suffix(".part")
        torch.save(state, part)
        part.replace(self.checkpoint)

    def train(self) -> None:
        """Until the minutes are spent: the schedule follows the clock, so that any machine ends on its cosine."""
        tick, saved, total = time.monotonic(), self.spent, self.settings.minutes * 60
        while self.spent < total:
            self.one_step(self.spent / total)
            self.spent, tick = self.spent + time.monotonic() - tick, time.monotonic()
            if self.step % 100 == 0:
                recent = sum(self.losses[-100:]) / len(self.losses[-100:])
                print(f"step {self.step:,}  {self.spent / 60:.1f} min  loss {recent:.4f}", flush=True)
            if self.spent > saved + 60:
                self.save()
                saved = self.spent
        self.save()

    def one_step(self, progress: float) -> None:
        """One batch: warm-up then cosine, bfloat16 products, average updated."""
        settings = self.settings
        rise, fall = min(1.0, progress / settings.warm_up), 0.5 * (1 + math.cos(math.pi * progress))
        for group in self.optimiser.param_groups:
            group["lr"] = settings.learning_rate * min(rise, fall) + 1e-6
        decibels, tags = batch_of(self.pool, settings, self.rng)
        with torch.autocast("cpu", torch.bfloat16):
            mean, both = self.model(decibels)
        loss = tagging_loss(both.float(), tags, self.weight) + 0.5 * tagging_loss(mean.float(), tags, self.weight)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.step += 1
        self.losses.append(loss.item())
        share = min(settings.average, self.step / (self.step + 10))
        with torch.no_grad():
            for old, new in zip(self.averaged.state_dict().values(), self.model.state_dict().values(), strict=True):
                old.lerp_(new, 1 - share) if old.is_floating_point() else old.copy_(new)


def write(run: Run, pool_settings: pools.PoolSettings, authors: list[str], path: Path) -> None:
    """The averaged encoder in half precision, and a card that says what it is made of."""
    state = run.averaged.encoder.state_dict()
    state = {n: v.half().contiguous() if n.endswith(("weight", "bias")) else v for n, v in state.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    content = safetensors.torch.save(state)
    path.write_bytes(content)
    card = {
        "file": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "script": "data_scripts/pretrain_small_cnn.py",
        "training": asdict(run.settings),
        "pool": asdict(pool_settings),
        "steps": run.step,
        "loss": round(sum(run.losses[-500:]) / len(run.losses[-500:]), 4),
        "tags": len(pools.TAGS),
        "torch": torch.__version__,
        "credits": CREDITS,
        "authors": authors,
    }
    path.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")
    print(f"wrote {path} ({len(content) / 1e6:.2f} MB) after {run.step:,} steps")


def main() -> None:
    """Make the pool, train, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--esc10", type=Path, help="a folder with meta/esc50.csv and audio/; left out: formulas alone")
    parser.add_argument("--minutes", type=float, default=Settings.minutes)
    parser.add_argument("--clips", type=int, default=pools.PoolSettings.procedural, help="procedural clips in the pool")
    parser.add_argument("--build", type=Path, default=Path("build"), help="where pool and checkpoint are kept")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--processes", type=int, default=2, help="that make the pool")
    options = parser.parse_args()
    pool_settings, settings = pools.PoolSettings(procedural=options.clips), Settings(minutes=options.minutes)
    pool = pools.build(pool_settings, options.esc10, options.build, options.processes)
    name = hashlib.sha256(f"{settings} {pool_settings} {options.esc10 is not None}".encode()).hexdigest()[:12]
    torch.set_num_threads(1)
    run = Run(pool, settings, options.build / f"small_cnn_{name}.pt")
    run.train()
    write(run, pool_settings, pools.esc_authors(options.esc10) if options.esc10 else [], options.out)


if __name__ == "__main__":
    main()
