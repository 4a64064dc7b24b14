"""Sounds that teach the small CNN to listen: random mixtures with tags, drawn without end.

A clip holds one to three events over a background. Events are the *seen* retrieval kinds (lib/data/events.py) and the
families below, which occur in no retrieval scene: their parameters are drawn far wider than any one kind's, and bins of
pitch, rate and count are tags too. The nine unseen kinds and three of the backgrounds are never drawn (tested).
"""

from __future__ import annotations

import numpy as np

from lib.data import events
from lib.data.synthesis import (
    Samples,
    buzz,
    curve,
    filtered,
    formants,
    modes,
    noise,
    peak,
    phase_of,
    place,
    room,
    swell,
    wander,
)
from lib.mix import mix

SEEN = [name for name, kind in events.KINDS.items() if kind.seen]
SEEN_BACKGROUNDS = ["rain", "sea_waves", "fire", "wind", "traffic"]
PITCH_BINS = {"pitch_lowest": 160, "pitch_low": 400, "pitch_middle": 1000, "pitch_high": 2500, "pitch_highest": np.inf}
RATE_BINS = {"rate_slow": 1.6, "rate_steady": 3.5, "rate_fast": 9, "rate_fastest": np.inf}


# Units: family(rng, sample_rate, f, seconds) -> samples; repeated `count` times by `_repeated`.
def struck_modes(rng, sr, f, s):
    k = int(rng.integers(3, 14))
    ratios = np.cumprod(np.r_[1, rng.uniform(1.05, 2.0, k)])
    return modes(
        f * ratios, rng.uniform(0.01, 0.6) * ratios ** -rng.uniform(0.2, 1), rng.uniform(0.1, 1, k + 1), int(s * sr), sr
    )


def thud(rng, sr, f, s):
    n = int(s * sr)
    low = modes(f * rng.uniform(0.8, 2.5, 4), rng.uniform(0.02, 0.1, 4), rng.uniform(0.3, 1, 4), n, sr)
    return peak(low) + rng.uniform(0.2, 1) * noise(rng, n, sr, f, f * rng.uniform(3, 12)) * np.exp(
        -np.arange(n) / sr / rng.uniform(0.01, 0.06)
    )


def vowel(rng, sr, f, s):
    n, size = int(s * sr), rng.uniform(0.8, 1.5)
    f0 = (
        min(f, 900)
        * curve(rng.uniform(0.8, 1.25, rng.integers(2, 6)), n)
        * wander(rng, n, sr, 40, rng.uniform(0, 0.06))
    )
    centres = size * np.array([rng.uniform(250, 900), rng.uniform(800, 2500), rng.uniform(2400, 3300), 4200])
    source = buzz(f0, sr, rng.uniform(2, 6)) + rng.uniform(0, 0.8) * noise(rng, n, sr)
    return filtered(source, sr, formants(centres, centres * rng.uniform(0.08, 0.25), rng.uniform(0.1, 1, 4))) * swell(
        n, sr, 0.04, 0.06
    )


def noise_burst(rng, sr, f, s):
    n = int(s * sr)
    return noise(rng, n, sr, f / rng.uniform(1.05, 2), f * rng.uniform(1.05, 3), int(rng.integers(1, 4))) * swell(
        n, sr, rng.uniform(0.002, s / 2), 0.05, rng.uniform(0, 5)
    )


def sweep(rng, sr, f, s):
    n = int(s * sr)
    f0 = np.clip(f * np.exp(curve(rng.normal(0, 0.7, rng.integers(2, 4)), n)), 30, 0.4 * sr)
    return buzz(f0.astype(np.float32), sr, rng.uniform(2, 15)) * swell(n, sr, 0.01, 0.05)


def fm_bell(rng, sr, f, s):
    n, t = int(s * sr), np.arange(int(s * sr)) / sr
    ratio, index = rng.choice([1.41, 1.7, 2.3, 3.5, 0.68]), rng.uniform(0.5, 6) * min(1, 1500 / f)
    fade = np.exp(-t / rng.uniform(0.05, 0.6))
    return (
        np.sin(2 * np.pi * f * t + index * fade * np.sin(2 * np.pi * f * ratio * t)) * fade * swell(n, sr, 0.003, 0.02)
    )


def plucked(rng, sr, f, s):
    k = np.arange(1, 25)
    stiff = k * np.sqrt(1 + rng.uniform(0, 0.002) * k**2)
    return modes(
        f * stiff,
        rng.uniform(0.1, 0.8) / k ** rng.uniform(0.3, 1),
        np.sin(np.pi * k * rng.uniform(0.05, 0.5)) / k,
        int(s * sr),
        sr,
    )


def chirp_train(rng, sr, f, s):
    n = int(s * sr)
    saw = (np.arange(n) / sr * rng.uniform(5, 40)) % 1
    f0 = np.clip(f * np.exp((saw - 0.5) * rng.uniform(-0.8, 0.8)), 30, 0.45 * sr)
    return np.sin(phase_of(f0, sr)) * np.sin(np.pi * saw) ** rng.uniform(0.3, 2) * swell(n, sr, 0.01, 0.02)


