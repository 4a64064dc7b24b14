"""Eight backgrounds by formula: `background(rng, sample_rate, n) -> n samples`. Slow: keep a bank."""

from __future__ import annotations

import numpy as np

from lib.data.synthesis import Samples, buzz, curve, filtered, formants, noise, peak, phase_of, place, swell, wander


def _scatter(rng, n, sample_rate, rate, grains) -> Samples:
    """Grains dropped at random, `rate` a second, each a random one of `grains` with an exponential loudness."""
    starts = rng.integers(0, n, rng.poisson(rate * n / sample_rate))
    return place(n, [(int(s), grains[rng.integers(len(grains))] * rng.exponential()) for s in starts])


def _slow(rng, n, sample_rate, speed, depth) -> Samples:
    """A loudness that drifts by `depth` (natural logarithm) with `speed` turns a second; smooth, above zero."""
    points = rng.standard_normal(max(4, int(speed * n / sample_rate) + 4))
    x = np.linspace(0, len(points) - 1, n)
    smooth = (1 - np.cos(np.pi * (x % 1))) / 2
    left = np.minimum(x.astype(int), len(points) - 2)
    return np.exp(depth * (points[left] * (1 - smooth) + points[left + 1] * smooth)).astype(np.float32)


def rain(rng, sample_rate, n):
    drops = []
    for _ in range(24):
        m = int(sample_rate * rng.uniform(0.003, 0.012))
        drops.append(noise(rng, m, sample_rate, rng.uniform(800, 3000), 7500) * np.exp(-np.linspace(0, 6, m)))
    hiss = noise(rng, n, sample_rate, rng.uniform(200, 1500), 7800, 1, slope=rng.uniform(-0.6, 0.3))
    hiss = hiss + rng.uniform(0.1, 0.8) * noise(rng, n, sample_rate, 40, 400, 1, slope=-0.5)
    patter = _scatter(rng, n, sample_rate, rng.uniform(30, 250), drops)
    return hiss * _slow(rng, n, sample_rate, 0.5, 0.08) + rng.uniform(0.5, 3) * patter


def sea_waves(rng, sample_rate, n):
    swells = 0.5 + 0.5 * np.sin(phase_of(rng.uniform(0.15, 0.35) * wander(rng, n, sample_rate, 0.5, 0.2), sample_rate))
    surf = noise(rng, n, sample_rate, 300, rng.uniform(3000, 7000), 1, slope=-0.4) * swells**2
    deep = noise(rng, n, sample_rate, 50, 500, 1, slope=-0.5) * (0.3 + swells)
    foam = noise(rng, n, sample_rate, 500, 7500, 1, slope=-0.2) * _slow(rng, n, sample_rate, 0.6, 0.5)
    return deep * rng.uniform(0.4, 1) + rng.uniform(0.5, 1.5) * surf + rng.uniform(0.05, 0.4) * foam


def fire(rng, sample_rate, n):
    cracks = []
    for _ in range(24):
        m = int(sample_rate * rng.uniform(0.002, 0.02))
        centre = rng.uniform(800, 4500)
        cracks.append(noise(rng, m, sample_rate, centre * 0.6, centre * 1.8) * np.exp(-np.linspace(0, 7, m)))
    roar = noise(rng, n, sample_rate, 40, rng.uniform(120, 600), 2, slope=-0.5) * _slow(rng, n, sample_rate, 3, 0.2)
    hiss = noise(rng, n, sample_rate, 1000, 7000) * rng.uniform(0.01, 0.08)
    bursts = _scatter(rng, n, sample_rate, rng.uniform(10, 35), cracks) * _slow(rng, n, sample_rate, 1.5, 0.6)
    crackle = np.tanh(rng.uniform(0.3, 0.8) * bursts)
    return rng.uniform(0.1, 0.35) * roar + hiss + rng.uniform(1, 2) * crackle


