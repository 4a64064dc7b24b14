"""Place sound events over a background, each at a signal-to-noise ratio. Taught in notebook 01."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

PEAK = 0.95  # headroom against clipping when the mix is written as integers
QUIET = 1e-4  # RMS that stands for the background where it is silent, so that an SNR still says something


def rms(samples: Float[np.ndarray, samples]) -> float:
    """Root mean square of a sound; 0 for an empty one."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0


def fade(samples: Float[np.ndarray, samples], n: int) -> Float[np.ndarray, samples]:
    """`samples` with a raised-cosine fade of `n` samples at either end (less where it is shorter than both)."""
    n = min(n, len(samples) // 2)
    ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / max(n, 1))).astype(np.float32)
    out = samples.astype(np.float32)
    out[:n] *= ramp
    out[len(out) - n :] *= ramp[::-1]
    return out


def mix(
    background: Float[np.ndarray, samples],
    events: Sequence[tuple[Float[np.ndarray, event], float, float]],
    sample_rate: int,
    fade_s: float = 0.01,
) -> Float[np.ndarray, samples]:
    """`background` with events added (see `add`), scaled down, never up, to a peak of 0.95."""
    (out,) = fitted([add(background, events, sample_rate, fade_s)])
    return out


def fitted(clips: Sequence[Float[np.ndarray, samples]]) -> list[Float[np.ndarray, samples]]:
    """Clips scaled down by one factor, so that the loudest peak is at most 0.95 and none gains on another."""
    top = max(float(np.max(np.abs(clip), initial=0.0)) for clip in clips)
    return [clip * np.float32(PEAK / top) if top > PEAK else clip for clip in clips]


def add(
    background: Float[np.ndarray, samples],
    events: Sequence[tuple[Float[np.ndarray, event], float, float]],
    sample_rate: int,
    fade_s: float = 0.01,
) -> Float[np.ndarray, samples]:
    """`background` with each `(samples, onset_s, snr_db)` of `events` added; as long as the background.

    The SNR compares RMS over the event's own span: 20 log10(RMS of the event / RMS of the background there). The sum
    may be louder than full scale. Raises ValueError for an event that is empty, silent, not finite or not wholly inside
    the clip.
    """
    out = background.astype(np.float32)
    for k, (samples, onset_s, snr_db) in enumerate(events):
        start, stop = _span(k, samples, onset_s, sample_rate, len(background))
        sound = fade(samples, round(fade_s * sample_rate))
        level = rms(sound)
        if not (level > 0 and np.isfinite(level) and np.isfinite(snr_db)):
            got = f"RMS {level}, {snr_db} dB; leave silent events out"
            raise ValueError(f"event {k}: expected finite sound above silence and a finite SNR; got {got}")
        out[start:stop] += sound * (max(rms(background[start:stop]), QUIET) / level * 10 ** (snr_db / 20))
    return out


def _span(k: int, samples, onset_s: float, sample_rate: int, n: int) -> tuple[int, int]:
    """First and last sample of event `k` in a clip of `n` samples."""
    start = round(onset_s * sample_rate)
    if len(samples) == 0 or start < 0 or start + len(samples) > n:
        raise ValueError(
            f"event {k}: expected a non-empty span inside a clip of {n / sample_rate:.2f} s; got {onset_s:.2f} s to "
            f"{onset_s + len(samples) / sample_rate:.2f} s; shorten it or move its onset"
        )
    return start, start + len(samples)
