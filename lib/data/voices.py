"""Animals and people by formula: a buzzing source with a moving pitch, breath, and the formants of a throat.

A *unit* is one bark, one chirp, one sneeze: `unit(rng, sample_rate, pitch, period) -> samples`. `pitch` multiplies the
kind's usual fundamental; `period` is the time in seconds until the next unit. The generator decides the individual.
"""

from __future__ import annotations

import numpy as np

from lib.data.synthesis import Samples, buzz, curve, filtered, formants, noise, peak, phase_of, swell, wander


def throat(rng, centres, size: float, width: float = 0.14):
    """Formants of a throat: centres in Hz scaled by `size` and varied, each with a width that grows with frequency."""
    centres = np.asarray(centres) * size * rng.normal(1, 0.07, len(centres))
    gains = 10 ** (-np.cumsum(rng.uniform(-3, 8, len(centres))) / 20)
    return formants(centres, centres * width * rng.uniform(0.7, 1.6) + 50, gains, rng.uniform(0.02, 0.08))


def voice(rng, f0: Samples, sample_rate: int, breath: float, roughness: float, damping: float = 4.0) -> Samples:
    """Vocal folds: a pulse train whose pitch trembles by `roughness`, with breath that follows the pulses."""
    n = len(f0)
    source = buzz(f0 * wander(rng, n, sample_rate, 60, roughness), sample_rate, damping)
    air = noise(rng, n, sample_rate, 600, 7000)
    return source + breath * air * (0.5 + 0.5 * np.clip(source, 0, 2))


def dog_bark(rng, sample_rate, pitch, period):
    n = int(sample_rate * min(rng.uniform(0.11, 0.24) * pitch**-0.3, 0.75 * period))
    melody = curve([rng.uniform(0.5, 0.8), rng.uniform(1.05, 1.3), 1, rng.uniform(0.5, 0.8)], n)
    source = voice(rng, 380 * pitch * melody, sample_rate, rng.uniform(0.2, 0.9), rng.uniform(0.02, 0.12))
    growl = 1 + rng.uniform(0, 0.6) * np.sin(phase_of(np.full(n, rng.uniform(50, 110)), sample_rate))
    bark = filtered(source * growl, sample_rate, throat(rng, [750, 1500, 2600, 4000], pitch**0.45))
    return bark * swell(n, sample_rate, rng.uniform(0.008, 0.03), 0.05, rng.uniform(0.5, 2.5))


def rooster_crow(rng, sample_rate, pitch, seconds):
    n = int(sample_rate * min(rng.uniform(1.0, 1.7), seconds))
    high = rng.uniform(1.15, 1.45)
    melody = curve([0.75, 1, 0.9, 1.05, 0.95, high, high * 1.05, high, high * 0.95, rng.uniform(0.6, 0.95)], n)
    loud = curve([0, 0.8, 0.1, 0.9, 0.15, 1, 1, 0.95, 0.8, 0.5, 0], n)
    f0 = 620 * pitch * melody * wander(rng, n, sample_rate, 12, 0.015)
    source = voice(rng, f0, sample_rate, rng.uniform(0.05, 0.4), rng.uniform(0.005, 0.05), rng.uniform(3, 5))
    return filtered(source, sample_rate, throat(rng, [1100, 2200, 3400, 5000], pitch**0.3, 0.2)) * loud


def baby_cry(rng, sample_rate, pitch, period):
    n = int(sample_rate * period * rng.uniform(0.7, 0.85))
    arch = curve([0.75, 1, rng.uniform(1.05, 1.2), 1.05, 1, rng.uniform(0.7, 0.85)], n)
    shake = 1 + rng.uniform(0.01, 0.04) * np.sin(phase_of(np.full(n, rng.uniform(5, 9)), sample_rate))
    source = voice(rng, 440 * pitch * arch * shake, sample_rate, rng.uniform(0.05, 0.35), rng.uniform(0.01, 0.05), 3)
    cry = filtered(source, sample_rate, throat(rng, [1050, 1900, 3400, 4700], pitch**0.6))
    return peak(cry) * swell(n, sample_rate, rng.uniform(0.03, 0.1), rng.uniform(0.08, 0.2))


