"""What a system needs: steps, disk, memory, hours. Estimates, each by a formula that can be read here; none measured.

Arithmetic is counted (on our encoders, with torch's own counter), what a GPU makes of it is fitted to one published
run, and checked against another (`tests/unit/test_costs.py`). Reading sound was timed once. Taught in notebook 19.
"""

import math
from dataclasses import dataclass

import pandas as pd

from lib.encoders.cards import CARDS
from lib.recipe import Recipe
from lib.systems import SYSTEMS, Part, System

# Counted, forward, in 1e9 operations: of ten seconds of sound, of a caption of 16 tokens.
AUDIO = {"crnn": 1.92, "cnn14": 40.1, "vggish_map": 16.0, "passt_n": 84.9}
PATCHED_OUT = {"passt_n": 48.6}  # where it learns
TEXT = {"word2vec": 0.0, "distilroberta": 1.36, "distilbert": 1.36, "roberta_large": 9.67}
TOKENS, SEGMENT_S = 16, 10.0
LEARNING = 3  # forward once, backward twice as much
READ_S = 0.0013  # for a second of sound: decoded, resampled to 32 kHz; Clotho's four clips, one core, 21 November 2026
PLATEAU = 50  # epochs until a plateau schedule stops: a guess, no paper says
FP32_SHARE = 0.5  # of its peak in fp32: a guess
DISK_GIB = {  # as far as published; with the archives, where those are unpacked
    "clotho": 20.5 / 1.074,  # README of the DCASE 2025 baseline (GB)
    "fsd50k": 18 + 6 + 24 + 9,  # `lib.data.fsd50k`: archives and members
    "audiocaps": 2.8 / 1.074,  # as mp3, that README
    "wavcaps": 156.9 / 1.074,  # as mp3, that README; unpacked as released, six times as much
    "macs": 13 / 1.074,  # documentation of aac-datasets
    "auto_acd": 180_000 * 10 * 32_000 * 2 / 2**30,  # ours to compute: 16 bits at 32 kHz
    "apwd": 2 * 2 * 51_000 * 10 * 44_100 * 2 / 2**30,  # two scenes, two clips a pair
}


@dataclass(frozen=True)
class Machine:
    """A GPU by its maker's data sheet: peak of matrix work in 1e12 operations a second, and memory."""

    name: str
    fp32: float
    bf16: float  # 0: not in hardware
    gib: float


MACHINES = (Machine("T4", 8.1, 0, 15), Machine("A100", 19.5, 312, 40), Machine("H200", 67, 989, 139))


@dataclass(frozen=True)
class Published:
    """A run whose hours its authors print: the DCASE 2025 baseline, PaSST-N and RoBERTa-large in 16 bits, on an A40."""

    hours: float
    parts: tuple[tuple[float, float], ...]  # pairs, seconds a clip
    epochs: int = 20
    peak: float = 149.7  # A40, bf16

    @property
    def operations(self) -> float:
        """Counted as ours are."""
        forward = (n * (_heard("passt_n", seconds, True) + TEXT["roberta_large"]) for n, seconds in self.parts)
        return self.epochs * LEARNING * 1e9 * sum(forward)

    @property
    def share(self) -> float:
        """Of the GPU's peak that it came to, with reading and validation."""
        return self.operations / (self.hours * 3600 * self.peak * 1e12)


ON_CLOTHO = Published(2 + 16 / 60, ((19_195, 22.5),))
WITH_ALL = Published(34 + 44 / 60, ((19_195, 22.5), (48_548, 10.0), (401_195, 20.0)))


@dataclass(frozen=True)
class Hours:
    """Of one run: frozen encoders once over all clips, the training's arithmetic, and the reading it waits for."""

    encoding: float
    training: float
    reading: float

    @property
    def total(self) -> float:
        return self.encoding + self.training + self.reading


def hours(system: System, machine: Machine) -> Hours:
    """How long a run takes, its loop reading by itself, one clip after the other; without bf16 on the GPU in fp32."""
    encode = sum(1e9 * (p.clips * _heard(system.audio, _long(system, p), False) + p.pairs * TEXT[system.text])
                 for p in system.parts)  # fmt: skip
    once = sum(part.clips * _long(system, part) for part in system.parts) * READ_S
    learn = sum(operations(system, stage) / _rate(machine, stage.training.precision) for stage in system.stages)
    live = [stage for stage in system.stages if "audio" in stage.tune]
    read = sum(epochs(s) * part.pairs * _long(system, part) for s in live for part in _learnt(system, s))
    if system.scratch:  # each clip's spectrogram is made once, nothing else is
        encode, read = 0.0, 0.0
    return Hours(encode / _rate(machine, "fp32") / 3600, learn / 3600, (once + read * READ_S) / 3600)