def wind(rng, sample_rate, n):
    layers = 0
    for centre in np.geomspace(120, 1400, 5) * rng.uniform(0.8, 1.25):
        gust = _slow(rng, n, sample_rate, rng.uniform(0.4, 0.9), 0.7)
        layers = layers + noise(rng, n, sample_rate, centre * 0.8, centre * 1.25, 3) * gust * (centre / 120) ** -0.5
    return layers + 0.5 * noise(rng, n, sample_rate, 40, 200, 1, slope=-0.5) * _slow(rng, n, sample_rate, 0.6, 0.4)


def traffic(rng, sample_rate, n):
    road = noise(rng, n, sample_rate, 60, 1200, 1, slope=-0.6)
    for _ in range(max(1, round(n / sample_rate / 4))):
        t = (np.arange(n) - rng.integers(n)) / sample_rate
        passing = np.exp(-((t / rng.uniform(0.6, 1.6)) ** 2)).astype(np.float32)
        f0 = (rng.uniform(60, 130) * (1 - 0.06 * np.tanh(2 * t))).astype(np.float32)
        engine = filtered(
            buzz(f0, sample_rate, 4), sample_rate, formants([150, 400, 900], [150, 300, 600], [1, 0.6, 0.3])
        )
        tyres = noise(rng, n, sample_rate, 500, 3000, 1, slope=-0.3)
        road = road + passing * (rng.uniform(0.5, 1.5) * tyres + rng.uniform(0.2, 0.8) * engine / (engine.std() + 1e-9))
    return road


def _syllables(rng, sample_rate, voices=8, each=5):
    """Syllables of a few speakers: vowels by two or three formants."""
    out = []
    for _ in range(voices):
        f0, size = np.exp(rng.uniform(np.log(95), np.log(240))), rng.uniform(0.9, 1.2)
        for _ in range(each):
            m = int(sample_rate * rng.uniform(0.12, 0.3))
            source = buzz(f0 * curve(rng.uniform(0.85, 1.2, 3), m), sample_rate, 5) + 0.1 * noise(rng, m, sample_rate)
            f1, f2 = rng.uniform(300, 800) * size, rng.uniform(900, 2300) * size
            vowel = filtered(source, sample_rate, formants([f1, f2, 2700 * size], [90, 130, 200], [1, 0.5, 0.2]))
            out.append(peak(vowel) * swell(m, sample_rate, 0.03, 0.06))
    return out


def crowd(rng, sample_rate, n):
    babble = _scatter(rng, n, sample_rate, rng.uniform(25, 70), _syllables(rng, sample_rate))
    return babble + rng.uniform(0.1, 0.3) * noise(rng, n, sample_rate, 200, 2500, 1, slope=-0.5)


def stream(rng, sample_rate, n):
    bubbles = []
    for _ in range(48):
        m = int(sample_rate * rng.uniform(0.01, 0.06))
        f0 = np.exp(rng.uniform(np.log(350), np.log(2600))) * np.linspace(1, rng.uniform(1.02, 1.4), m)
        bubbles.append((np.sin(phase_of(f0, sample_rate)) * np.exp(-np.linspace(0, 5, m))).astype(np.float32))
    wash = noise(rng, n, sample_rate, 300, 5000, 1, slope=-0.4) * _slow(rng, n, sample_rate, 2, 0.1)
    return rng.uniform(0.1, 0.35) * wash + 0.5 * _scatter(rng, n, sample_rate, rng.uniform(80, 200), bubbles)


def night_insects(rng, sample_rate, n):
    out = 0.05 * noise(rng, n, sample_rate, 100, 3000, 1, slope=-0.5)
    for _ in range(rng.integers(2, 6)):
        f = rng.uniform(2800, 6500)
        pulse = np.clip(np.sin(phase_of(np.full(n, rng.uniform(18, 60)), sample_rate)), 0, 1)
        song = np.sin(phase_of(np.full(n, rng.uniform(0.7, 3)), sample_rate) + rng.uniform(0, 6)) > rng.uniform(
            -1.2, 0.2
        )
        carrier = np.sin(phase_of(f * wander(rng, n, sample_rate, 8, 0.003), sample_rate))
        out = out + rng.uniform(0.1, 0.6) * (carrier * pulse * song).astype(np.float32)
    return out


BACKGROUNDS = {f.__name__: f for f in (rain, sea_waves, fire, wind, traffic, crowd, stream, night_insects)}