# Streams: family(rng, sample_rate, f, n, rate) -> n samples that go on, modulated `rate` times a second.
def _pulse(n, sr, rate, sharpness, rng):
    turn = phase_of(rate * wander(rng, n, sr, 3, rng.uniform(0, 0.06)), sr) + rng.uniform(0, 6)
    return np.exp(sharpness * (np.cos(turn) - 1)).astype(np.float32)


def fm_warble(rng, sr, f, n, rate):
    depth = rng.uniform(0.03, 0.5) * (2 * _pulse(n, sr, rate, rng.uniform(0.5, 4), rng) - 1)
    return buzz((f * np.exp(depth)).astype(np.float32), sr, rng.uniform(3, 15))


def am_noise(rng, sr, f, n, rate):
    return noise(rng, n, sr, f / rng.uniform(1.2, 3), f * rng.uniform(1.2, 4), 1) * (
        rng.uniform(0, 0.3) + _pulse(n, sr, rate, rng.uniform(0.5, 20), rng)
    )


def click_train(rng, sr, f, n, rate):
    click = struck_modes(rng, sr, f, rng.uniform(0.01, 0.06))
    times = np.arange(0, n / sr, 1 / rate) * (1 + rng.normal(0, 0.01))
    return place(n, [(int(t * sr), click * rng.uniform(0.6, 1)) for t in times])


def harmonic_stack(rng, sr, f, n, rate):
    f0 = f * (1 + rng.uniform(0.002, 0.04) * np.sin(phase_of(np.full(n, rate), sr))) * wander(rng, n, sr, 4, 0.01)
    centres = np.sort(np.exp(rng.uniform(np.log(200), np.log(6000), 3)))
    return filtered(
        buzz(f0.astype(np.float32), sr, rng.uniform(1, 8)),
        sr,
        formants(centres, centres * rng.uniform(0.1, 0.6), rng.uniform(0.2, 1, 3), 0.1),
    )


def bubbles(rng, sr, f, n, rate):
    def one():
        m = int(sr * rng.uniform(0.01, 0.05))
        f0 = f * np.exp(rng.normal(0, 0.4)) * np.linspace(1, rng.uniform(1, 1.5), m)
        return np.sin(phase_of(np.minimum(f0, 0.45 * sr), sr)) * np.exp(-np.linspace(0, 5, m)) * rng.exponential()

    grains = [one().astype(np.float32) for _ in range(12)]
    return place(n, [(int(k), grains[rng.integers(12)]) for k in rng.integers(0, n, max(3, int(6 * rate * n / sr)))])


def scrape(rng, sr, f, n, rate):
    teeth = buzz(np.maximum(20, rng.uniform(25, 120) * wander(rng, n, sr, 6, 0.25)), sr, rng.uniform(0.8, 3))
    grit = noise(rng, n, sr, f / 2, f * 3) * (0.2 + np.clip(teeth, 0, 3))
    return (grit + rng.uniform(0, 0.6) * teeth) * (0.1 + _pulse(n, sr, rate, rng.uniform(0.5, 3), rng))


def motor(rng, sr, f, n, rate):
    f0 = np.maximum(
        20, min(f, 400) * wander(rng, n, sr, 30, rng.uniform(0, 0.05)) * (0.8 + 0.4 * _pulse(n, sr, rate / 4, 1, rng))
    )
    tone = buzz(f0.astype(np.float32), sr, rng.uniform(0.8, 3))
    case = np.exp(rng.uniform(np.log(100), np.log(4000), 4))
    return filtered(
        tone + rng.uniform(0, 1) * noise(rng, n, sr, 100, 6000) * np.clip(tone, 0, 2),
        sr,
        formants(case, case * 0.4, rng.uniform(0.3, 1, 4), 0.1),
    )


def beating(rng, sr, f, n, rate):
    tones = [
        buzz(np.full(n, f * k, dtype=np.float32), sr, rng.uniform(3, 15))
        for k in (1, 1 + rate / f, rng.uniform(1.1, 2.2))
    ]
    return tones[0] + rng.uniform(0.5, 1) * tones[1] + rng.uniform(0, 1) * tones[2]


def whistle_wind(rng, sr, f, n, rate):
    f0 = np.clip(f * wander(rng, n, sr, rate, rng.uniform(0.02, 0.2)), 40, 0.45 * sr)
    air = curve(rng.standard_normal(max(3, int(n / sr * rng.uniform(40, 200)))), n)
    return np.sin(phase_of(f0, sr) + rng.uniform(0.2, 2) * air) + rng.uniform(0, 0.3) * noise(rng, n, sr, 300, 7000)