def operations(system: System, stage: Recipe) -> float:
    """Arithmetic of a stage, all its epochs."""
    done = 0.0
    for part in _learnt(system, stage):
        heard = _heard(system.audio, _long(system, part), True) * (1 + stage.mixco) if "audio" in stage.tune else 0.0
        read = TEXT[system.text] if "text" in stage.tune else 0.0
        done += part.pairs * (heard + read + _adapted(system, stage, _long(system, part)))
    return LEARNING * 1e9 * done * epochs(stage)


def epochs(stage: Recipe) -> int:
    """Those of its schedule; of one that stops on a plateau a guess."""
    most = stage.training.max_epochs
    return min(most, PLATEAU) if stage.training.schedule == "plateau" else most


def steps(system: System, stage: Recipe) -> int:
    """Optimiser steps in one epoch."""
    return sum(round(part.pairs / stage.batch_size) for part in _learnt(system, stage))


def frames_gib(system: System) -> float:
    """Memory of frames and tokens that frozen encoders hand over, padded to the longest clip (30 s) and caption."""
    sound, words = CARDS[system.audio], CARDS[system.text]
    heard = 1 if system.pool else min(system.seconds or 30.0, 30.0) * sound.frames_per_second
    told = 1 if system.text_pool else 2 * TOKENS
    clips, pairs = (sum(getattr(part, name) for part in system.parts) for name in ("clips", "pairs"))
    return 4 * (clips * heard * sound.features + pairs * told * words.features) / 2**30


def weights_gib(system: System) -> float:
    """GPU memory of weights in fp32; four times that where they learn: gradients and Adam's two moments. What a batch
    leaves behind on its way comes on top; where it is too much, let the encoder learn in pieces."""
    learn = {side for stage in system.stages for side in stage.tune}
    each = ((CARDS[name].parameters, side) for name, side in ((system.audio, "audio"), (system.text, "text")))
    return sum(n * (16 if side in learn else 4) for n, side in each if n < 5e8) / 2**30  # Word2Vec stays outside


def disk_gib(system: System) -> float:
    """Of its data sets."""
    return sum(DISK_GIB[name] for name in {part.data for part in system.parts})


def table() -> pd.DataFrame:
    """A row for each system: what it needs on each machine, and what it should come to."""
    rows = {}
    for system in SYSTEMS.values():
        known = [f"{steps(system, stage):,} x {epochs(stage)}" for stage in system.stages]
        needs = {"title": system.title, "steps x epochs": ", then ".join(known) or "not this engine's",
                 "disk, GiB": disk_gib(system), "frames in memory, GiB": frames_gib(system),
                 "weights on the GPU, GiB": weights_gib(system)}  # fmt: skip
        needs |= {f"{m.name}, hours": hours(system, m).total if system.stages else math.nan for m in MACHINES}
        target = system.target
        needs |= {"target": f"{target.measure} {target.value:.4g}", "source": f"{system.paper}, {target.source}",
                  "possible leakage": target.leakage}  # fmt: skip
        rows[system.name] = needs
    return pd.DataFrame.from_dict(rows, orient="index")


def _learnt(system: System, stage: Recipe) -> list[Part]:
    return [part for part in system.parts if part.split in stage.on]


def _long(system: System, part: Part) -> float:
    """Seconds of a clip that are heard."""
    return min(part.seconds, system.seconds or part.seconds)


def _heard(name: str, seconds: float, learns: bool) -> float:
    """Forward operations of a clip; of PaSST whole segments."""
    ten = PATCHED_OUT.get(name, AUDIO[name]) if learns else AUDIO[name]
    return ten * (math.ceil(seconds / SEGMENT_S) if name in PATCHED_OUT else seconds / 10)


def _adapted(system: System, stage: Recipe, seconds: float) -> float:
    """Forward operations of both adapters for a pair: on every frame where pooling comes after."""
    sound, words = CARDS[system.audio], CARDS[system.text]
    times = (1 if system.pool else seconds * sound.frames_per_second, 1 if system.text_pool else TOKENS)
    inner = stage.hidden or 0
    return sum(2e-9 * n * (card.features * (inner or stage.dim) + inner * stage.dim)
               for n, card in zip(times, (sound, words)))  # fmt: skip


def _rate(machine: Machine, precision: str) -> float:
    """Operations a second that a step comes to."""
    if precision == "bf16" and machine.bf16:
        return machine.bf16 * 1e12 * ON_CLOTHO.share
    return machine.fp32 * 1e12 * FP32_SHARE
