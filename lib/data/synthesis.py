"""Building blocks of sounds made by formula: sources, filters, modes, envelopes and rooms.

Everything is a pure function of its arguments and of the generator passed in. Sounds are float32 arrays, "samples".
Filters are products in the frequency domain: for a second of sound one FFT pair costs less than designing a filter.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy import fft

Samples = Float[np.ndarray, "samples"]


def filtered(x: Samples, sample_rate: int, response) -> Samples:
    """`x` through `response(frequencies in Hz) -> gain`, real or complex, padded against wraps; as long as `x`."""
    size = fft.next_fast_len(len(x) + sample_rate // 50, real=True)
    frequencies = np.arange(size // 2 + 1, dtype=np.float32) * (sample_rate / size)
    spectrum = fft.rfft(x.astype(np.float32, copy=False), size)
    return fft.irfft(spectrum * response(frequencies), size)[: len(x)].astype(np.float32, copy=False)


def band(low: float, high: float, order: int = 2):
    """Response of a band-pass with edges in Hz and slopes of about 6 * order dB an octave."""

    def response(f):
        f = np.maximum(f, 1.0)
        return 1 / np.sqrt((1 + (low / f) ** (2 * order)) * (1 + (f / high) ** (2 * order)))

    return response


def formants(frequencies: Sequence[float], widths: Sequence[float], gains: Sequence[float], floor: float = 0.02):
    """Response of parallel resonances in Hz (the peaks of a throat, a horn, an engine's case) over a small floor."""

    def response(f):
        peaks = sum(g / (1 + 2j * (f - centre) / width) for centre, width, g in zip(frequencies, widths, gains))
        return (peaks + floor).astype(np.complex64)

    return response


def noise(
    rng: np.random.Generator,
    n: int,
    sample_rate: int,
    low: float = 40,
    high: float = 7000,
    order: int = 2,
    slope: float = 0.0,
) -> Samples:
    """Band-passed noise of RMS 1; `slope` is its power of frequency in amplitude (-0.5 pink, -1 brown)."""
    white = rng.standard_normal(n, dtype=np.float32)
    shape = band(low, min(high, 0.48 * sample_rate), order)
    tilted = (lambda f: shape(f) * (np.maximum(f, 20) / 1000) ** slope) if slope else shape
    out = filtered(white, sample_rate, tilted)
    return out / (np.sqrt(np.mean(out**2)) + 1e-9)


def curve(points: Sequence[float], n: int) -> Samples:
    """`n` values through equally spaced points, straight in between: the melody or the swell of a sound."""
    return np.interp(np.linspace(0, len(points) - 1, n), np.arange(len(points)), points).astype(np.float32)


def wander(rng: np.random.Generator, n: int, sample_rate: int, speed: float, depth: float) -> Samples:
    """A slow random walk about 1: a new value `speed` times a second, spread `depth`; no voice or motor is steady."""
    points = max(2, int(n / sample_rate * speed) + 2)
    return curve(1 + depth * rng.standard_normal(points), n)


def phase_of(f0: Samples, sample_rate: int) -> Float[np.ndarray, samples]:
    """Phase in radians of an oscillator that follows `f0` in Hz."""
    return 2 * np.pi * np.cumsum(f0, dtype=np.float64) / sample_rate


def buzz(f0: Samples, sample_rate: int, damping: float = 4.0) -> Samples:
    """A pulse train with all harmonics: sum over k of r^k cos(k phi) = r (cos phi - r) / |1 - r e^(i phi)|^2.

    `damping` sets r so that the harmonics fall by e^-damping up to half the sample rate: bright and free of aliases.
    """
    r = np.exp(-damping * float(f0.max()) / (sample_rate / 2))
    c = np.cos(phase_of(f0, sample_rate)).astype(np.float32)
    out = r * (c - r) / (1 - 2 * r * c + r * r)
    return (out / (np.sqrt(np.mean(out**2)) + 1e-9)).astype(np.float32)


def modes(frequencies, decays, gains, n: int, sample_rate: int, phases=0.0) -> Samples:
    """Struck modes: sum of gains * exp(-t / decays) * sin(2 pi f t + phase); decays in seconds (to 1/e).

    exp(s (64 i + j)) = exp(64 s i) exp(s j), so the sum over modes is one small matrix product.
    """
    f, d, g = (np.asarray(v, dtype=np.float64) for v in (frequencies, decays, gains))
    keep = f < 0.47 * sample_rate
    step = (2j * np.pi * f[keep] - 1 / d[keep]) / sample_rate
    start = g[keep] * np.exp(1j * np.broadcast_to(phases, f.shape)[keep])
    rows = -(-n // 64)
    coarse = (start * np.exp(np.outer(64 * np.arange(rows), step))).astype(np.complex64)
    fine = np.exp(np.outer(step, np.arange(64))).astype(np.complex64)
    return (coarse @ fine).imag.reshape(-1)[:n].astype(np.float32)


def swell(n: int, sample_rate: int, attack: float, release: float, decay: float = 0.0) -> Samples:
    """An envelope: rise over `attack` s, fall over the last `release` s, and e^(-decay) over the whole."""
    t = np.arange(n, dtype=np.float32) / sample_rate
    rise = np.minimum(1, t / max(attack, 1e-4))
    fall = np.minimum(1, (n / sample_rate - t) / max(release, 1e-4))
    return np.sin(np.pi / 2 * rise) * np.sin(np.pi / 2 * fall) * np.exp(-decay * t * sample_rate / max(n, 1))


def peak(x: Samples) -> Samples:
    """`x` scaled to a largest absolute value of 1; silence stays silence."""
    top = float(np.max(np.abs(x), initial=0.0))
    return (x / top).astype(np.float32) if top > 0 else x.astype(np.float32)


def place(n: int, parts: list[tuple[int, np.ndarray]]) -> Samples:
    """`n` samples with each part added at its start; what runs over the end is cut."""
    out = np.zeros(n, dtype=np.float32)
    for start, part in parts:
        stop = min(n, start + len(part))
        if 0 <= start < stop:
            out[start:stop] += part[: stop - start]
    return out


def room(x: Samples, rng: np.random.Generator, sample_rate: int, far: bool) -> Samples:
    """`x` as a microphone hears it in a room drawn at random: near is dry and bright, far is dull and full of echo.

    The impulse response is decaying noise behind the direct sound; the microphone adds a gentle tilt.
    """
    rt60 = rng.uniform(0.7, 1.3) if far else rng.uniform(0.05, 0.3)
    wet = rng.uniform(0.9, 1.5) if far else rng.uniform(0.03, 0.25)
    cut = rng.uniform(1000, 1700) if far else rng.uniform(6500, 9000)
    t = np.arange(int(0.6 * rt60 * sample_rate), dtype=np.float32) / sample_rate
    tail = rng.standard_normal(len(t), dtype=np.float32) * np.exp(-6.9 * t / rt60)
    tail *= np.minimum(1, t / rng.uniform(0.002, 0.02)) * (wet / (np.sqrt(np.sum(tail**2)) + 1e-9))
    tail[0] += 1
    size = fft.next_fast_len(len(x) + len(tail), real=True)
    f = np.arange(size // 2 + 1, dtype=np.float32) * (sample_rate / size)
    tilt = (np.maximum(f, 60) / 1000) ** np.float32(rng.uniform(-0.25, 0.25))
    gain = tilt / np.sqrt(1 + (f / cut) ** (4 if far else 2)) * (f > 25)
    return fft.irfft(fft.rfft(x, size) * fft.rfft(tail, size) * gain, size)[: len(x)].astype(np.float32)
