"""One file with a data set's frames, texts and sounds: what a teacher hands out, so that nobody else encodes anything.

A safetensors file: `values` (all frames, clip after clip, half precision), `ends` (where each clip's frames end),
`sounds` and `sound_ends` (each clip's beginning as Opus), and as metadata the clip table and the encoder that made the
frames, with a sha256 of all of it. Stored arrays and text only: reading runs no code.
"""

import hashlib
import io
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile
import torch
from jaxtyping import Bool, Float, Float16, Int
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lib import audio

SCHEME = "frames"
VERSION = "1"


class FramesError(ValueError):
    """A file of frames that is missing, damaged, or something else."""


class FramesFile:
    """A file of frames, opened and verified.

    Raises:
        FramesError: there is no such file, it is not one of ours, or its content does not have its hash.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path).expanduser().resolve()
        if not self.path.is_file():
            raise FramesError(f"{path}: there is no such file. Expected one that `make frames` has written.")
        try:
            with safe_open(self.path, "pt") as file:
                notes, held = file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}
        except (SafetensorError, OSError) as error:
            raise FramesError(f"{path}: cut short, damaged, or no file of frames ({error}). Copy it again.") from None
        if notes.get("hearsay frames") != VERSION:
            raise FramesError(f"{path}: expected a file that `make frames` has written; this is another one.")
        if notes["sha256"] != _digest(held, notes):
            raise FramesError(f"{path}: its content is not what was written (its hash differs). Copy it again.")
        self.values, self.ends = held["values"], held["ends"]
        self.sounds, self.sound_ends = held["sounds"].numpy(), held["sound_ends"].tolist()
        self.encoder, self.sample_rate, self.sha256 = notes["encoder"], int(notes["sample_rate"]), notes["sha256"]
        self.rows = json.loads(notes["table"])  # one mapping a clip, as `lib.data.table.build` takes them

    def locator(self, row: int) -> str:
        """What stands in the clip table in place of a recording's path."""
        return f"{SCHEME}://{self.path}#{row}"

    def lookup(
        self, locators: Sequence[str]
    ) -> tuple[Float[Tensor, "clip time feature"], Bool[Tensor, "clip time"]]:
        """Frames of these clips, padded with zeros to the longest, and their mask.

        Raises:
            FramesError: a clip of another file.
        """
        rows = [self._row(locator) for locator in locators]
        starts = [int(self.ends[row - 1]) if row else 0 for row in rows]
        lengths = torch.tensor([int(self.ends[row]) - start for row, start in zip(rows, starts)])
        values = torch.zeros(len(rows), int(lengths.max()) if rows else 0, self.values.shape[1])
        for i, start in enumerate(starts):
            values[i, : lengths[i]] = self.values[start : start + lengths[i]]
        return values, audio.length_mask(lengths, values.shape[1])

    def sound(self, locator: str) -> tuple[np.ndarray, int]:
        """The beginning of a clip's recording, mono, and its sample rate.

        Raises:
            AudioError: the file was written without sounds.
        """
        row = self._row(locator)
        start, end = self.sound_ends[row - 1] if row else 0, self.sound_ends[row]
        if start == end:
            raise audio.AudioError(locator, "this file holds frames without sounds", "one written with SECONDS=5")
        samples, rate = soundfile.read(io.BytesIO(self.sounds[start:end].tobytes()), dtype="float32")
        return samples, rate

    def _row(self, locator: str) -> int:
        path, _, row = str(locator).removeprefix(f"{SCHEME}://").rpartition("#")
        if path != str(self.path) or not row.isdigit() or int(row) >= len(self.rows):
            raise FramesError(f"{locator} is not a clip of {self.path}.")
        return int(row)


@lru_cache(maxsize=2)
def opened(path: str) -> FramesFile:
    """The file, read and verified once in a process."""
    return FramesFile(path)


def write(
    path: str | Path, rows: Sequence[dict], values: Float16[Tensor, "step feature"], ends: Int[Tensor, " clip"],
    sounds: Sequence[bytes], *, encoder: str, sample_rate: int,
) -> Path:
    """Write a file of frames; it is there whole or not at all.

    Args:
        rows: of the clip table, without its paths.
        sounds: each clip's beginning as Opus; empty bytes for none.
        encoder, sample_rate: what made the frames: its name, and the rate in hertz that it hears.
    """
    opus = np.frombuffer(b"".join(sounds) or b"\0", dtype=np.uint8).copy()  # safetensors wants one byte at least
    held = {"values": values.contiguous(), "ends": ends, "sounds": torch.from_numpy(opus),
            "sound_ends": torch.tensor(np.cumsum([len(one) for one in sounds]))}  # fmt: skip
    notes = {"hearsay frames": VERSION, "encoder": encoder, "sample_rate": str(sample_rate)}
    notes["table"] = json.dumps(list(rows))
    notes["sha256"] = _digest(held, notes)
    path = Path(path).expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    save_file(held, part, notes)
    part.replace(path)
    return path


def render(locator: str, sample_rate: int) -> Float[np.ndarray, "samples"]:
    """What `lib.audio.load` gives for a clip of such a file."""
    path = locator.removeprefix(f"{SCHEME}://").rpartition("#")[0]
    samples, rate = opened(path).sound(locator)
    return audio.resample(samples, rate, sample_rate)


def _digest(held: dict[str, Tensor], notes: dict[str, str]) -> str:
    digest = hashlib.sha256(json.dumps({k: v for k, v in sorted(notes.items()) if k != "sha256"}).encode())
    for name in sorted(held):
        digest.update(f"{name} {tuple(held[name].shape)} {held[name].dtype}".encode())
        digest.update(held[name].contiguous().view(torch.uint8).numpy())
    return digest.hexdigest()


audio.register(SCHEME, render)
