"""What a system needs: steps, disk, memory, hours. Estimates, each by a formula that can be read here; none measured.

Arithmetic and what torch keeps for the way back are counted (on our encoders, attention and all), what a GPU makes of
it is fitted to one published run, and checked against another (`tests/unit/test_costs.py`). Reading sound was timed
once. Taught in notebook 19.
"""

import math
from dataclasses import dataclass, replace

import pandas as pd

from lib.data import clotho, fsd50k
from lib.data.release import Release
from lib.difference_runs import Recipe as Differences
from lib.encoders.cards import CARDS
from lib.recipe import Recipe
from lib.systems import SYSTEMS, Part, System

# Counted, forward, in 1e9 operations: of ten seconds of sound, of a caption of 16 tokens.
AUDIO = {"crnn": 1.92, "cnn10": 26.1, "cnn14": 40.1, "vggish_map": 16.0, "passt_n": 94.1, "passt_s": 255.0,
         "cav_mae": 96.9, "beats_tagging": 98.7, "vast": 48.7}  # fmt: skip
PATCHED_OUT = {"passt_n": 51.5, "passt_s": 73.3}  # where it learns
TEXT = {"word2vec": 0.0, "distilroberta": 1.36, "distilbert": 1.36, "bert_small": 0.405, "bert_base": 2.73,
        "bert_large": 9.69, "roberta_base": 2.73, "roberta_large": 9.69, "t5_large": 9.69}  # fmt: skip
# Counted likewise: MiB that torch keeps of them until the gradient comes back, in 32 and in 16 bits.
KEPT = {"crnn": (31.2, 15.7), "cnn10": (132, 66), "cnn14": (139, 70), "passt_n": (161, 91), "passt_s": (224, 126),
        "cav_mae": (290, 164), "beats_tagging": (440, 314), "vast": (193, 128), "distilroberta": (5.4, 3.8),
        "bert_small": (2.4, 1.7), "bert_base": (10.7, 7.6), "bert_large": (28.3, 20.0), "roberta_base": (10.7, 7.6),
        "roberta_large": (28.3, 20.0), "t5_large": (37.4, 26.1)}  # fmt: skip
TOKENS, SEGMENT_S, LONGEST_S = 16, 10.0, 30.0
LONGEST = {False: 32, True: 512}  # tokens: of captions; of uploaders' 500 characters, which need not be English
LEARNING = 3  # forward once, backward twice as much
SPECTRUM_S, MELS = 22.5, 64  # of Clotho's clips, on average; the CRNN's
READ_S = 0.0013  # for a second of sound: decoded, resampled to 32 kHz; Clotho's four clips, one core, 21 November 2026
PLATEAU = 50  # epochs until a plateau schedule stops: a guess, no paper says
FP32_SHARE = 0.5  # of its peak in fp32: a guess


def _released_gib(release: Release) -> float:
    return sum(one.gib + one.unpacked_gib for file in release.files for one in (file, *file.parts))


