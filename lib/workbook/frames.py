"""`make frames`: a data set encoded once, as one file for a whole class (`lib.frames_file`)."""

import contextlib
import io
import math
from pathlib import Path

import pandas as pd
import soundfile
import torch
from tqdm.auto import tqdm

from lib import audio, cache, data, encoders, frames_file, profiles
from lib.data.table import COLUMNS
from lib.encoders.interface import AudioEncoder
from lib.show import listen

PART = 256  # clips, padded, at a time; the frames of all, unpadded, stay in memory, and twice while they are joined
RATE = 16000  # hertz of the sounds


def main(
    source: str, encoder: str, out: str, *, noisy: str = "", profile: str = "laptop", seed: int = 0,
    seconds: float | str | None = 5.0,
) -> int:
    """Encode all clips of a source (and of another's noisy partner), and write the file.

    Args:
        seconds: of each recording that go into the file as Opus; None or "all" takes it whole, 0 leaves sounds out.

    Raises:
        ValueError: no file to write to, or no seconds from 0 on.
        OSError: no folder can be made for the file.
    """
    place, length = _asked(out, seconds)  # before hours of encoding
    sizes = profiles.get(profile)
    clips = [data.load(source, profile=sizes, seed=seed, needs=("captions",))]
    if noisy:
        clips.append(data.load_noisy(noisy, profile=sizes, seed=seed))
    table, heard_by = pd.concat(clips, ignore_index=True), encoders.audio(encoder)
    values, ends = _frames(heard_by, table)
    heard = [_sound(path, length) for path in tqdm(table["path"], desc="sounds", unit="clip", leave=False)]
    sounds, durations = zip(*heard, strict=True)
    table["duration_s"] = table["duration_s"].fillna(pd.Series(durations))  # by which its readers see what was cut
    if "recording" in table:  # its id, by which leaks are found; a partner from elsewhere may have none
        table["recording"] = table["recording"].fillna("")
    kept = [name for name in table if name in (*COLUMNS, "recording") and name not in ("path", "source")]
    rows = table[kept].to_dict("records")
    path = frames_file.write(place, rows, values, ends, sounds, encoder=encoder, sample_rate=heard_by.sample_rate)
    frames_file.FramesFile(path)  # as its reader will: opened and verified
    counts = ", ".join(f"{split} {n:,}" for split, n in table["split"].value_counts(sort=False).items())
    print(f"{path}: {path.stat().st_size / 2**20:,.0f} MiB, frames of {encoder}; {counts}.")
    print(f"In a notebook's parameters: DATA = \"frames:{place.name}\", with the path to where the file lies.")
    return 0


def _asked(out: str, seconds: float | str | None) -> tuple[Path, float | None]:
    """Where to write, its folder made, and the seconds of each sound (None: all)."""
    try:
        length = None if seconds in (None, "all") else float(seconds)
    except ValueError:
        length = math.nan
    if not out or (length is not None and not 0 <= length < math.inf):  # which nan is not, either
        wanted = "a file to write to and 0 seconds or more, or all: make frames OUT=FILE SECONDS=5"
        raise ValueError(f"expected {wanted}; got OUT={out!r}, SECONDS={seconds}.")
    place = Path(out).expanduser()
    if place.is_dir():
        raise ValueError(f"expected a file to write to; {place} is a folder. Try make frames OUT={place / 'my.frames'}")
    place.parent.mkdir(parents=True, exist_ok=True)
    return place, length


def _frames(encoder: AudioEncoder, table: pd.DataFrame) -> tuple[torch.Tensor, torch.Tensor]:
    """All frames without their padding, clip after clip, in half precision (as the cache holds them), and the ends."""
    values, lengths = [], []
    for start in tqdm(range(0, len(table), PART), desc=f"frames, {PART} clips at a time", leave=False):
        with contextlib.redirect_stdout(io.StringIO()):
            found = cache.frames(encoder, table[start : start + PART], progress=False)
        values.append(found.values[found.mask].half())
        lengths.append(found.mask.sum(dim=1))
    return torch.cat(values), torch.cat(lengths).cumsum(dim=0)


def _sound(path: str, seconds: float | None) -> tuple[bytes, float]:
    """The beginning of a recording as Opus, and the seconds of the whole."""
    samples = audio.load(path, RATE)
    duration = len(samples) / RATE
    if seconds == 0:
        return b"", duration
    buffer = io.BytesIO()
    settings = {"format": "OGG", "subtype": "OPUS", "compression_level": listen.COMPRESSION}
    soundfile.write(buffer, listen.excerpt(samples, RATE, duration if seconds is None else seconds), RATE, **settings)
    return buffer.getvalue(), duration
