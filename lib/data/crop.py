"""Thirty seconds of a long recording, as a locator: the rest of it is never read.

    crop://START+SECONDS/PATH

WavCaps has recordings of up to 18 hours. Where a clip is cut depends on its id alone, so it is the same everywhere.
"""

import hashlib
import re
from pathlib import Path

import numpy as np
import soundfile
from jaxtyping import Float

from lib import audio

SCHEME = "crop"
SECONDS = 30.0  # as long as Clotho's longest
_FORM = re.compile(r"crop://([\d.]+)\+([\d.]+)/(.+)")


def cut(path: str | Path, duration_s: float, clip_id: str, seconds: float = SECONDS) -> tuple[str, float]:
    """A recording's locator and length in seconds: itself, or a piece of it where it is longer than `seconds`."""
    if duration_s <= seconds:
        return str(path), duration_s
    share = int.from_bytes(hashlib.sha256(clip_id.encode()).digest()[:4]) / 2**32
    return f"{SCHEME}://{share * (duration_s - seconds):.3f}+{seconds:g}/{path}", seconds


def render(locator: str, sample_rate: int) -> Float[np.ndarray, "samples"]:
    """The sound of a piece: mono, resampled.

    Raises:
        AudioError: no such form or file, not audio, or shorter than it should be.
    """
    if (match := _FORM.fullmatch(locator)) is None:
        raise audio.AudioError(locator, "not of the form crop://START+SECONDS/PATH", "a locator made by `cut`")
    start, seconds, path = float(match[1]), float(match[2]), match[3]
    try:
        with soundfile.SoundFile(path) as file:
            rate = file.samplerate
            file.seek(min(round(start * rate), file.frames))
            samples = file.read(round(seconds * rate), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise audio.AudioError(path, f"no recording that can be read ({error})", "fetching it again") from None
    if not len(samples):
        raise audio.AudioError(path, f"it ends before second {start:g}", "fetching it again")
    return audio.resample(samples.mean(axis=1), rate, sample_rate)


audio.register(SCHEME, render)
