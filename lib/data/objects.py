"""Machines, bells, impacts and water by formula; units and continuous sounds as in lib/data/voices.py.

Struck things are sums of decaying modes (bars, bells and panes are inharmonic); engines are pulse trains and noise that
pulses with them; horns and sirens are harmonic tones behind a resonance.
"""

from __future__ import annotations

import numpy as np

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
    swell,
    wander,
)


def struck(rng, sample_rate, base, ratios, decay, seconds, spread=0.02, click=0.2) -> Samples:
    """A struck body: modes at base * ratios whose decay shortens with frequency, and the click of the blow."""
    n = int(sample_rate * seconds)
    f = base * np.asarray(ratios) * rng.normal(1, spread, len(ratios))
    gains = rng.uniform(0.3, 1, len(f)) * (f / f[0]) ** -rng.uniform(0.2, 0.9)
    sound = peak(modes(f, decay * (f / f[0]) ** -rng.uniform(0.4, 0.9), gains, n, sample_rate))
    m = min(n, int(sample_rate * rng.uniform(0.004, 0.02)))
    sound[:m] += click * noise(rng, m, sample_rate, base * 0.8, 7000) * np.exp(-np.arange(m) * 5 / m)
    return sound.astype(np.float32)


def clock_tick(rng, sample_rate, pitch, period):
    ratios = np.cumprod(np.r_[1, rng.uniform(1.15, 1.7, 5)])
    decay, depth, gap = rng.uniform(0.003, 0.014), rng.uniform(0.05, 0.6), rng.uniform(0.008, 0.03)
    tick = struck(rng, sample_rate, 1700 * pitch, ratios, decay, 0.08, click=0.6)
    wood = struck(rng, sample_rate, 500 * pitch, [1, 1.7, 2.6], 0.012, 0.08, click=0)
    return place(
        int(0.12 * sample_rate), [(0, tick * depth), (int(gap * sample_rate), tick + rng.uniform(0, 0.4) * wood)]
    )


def helicopter(rng, sample_rate, pitch, period, n):
    beat = wander(rng, n, sample_rate, 2, 0.02) / period
    phase = phase_of(beat, sample_rate)
    blade = np.exp(rng.uniform(2, 5) * (np.cos(phase) - 1)).astype(np.float32)
    slap = np.exp(rng.uniform(8, 20) * (np.cos(phase + 0.4) - 1)).astype(np.float32)
    low = noise(rng, n, sample_rate, 60 * pitch, 260 * pitch) * blade
    mid = noise(rng, n, sample_rate, 250 * pitch, 1800 * pitch, slope=-0.5) * (0.15 + slap)
    whine = np.sin(phase_of(wander(rng, n, sample_rate, 3, 0.004) * rng.uniform(500, 900) * pitch, sample_rate))
    hiss = noise(rng, n, sample_rate, 800, 6000, slope=-0.5)
    return low + rng.uniform(0.5, 1.2) * mid + rng.uniform(0, 0.08) * whine + rng.uniform(0.03, 0.4) * hiss


def chainsaw(rng, sample_rate, pitch, period, n):
    rev = 0.5 + 0.5 * np.sin(phase_of(wander(rng, n, sample_rate, 2, 0.08) / period, sample_rate) + rng.uniform(0, 6))
    depth = rng.uniform(0.35, 0.6)
    f0 = 115 * pitch * (1 - depth + depth * rev**0.7) * wander(rng, n, sample_rate, 40, 0.02)
    engine = buzz(f0, sample_rate, rng.uniform(0.8, 3))
    teeth = (
        noise(rng, n, sample_rate, 900 * pitch**0.7, 5500 * pitch**0.7)
        * (0.4 + np.clip(engine, 0, 2))
        * (0.4 + 0.6 * rev)
    )
    case = pitch**0.8 * np.array([420, 950, 1900, 3300]) * rng.normal(1, 0.12, 4)
    body = filtered(
        engine + rng.uniform(0.15, 0.6) * teeth,
        sample_rate,
        formants(case, case * 0.4, rng.uniform(0.4, 1, 4), rng.uniform(0.15, 0.5)),
    )
    return body * (0.55 + 0.45 * rev)


def siren(rng, sample_rate, pitch, period, n):
    turn = phase_of(np.full(n, 1 / period), sample_rate) + rng.uniform(0, 2 * np.pi)
    shape = rng.integers(3)
    s = np.sin(turn)
    move = s if shape == 0 else np.tanh(6 * s) if shape == 1 else 2 * np.abs(((turn / np.pi) % 2) - 1) - 1
    f0 = (720 * pitch * np.exp(rng.uniform(0.18, 0.4) * move)).astype(np.float32)
    tone = buzz(f0, sample_rate, rng.uniform(5, 10))
    horn = formants([900 * pitch, rng.uniform(1500, 2800), 3500], [900, 900, 1200], [1, rng.uniform(0.2, 1), 0.3], 0.05)
    return filtered(tone, sample_rate, horn) * wander(rng, n, sample_rate, 3, 0.1)