UNITS = {f.__name__: f for f in (struck_modes, thud, vowel, noise_burst, sweep, fm_bell, plucked, chirp_train)}
STREAMS = {
    f.__name__: f
    for f in (fm_warble, am_noise, click_train, harmonic_stack, bubbles, scrape, motor, beating, whistle_wind)
}
CLASSES: list[str] = [
    *SEEN,
    *(f"{kind}/{pitch}" for kind in SEEN for pitch in events.PITCHES),
    *(f"{kind}/{rate}" for kind in SEEN if events.KINDS[kind].rates for rate in events.RATES),
    *UNITS,
    *STREAMS,
    *PITCH_BINS,
    *RATE_BINS,
    *(f"count_{k}" for k in range(1, 5)),
    *events.DISTANCES,
    *SEEN_BACKGROUNDS,
]


def _bin(value: float, bins: dict[str, float]) -> str:
    return next(name for name, top in bins.items() if value <= top)


def draw_kind(rng, sample_rate: int, seconds: float) -> tuple[Samples, set[str]]:
    """An event of a seen kind and its tags: kind, its pitch and rate, its count, near or far."""
    name = str(rng.choice(SEEN))
    kind = events.KINDS[name]
    pitch, rate, distance = (str(rng.choice(list(v))) for v in (events.PITCHES, events.RATES, events.DISTANCES))
    count = int(rng.integers(1, 5)) if kind.countable else 1
    duration = min(seconds, events.natural_duration(name, rate, count) * rng.uniform(1, 1.5))
    event = events.Event(name, pitch, rate, count, distance, duration_s=duration, seed=int(rng.integers(2**31)))
    tags = {name, f"{name}/{pitch}", distance}
    if kind.rates and (count > 1 or not kind.countable):
        tags.add(f"{name}/{rate}")
    return events.render_event(event, sample_rate), tags | ({f"count_{count}"} if kind.countable else set())


def draw_family(rng, sample_rate: int, seconds: float) -> tuple[Samples, set[str]]:
    """An event of a pretraining-only family and its tags: family, bins of pitch, rate and count, near or far."""
    f, rate = np.exp(rng.uniform(np.log(70), np.log(5000))), np.exp(rng.uniform(np.log(0.8), np.log(20)))
    name = str(rng.choice([*UNITS, *STREAMS]))
    tags = {name, _bin(f, PITCH_BINS)}
    if name in STREAMS:
        n = int(sample_rate * rng.uniform(0.6, min(3, seconds)))
        sound = STREAMS[name](rng, sample_rate, f, n, rate) * swell(n, sample_rate, 0.02, 0.05)
        tags.add(_bin(rate, RATE_BINS))
    else:
        count, rate = int(rng.integers(1, 5)), min(rate, 6.0)
        unit = min(np.exp(rng.uniform(np.log(0.06), np.log(0.8))), 0.9 / rate if count > 1 else 0.8)
        parts = [
            (int(k / rate * sample_rate), peak(UNITS[name](rng, sample_rate, f, unit)) * rng.uniform(0.7, 1))
            for k in range(count)
        ]
        n = min(int(seconds * sample_rate), parts[-1][0] + int((unit + 0.2) * sample_rate))
        sound = place(n, parts)
        tags |= {f"count_{count}"} | ({_bin(rate, RATE_BINS)} if count > 1 else set())
    far = bool(rng.random() < 0.4)
    return peak(room(peak(sound), rng, sample_rate, far)), tags | {"far" if far else "near"}


def draw(rng: np.random.Generator, sample_rate: int, seconds: float) -> tuple[Samples, set[str]]:
    """One clip of `seconds` and the set of its tags, a subset of CLASSES. Raises ValueError under a second."""
    if seconds < 1:
        raise ValueError(f"pretraining clip: expected at least 1 s, got {seconds}")
    n, tags = round(seconds * sample_rate), set()
    if rng.random() < 0.6:
        name = str(rng.choice(SEEN_BACKGROUNDS))
        ground, tags = events.render_background(name, seconds, sample_rate, rng, variants=24), {name}
    else:
        ground = noise(rng, n, sample_rate, 40, 7800, 1, slope=rng.uniform(-1, 0.3)) * 10 ** rng.uniform(-2.5, -1)
    placed = []
    for _ in range(int(rng.integers(0 if tags else 1, 4))):
        sound, about = (draw_kind if rng.random() < 0.5 else draw_family)(rng, sample_rate, seconds)
        sound = sound[:n]
        placed.append((sound, rng.integers(n - len(sound) + 1) / sample_rate, rng.uniform(0, 25)))
        tags |= about
    clip = mix(ground, placed, sample_rate)
    points = 10 ** (rng.normal(0, 3, 6) / 20)  # a microphone's curve, 3 dB spread at six log-spaced frequencies
    clip = filtered(
        clip,
        sample_rate,
        lambda f: np.interp(np.log(np.maximum(f, 50)), np.linspace(np.log(50), np.log(8000), 6), points).astype(
            np.float32
        ),
    )
    return peak(clip) * np.float32(10 ** rng.uniform(-1.5, 0)), tags