DISK_GIB = {  # as far as published; with the archives, where those are unpacked
    "clotho": _released_gib(clotho.RELEASE),
    "fsd50k": _released_gib(fsd50k.RELEASE),
    "audiocaps": 2.8 / 1.074,  # as mp3, that README
    "wavcaps": 941 / 1.074,  # unpacked as released, by aac-datasets' estimate; as mp3, that README: 156.9
    "macs": 13 / 1.074,  # documentation of aac-datasets
    "auto_acd": 180_000 * 10 * 32_000 * 2 / 2**30,  # ours to compute: 16 bits at 32 kHz
    "apwd": 2 * 2 * 51_000 * 10 * 44_100 * 2 / 2**30,  # two scenes, two clips a pair; ESC-50 and FSD50K on top
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
    if not system.stages:
        learn = _differences(system) / _rate(machine, "fp32")
    times = system.further.get("scenes", 1)
    each = (encode / _rate(machine, "fp32"), learn, once + read * READ_S)
    return Hours(*(times * seconds / 3600 for seconds in each))


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
    """Memory of what frozen encoders hand over (of an encoder from scratch: of spectrograms), padded to the longest
    clip and text of all; splits that are learnt from together are copied."""
    sound, words = CARDS[system.audio], CARDS[system.text]
    pool, text_pool = system.pooled
    heard = 1 if pool else min(system.seconds or LONGEST_S, LONGEST_S) * sound.frames_per_second
    told = 1 if text_pool else LONGEST[any(part.noisy for part in system.parts)]
    width = sound.features if not system.scratch else sound.frames_per_second * SPECTRUM_S * MELS

    def values(parts: list[Part]) -> float:
        return sum(p.clips * heard * width + p.pairs * told * words.features for p in parts)

    copied = max((values(_learnt(system, stage)) for stage in system.stages if len(stage.on) > 1), default=0.0)
    return 4 * (values(list(system.parts)) + copied) / 2**30


def checkpoint_gib(system: System) -> float:
    """Of the file from which a broken training goes on: weights that learn, Adam's two moments, and the best so far
    (ten times the weights where ten are to be averaged; they lie in memory too)."""
    return max((_learning(system) * (12 + 4 * stage.training.average) for stage in system.stages), default=0.0) / 2**30


def epoch_hours(system: System, machine: Machine) -> float:
    """The longest epoch's, which a connection that breaks may cost: only whole ones are kept."""
    found = ((epochs(s), hours(replace(system, stages=(s,)), machine)) for s in system.stages)
    return max(((one.training + one.reading) / n for n, one in found), default=0.0)


def weights_gib(system: System) -> float:
    """GPU memory of weights in fp32; four times that where they learn: gradients and Adam's two moments."""
    each = (CARDS[name].parameters for name in (system.audio, system.text))
    return (12 * _learning(system) + 4 * sum(n for n in each if n < 5e8)) / 2**30  # Word2Vec stays outside


def at_once(system: System, machine: Machine) -> int:
    """Pairs of the longest kind that learn at once on the GPU, beside the weights and a tenth that is left free."""
    live = [stage for stage in system.stages if stage.tune]
    if not live:
        return max((stage.batch_size for stage in system.stages), default=Differences().batch_size)
    small = bool(machine.bf16) and live[0].training.precision == "bf16"
    longest = min(system.seconds or LONGEST_S, LONGEST_S) / SEGMENT_S
    texts = LONGEST[any(part.noisy for part in system.parts)] / TOKENS
    sides = (("audio", system.audio, longest * (1 + live[0].mixco)), ("text", system.text, texts))
    kept = sum(times * KEPT[name][small] for side, name, times in sides if side in live[0].tune)
    return min(live[0].batch_size, max(0, int((0.9 * machine.gib - weights_gib(system)) * 1024 / kept)))


def disk_gib(system: System) -> float:
    """Of its data sets."""
    return sum(DISK_GIB[name] for name in {part.data for part in system.parts})


def table() -> pd.DataFrame:
    """A row for each system: what it needs on each machine, and what it should come to."""
    rows = {}
    for system in SYSTEMS.values():
        known = [f"{steps(system, stage):,} x {epochs(stage)}" for stage in system.stages]
        needs = {"title": system.title, "steps x epochs": ", then ".join(known) or "another engine's",
                 "disk, GiB": disk_gib(system), "frames in memory, GiB": frames_gib(system),
                 "weights on the GPU, GiB": weights_gib(system), "checkpoint, GiB": checkpoint_gib(system),
                 "pairs at once, T4": at_once(system, MACHINES[0])}  # fmt: skip
        needs |= {f"{m.name}, hours": hours(system, m).total for m in MACHINES}
        needs |= {"T4, hours an epoch": epoch_hours(system, MACHINES[0])}
        target = system.target
        needs |= {"target": target.told, "source": f"{system.paper}, {target.source}",
                  "possible leakage": target.leakage}  # fmt: skip
        rows[system.name] = needs
    return pd.DataFrame.from_dict(rows, orient="index")


def _learning(system: System) -> int:
    """Weights of the encoders that learn."""
    learn = {side for stage in system.stages for side in stage.tune}
    return sum(CARDS[getattr(system, side)].parameters for side in learn)


def _differences(system: System) -> float:
    """Arithmetic of a query modifier: two linear layers over each of two clips and a text (Takeuchi et al. 2022)."""
    sound, words, dim = CARDS[system.audio].features, CARDS[system.text].features, Differences().dim
    forward = 2 * (2 * (sound * dim + dim**2) + words * dim + dim**2)
    pairs = system.parts[0].pairs * (1 - system.further["validation"])
    return LEARNING * forward * pairs * system.further["max_epochs"]


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