def car_horn(rng, sample_rate, pitch, period):
    n = int(sample_rate * period * rng.uniform(0.5, 0.7))
    base = 400 * pitch
    pair = [
        buzz(np.full(n, base * k, dtype=np.float32) * curve([0.97, 1, 1, 0.99], n), sample_rate, rng.uniform(2, 4))
        for k in (1, rng.choice([1.19, 1.25, 1.26, 1.33]))
    ]
    horn = formants(
        pitch**0.6 * np.array([1000, 2200, 3200]) * rng.normal(1, 0.12, 3),
        [700, 800, 900],
        rng.uniform(0.4, 1, 3),
        0.15,
    )
    return filtered(pair[0] + rng.uniform(0.4, 1) * pair[1], sample_rate, horn) * swell(n, sample_rate, 0.02, 0.04)


def church_bell(rng, sample_rate, pitch, period):
    base, decay = 420 * pitch, rng.uniform(0.5, 1.2)
    ratios = np.array([0.5, 1, 1.19, 1.5, 2, 2.52, 2.67, 3.0, 4.1, 5.4]) * rng.normal(1, 0.01, 10)
    pairs = np.concatenate([ratios, ratios * (1 + rng.uniform(0.0005, 0.004))])
    return struck(rng, sample_rate, base, pairs, decay, min(2.5, 2.5 * decay), 0.0005, rng.uniform(0.1, 0.4))


def footsteps(rng, sample_rate, pitch, period):
    heel = struck(
        rng, sample_rate, 130 * pitch, [1, 1.8, 2.9, 4.6, 7], rng.uniform(0.01, 0.04), 0.16, 0.08, rng.uniform(0.2, 1)
    )
    n, m = int(sample_rate * rng.uniform(0.04, 0.12)), len(heel)
    sole = noise(rng, n, sample_rate, 700 * pitch, 3500 * pitch) * swell(n, sample_rate, 0.01, 0.03)
    sole *= rng.uniform(0, 0.5) * (1 + (rng.random() < 0.3) * rng.gamma(0.3, 3, n))  # three in ten floors are gravel
    return place(m + n, [(0, heel), (int(rng.uniform(0.02, 0.07) * sample_rate), sole.astype(np.float32))])


def door_knock(rng, sample_rate, pitch, period):
    ratios = np.cumprod(np.r_[1, rng.uniform(1.2, 1.6, 7)])
    return struck(rng, sample_rate, 190 * pitch, ratios, rng.uniform(0.015, 0.05), 0.22, click=rng.uniform(0.1, 0.5))


