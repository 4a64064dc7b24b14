"""Sound events made by formula: 24 kinds with audible pitch, rate, count and distance, over 8 backgrounds.

An `Event` says what is heard; `render_event` makes it heard. Its seed decides everything that its attributes leave open
(which dog, which room), so that no two events are alike. Taught in notebook 01.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from lib.data import backgrounds, objects, voices
from lib.data.synthesis import Samples, peak, place, room

PITCHES = {"low": 1 / 1.8, "middle": 1.0, "high": 1.8}  # factors of the usual fundamental
RATES = {"slow": 1.8, "steady": 1.0, "fast": 1 / 1.8}  # factors of the usual period
DISTANCES = ("near", "far")
LOUDNESSES = ("soft", "loud")  # carried to the mixer, which turns it into an SNR
BACKGROUNDS: dict[str, Callable] = backgrounds.BACKGROUNDS


@dataclass(frozen=True)
class Event:
    """One sound event of a scene; times in seconds, the onset from the start of the clip."""

    kind: str
    pitch: str = "middle"
    rate: str = "steady"
    count: int = 1
    distance: str = "near"
    loudness: str = "loud"
    onset_s: float = 0.0
    duration_s: float = 1.5
    seed: int = 0

    def __post_init__(self):
        choices = {"kind": KINDS, "pitch": PITCHES, "rate": RATES, "distance": DISTANCES, "loudness": LOUDNESSES}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"event {name}: expected one of {', '.join(allowed)}; got {getattr(self, name)!r}")
        highest = 4 if KINDS[self.kind].countable else 1
        if not 1 <= self.count <= highest:
            raise ValueError(f"event count of {self.kind}: expected 1 to {highest}, got {self.count}")
        if not self.duration_s >= 0.1:
            raise ValueError(f"event duration: expected at least 0.1 s, got {self.duration_s}; see natural_duration")


@dataclass(frozen=True)
class Kind:
    """A kind of event. `rates` and `pitches`: whether that attribute is audible (else it is ignored).

    `render(rng, sample_rate, pitch, period, n, count) -> n samples`; `period` in seconds between units (steady), `unit`
    the longest time a unit takes; `seen`: whether the small CNN meets the kind in its pretraining.
    """

    name: str
    family: str
    countable: bool
    rates: bool
    pitches: bool
    seen: bool
    render: Callable
    period: float
    unit: float


def _repeat(unit, individual, jitter, sample_rate, pitch, period, n, count):
    """`count` units (0: as many as fit), one individual: small changes of pitch and loudness, the period kept."""
    count = count or max(1, int(n / sample_rate / period))
    parts = []
    for k in range(count):
        rng = np.random.default_rng(individual)  # the same bell each time, not a new one
        sound = peak(unit(rng, sample_rate, pitch * jitter.normal(1, 0.015), period)) * jitter.uniform(0.8, 1)
        late = jitter.uniform(0, 0.06) * period
        parts.append((int((k * period + late) * sample_rate), sound))
    return place(n, parts)


def _units(unit, rng, sample_rate, pitch, period, n, count):
    return _repeat(unit, int(rng.integers(2**62)), rng, sample_rate, pitch, period, n, count)


def _train(unit, rng, sample_rate, pitch, period, n, count):
    return _units(unit, rng, sample_rate, pitch, period, n, 0)


def _whole(sound, rng, sample_rate, pitch, period, n, count):
    return sound(rng, sample_rate, pitch, period, n)


def _once(sound, rng, sample_rate, pitch, period, n, count):
    return place(n, [(0, sound(rng, sample_rate, pitch, n / sample_rate))])


# name: family, how it is laid out in time, rates, pitches, seen, steady period, longest unit (seconds)
_TABLE = {
    "dog_bark": ("animal", _units, 1, 1, 1, 0.45, 0.25),
    "rooster_crow": ("animal", _once, 0, 1, 1, 1.5, 1.7),
    "baby_cry": ("human", _train, 1, 1, 1, 0.8, 0.7),
    "sneeze": ("human", _units, 0, 1, 1, 0.8, 0.7),
    "clock_tick": ("domestic", _train, 1, 1, 1, 0.42, 0.12),
    "helicopter": ("machine", _whole, 1, 1, 1, 0.1, 1.0),
    "chainsaw": ("machine", _whole, 1, 1, 1, 0.55, 1.0),
    "siren": ("alarm", _whole, 1, 1, 1, 0.8, 1.0),
    "car_horn": ("alarm", _units, 1, 1, 1, 0.5, 0.3),
    "church_bell": ("bell", _units, 0, 1, 1, 0.7, 1.0),
    "footsteps": ("human", _train, 1, 1, 1, 0.45, 0.2),
    "door_knock": ("impact", _units, 1, 1, 1, 0.4, 0.25),
    "phone_ring": ("alarm", _units, 0, 1, 1, 0.75, 0.6),
    "bird_chirp": ("animal", _units, 1, 1, 1, 0.38, 0.2),
    "engine_start": ("machine", _whole, 1, 1, 1, 0.16, 1.0),
    "thunder": ("nature", _whole, 0, 0, 0, 1.0, 1.5),
    "glass_break": ("impact", _whole, 0, 1, 0, 1.0, 0.8),
    "cat_meow": ("animal", _units, 0, 1, 0, 0.75, 0.65),
    "frog_croak": ("animal", _units, 1, 1, 0, 0.5, 0.3),
    "train_whistle": ("alarm", _units, 0, 1, 0, 0.85, 0.7),
    "hammer": ("impact", _units, 1, 1, 0, 0.45, 0.3),
    "alarm_beep": ("alarm", _units, 1, 1, 0, 0.42, 0.25),
    "water_drip": ("water", _units, 1, 1, 0, 0.45, 0.15),
    "owl_hoot": ("animal", _units, 1, 1, 0, 0.55, 0.4),
}
KINDS: dict[str, Kind] = {
    name: Kind(
        name,
        family,
        layout is _units,
        bool(rates),
        bool(pitches),
        bool(seen),
        partial(layout, getattr(voices, name, None) or getattr(objects, name)),
        period,
        unit,
    )
    for name, (family, layout, rates, pitches, seen, period, unit) in _TABLE.items()
}


def natural_duration(kind: str, rate: str = "steady", count: int = 1) -> float:
    """Seconds that an event of these attributes takes; a shorter `duration_s` squeezes its period."""
    entry = KINDS[kind]
    period = entry.period * (RATES[rate] if entry.rates else 1)
    if entry.countable:
        return round((count - 1) * period + entry.unit + 0.15, 2)
    return round(max(entry.unit + 0.3, min(3.2 * period, 3.0), 1.2), 2)


def render_event(event: Event, sample_rate: int = 16000) -> Samples:
    """The event's sound, `round(duration_s * sample_rate)` samples, peak 1; its loudness is left to the mixer."""
    kind = KINDS[event.kind]
    rng = np.random.default_rng([event.seed, *event.kind.encode()])
    n = round(event.duration_s * sample_rate)
    pitch = (PITCHES[event.pitch] if kind.pitches else 1.0) * np.exp(rng.normal(0, 0.06))
    period = kind.period * (RATES[event.rate] if kind.rates else 1.0) * np.exp(rng.normal(0, 0.05))
    if kind.countable and event.count > 1:
        period = min(period, (event.duration_s - min(kind.unit, event.duration_s / event.count)) / (event.count - 0.9))
    dry = kind.render(rng, sample_rate, pitch, period, n, event.count)
    return peak(room(peak(dry), rng, sample_rate, event.distance == "far"))


@lru_cache(maxsize=256)
def _bank(name: str, variant: int, sample_rate: int, seconds: float) -> Samples:
    rng = np.random.default_rng([variant, *name.encode()])
    return BACKGROUNDS[name](rng, sample_rate, int(seconds * sample_rate)).astype(np.float32)


def render_background(name: str, seconds: float, sample_rate: int, rng: np.random.Generator, variants=8) -> Samples:
    """A crop, RMS 0.1, of one of `variants` long renderings kept by the process (made on first use, 0.1 s each)."""
    if name not in BACKGROUNDS:
        raise ValueError(f"background: expected one of {', '.join(BACKGROUNDS)}; got {name!r}")
    n = round(seconds * sample_rate)
    long = _bank(name, int(rng.integers(variants)), sample_rate, max(15.0, 2.0 * seconds))
    start = int(rng.integers(len(long) - n + 1))
    crop = long[start : start + n]
    return crop * np.float32(0.1 / (np.sqrt(np.mean(crop**2)) + 1e-9))