def sneeze(rng, sample_rate, pitch, period):
    ah, choo = (int(sample_rate * s) for s in (rng.uniform(0.15, 0.3), rng.uniform(0.2, 0.42)))
    source = voice(rng, 210 * pitch * curve([0.9, 1, 1.35], ah), sample_rate, rng.uniform(0.3, 1.2), 0.03)
    first = peak(filtered(source, sample_rate, throat(rng, [750, 1250, 2600], pitch**0.3)))
    centre = rng.uniform(1500, 2300) * pitch**0.7
    air = noise(rng, choo, sample_rate, centre * 0.6, centre * rng.uniform(1.8, 3))
    tone = voice(rng, 260 * pitch * curve([1.3, 1, 0.7], choo), sample_rate, 0.5, 0.06)
    tone = filtered(tone, sample_rate, throat(rng, [500, 1500, 2500], pitch**0.3))
    burst = peak(air + rng.uniform(0.1, 0.7) * tone) * swell(choo, sample_rate, 0.008, 0.1, rng.uniform(1.5, 4))
    return np.concatenate([first * swell(ah, sample_rate, 0.08, 0.02) * rng.uniform(0.1, 0.35), burst])


def bird_chirp(rng, sample_rate, pitch, period):
    n = int(sample_rate * min(rng.uniform(0.07, 0.2), 0.7 * period))
    sweep = curve(np.exp(rng.uniform(-0.28, 0.28, int(rng.integers(2, 6)))), n)
    trill = 1 + rng.choice([0, 0.05, 0.1]) * np.sin(phase_of(np.full(n, rng.uniform(20, 70)), sample_rate))
    f0 = 3000 * pitch * sweep * trill
    tone = np.sin(phase_of(f0, sample_rate)) + rng.uniform(0, 0.3) * np.sin(2 * phase_of(f0, sample_rate)) * (f0 < 3900)
    return (tone + rng.uniform(0, 0.06) * rng.standard_normal(n)) * swell(
        n, sample_rate, 0.012, rng.uniform(0.02, 0.06)
    )


def cat_meow(rng, sample_rate, pitch, period):
    n = int(sample_rate * min(rng.uniform(0.4, 0.75), 0.85 * period))
    melody = curve([0.8, rng.uniform(1, 1.25), 1.1, 1, rng.uniform(0.6, 0.85)], n)
    source = voice(rng, 520 * pitch * melody, sample_rate, rng.uniform(0.05, 0.3), rng.uniform(0.003, 0.02), 4.5)
    opened = filtered(source, sample_rate, throat(rng, [1050, 2100, 3500], pitch**0.3))
    closed = filtered(source, sample_rate, throat(rng, [500, 2600, 3600], pitch**0.3))
    mouth = curve([0, 0.5, 1, 0.9, 0.5, 0.1], n)
    return (peak(opened) * mouth + peak(closed) * (1 - mouth)) * swell(n, sample_rate, 0.06, rng.uniform(0.1, 0.25))


def frog_croak(rng, sample_rate, pitch, period):
    n = int(sample_rate * min(rng.uniform(0.16, 0.32), 0.75 * period))
    pulses = buzz(rng.uniform(28, 60) * curve([1.1, 1, rng.uniform(0.8, 1.3)], n), sample_rate, rng.uniform(0.8, 2))
    pulses = pulses + 0.15 * noise(rng, n, sample_rate) * np.clip(pulses, 0, 2)
    f = 520 * pitch
    body = formants(
        [f, f * rng.uniform(1.8, 2.2), f * rng.uniform(3, 4)],
        [f * 0.25, f * 0.4, f * 0.6],
        [1, rng.uniform(0.2, 0.7), rng.uniform(0.05, 0.3)],
        0.005,
    )
    return filtered(pulses, sample_rate, body) * swell(n, sample_rate, 0.03, 0.06)


def owl_hoot(rng, sample_rate, pitch, period):
    n = int(sample_rate * min(rng.uniform(0.28, 0.45), 0.7 * period))
    f0 = 400 * pitch * curve([0.93, 1.02, 1, rng.uniform(0.9, 0.97)], n) * wander(rng, n, sample_rate, 15, 0.006)
    phase = phase_of(f0, sample_rate)
    tone = np.sin(phase) + rng.uniform(0.05, 0.25) * np.sin(2 * phase) + rng.uniform(0.02, 0.12) * np.sin(3 * phase)
    breath = noise(rng, n, sample_rate, 300 * pitch, 900 * pitch) * rng.uniform(0.02, 0.1)
    return (tone + breath) * swell(n, sample_rate, rng.uniform(0.04, 0.09), rng.uniform(0.08, 0.14))