def phone_ring(rng, sample_rate, pitch, period):
    n = int(sample_rate * period * rng.uniform(0.6, 0.75))
    f, trill = 1150 * pitch, rng.uniform(14, 26)
    if rng.random() < 0.5:  # an old telephone: a clapper between two bells
        ratios, every = [1, 2.02, 2.7, 3.9], int(sample_rate / trill)
        bells = [struck(rng, sample_rate, f * k, ratios, 0.06, 0.25, click=0.3) for k in (1, rng.uniform(1.1, 1.3))]
        return place(n, [(i * every, bells[i % 2]) for i in range(n // every)]) * swell(n, sample_rate, 0.005, 0.08)
    gate = np.sin(phase_of(np.full(n, trill), sample_rate)) > 0
    f0 = np.where(gate, f, f * rng.uniform(1.15, 1.35)).astype(np.float32)
    return buzz(f0, sample_rate, rng.uniform(5, 12)) * swell(n, sample_rate, 0.01, 0.03)


def engine_start(rng, sample_rate, pitch, period, n):
    cut = int(n * rng.uniform(0.4, 0.6))
    turn = 0.5 + 0.5 * np.cos(phase_of(np.full(cut, 1 / period), sample_rate))
    motor = buzz(np.full(cut, 150 * pitch, dtype=np.float32) * (0.8 + 0.4 * turn).astype(np.float32), sample_rate, 3)
    crank = (motor + 0.6 * noise(rng, cut, sample_rate, 150, 4000, slope=-0.5)) * (0.15 + turn**2)
    f0 = (
        62
        * pitch
        * curve([0.4, rng.uniform(1.2, 1.8), 1.1, 1, 1], n - cut)
        * wander(rng, n - cut, sample_rate, 20, 0.02)
    )
    fire = buzz(f0, sample_rate, 1.5)
    fire = fire + rng.uniform(0.2, 0.6) * noise(rng, n - cut, sample_rate, 100, 3000, slope=-0.5) * (
        0.3 + np.clip(fire, 0, 2)
    )
    case = np.array([140, 320, 700, 1600]) * pitch**0.6 * rng.normal(1, 0.12, 4)
    body = formants(case, case * 0.5, [1, 0.8, 0.5, 0.3], 0.05)
    return np.concatenate([peak(crank) * rng.uniform(0.4, 0.7), peak(filtered(fire, sample_rate, body))])


def thunder(rng, sample_rate, pitch, period, n):
    t = np.arange(n, dtype=np.float32) / sample_rate
    loud = 0.04 * np.ones(n, dtype=np.float32)
    for start in np.r_[0.03, rng.uniform(0.05, 0.7, rng.integers(2, 7))] * n / sample_rate:
        late = np.maximum(0, t - start)
        loud += (t > start) * rng.uniform(0.2, 1) * np.minimum(1, late / 0.03) * np.exp(-late / rng.uniform(0.15, 0.7))
    rumble = noise(rng, n, sample_rate, 25, rng.uniform(90, 220), 1, slope=-0.5) * loud
    crack = noise(rng, n, sample_rate, 150, rng.uniform(1200, 3500), 1, slope=-0.5) * loud**3
    return (rumble + rng.uniform(0.2, 0.9) * crack) * np.minimum(1, (n / sample_rate - t) / (0.3 * n / sample_rate))


def glass_break(rng, sample_rate, pitch, period, n):
    shards = int(rng.integers(25, 60))
    when = np.sort(rng.exponential(0.12, shards))
    when[0] = 0
    seconds = n / sample_rate
    parts = []
    for start in when[when < 0.9 * seconds]:
        f = np.exp(rng.normal(np.log(2400 * pitch), 0.35, 3))
        ring = modes(f, rng.uniform(0.008, 0.07, 3), rng.uniform(0.3, 1, 3), int(0.15 * sample_rate), sample_rate)
        parts.append((int(start * sample_rate), ring * rng.exponential(0.6) * np.exp(-1.5 * start)))
    m = int(0.09 * sample_rate)
    parts.append(
        (0, 1.2 * noise(rng, m, sample_rate, 900 * pitch, 5000 * pitch) * swell(m, sample_rate, 0.001, 0.02, 4))
    )
    return place(n, parts)


def train_whistle(rng, sample_rate, pitch, period):
    n = int(sample_rate * period * rng.uniform(0.65, 0.8))
    chord = np.array([1, 1.19, 1.5, 1.78, 2.0])[: rng.integers(3, 6)] * rng.normal(1, 0.01)
    bend = curve([0.93, 1, 1, 1, rng.uniform(0.92, 0.98)], n)
    pipes = sum(rng.uniform(0.5, 1) * buzz((330 * pitch * k * bend).astype(np.float32), sample_rate, 9) for k in chord)
    steam = noise(rng, n, sample_rate, 500, 5000, slope=-0.5) * rng.uniform(0.15, 0.6)
    return (pipes + steam) * swell(n, sample_rate, rng.uniform(0.05, 0.12), rng.uniform(0.1, 0.2))


def hammer(rng, sample_rate, pitch, period):
    ratios = np.array([1, 2.76, 5.4, 8.93, 1.6, 3.7]) * rng.normal(1, 0.06, 6)
    return struck(rng, sample_rate, 620 * pitch, ratios, rng.uniform(0.03, 0.12), 0.35, click=rng.uniform(0.4, 1))


def alarm_beep(rng, sample_rate, pitch, period):
    n = int(sample_rate * period * rng.uniform(0.4, 0.6))
    f0 = np.full(n, 1600 * pitch, dtype=np.float32)
    return buzz(f0, sample_rate, rng.uniform(3, 14)) * swell(n, sample_rate, 0.004, 0.008)


def water_drip(rng, sample_rate, pitch, period):
    n = int(sample_rate * 0.14)
    delay, decay, rise = rng.uniform(0.005, 0.03), rng.uniform(0.012, 0.035), rng.uniform(0.1, 0.6)
    t = np.arange(n) / sample_rate
    late = np.maximum(0, t - delay)
    bubble = np.sin(phase_of(900 * pitch * (1 + rise * late / 0.05), sample_rate)) * np.exp(-late / decay) * (t > delay)
    splash = noise(rng, n, sample_rate, 1500, 6000) * np.exp(-t / 0.003) * rng.uniform(0.05, 0.3)
    return bubble * np.minimum(1, late / 0.002) + splash
