"""Frames computed elsewhere, as an encoder of its own: bring your own embeddings, from any network.

The file is an `.npz` of `filenames` (clip,) and `frames` (clip, time, feature); optional `lengths` (clip,) counts each
clip's real frames where they differ. Stored arrays only: loading runs no code.
"""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path, PurePath

import numpy as np
import soundfile
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lib import frames_file
from lib.audio import length_mask
from lib.encoders.interface import AudioEncoder

SLACK_S = 0.05  # by which a sound may be shorter than its clip and still be whole


class PrecomputedFrames(AudioEncoder):
    """Looks frames up by file name instead of computing them: `lookup(paths)` in place of `forward`."""

    def __init__(self, path: str | Path):
        filenames, frames, lengths = _read(Path(path))
        content = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        super().__init__(f"frames:{path}", 0, frames.shape[2], {"sha256": content})
        self.rows = {PurePath(filename).name: row for row, filename in enumerate(filenames)}
        self.frames, self.lengths, self.path = frames, lengths, str(path)

    def lookup(
        self, paths: Sequence[str | Path]
    ) -> tuple[Float[Tensor, "clip time feature"], Bool[Tensor, "clip time"]]:
        """Frames of the clips at these paths (only the file's name counts), and their mask.

        Raises:
            KeyError: clips without frames; the first few are named.
        """
        names = [PurePath(path).name for path in paths]
        missing = [name for name in names if name not in self.rows]
        if missing:
            more = f" and {len(missing) - 3:,} more" if len(missing) > 3 else ""
            raise KeyError(
                f"{self.path} has no frames for {', '.join(missing[:3])}{more}; expected all {len(names):,} clips "
                f"among its {len(self.rows):,} filenames. Compute theirs too, or leave these clips out."
            )
        rows = [self.rows[name] for name in names]
        values = torch.from_numpy(self.frames[rows].astype(np.float32))
        mask = length_mask(torch.from_numpy(self.lengths[rows]), values.shape[1])
        return values.masked_fill(~mask[..., None], 0.0), mask

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Not possible: stored frames cannot hear a new waveform."""
        raise TypeError(f"{self.name} holds frames of known clips, it cannot encode waveforms. Try 'small_cnn'.")


class HandedOver(AudioEncoder):
    """The encoder that made the frames of a `lib.frames_file`: looks them up, clip by clip."""

    def __init__(self, path: str | Path):
        held = frames_file.opened(str(path))
        super().__init__(held.encoder, held.sample_rate, held.values.shape[1], {"sha256": held.sha256})
        self.lookup, self.held = held.lookup, held

    def maker(self) -> str:
        """The name of the encoder that made the frames, for one that is to learn from the sounds in the file.

        Raises:
            FramesError: not all of them are whole: it would learn from beginnings, and be scored by frames of the rest.
        """
        for row, clip in enumerate(self.held.rows):
            start = self.held.sound_ends[row - 1] if row else 0
            sound = self.held.sounds[start : self.held.sound_ends[row]].tobytes()
            heard, whole = soundfile.info(io.BytesIO(sound)).duration if sound else 0.0, clip.get("duration_s", np.nan)
            if not heard >= whole - SLACK_S:  # nor where nobody knows how long it was
                wanted = "all" if np.isnan(whole) else f"{whole:.1f} s"
                raise frames_file.FramesError(
                    f"an audio encoder that learns needs whole sounds: expected {wanted} of {clip['clip_id']}, "
                    f"{self.held.path} holds {heard:.1f} s. Write it again: make frames SECONDS=all."
                )
        return self.name

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Not possible: stored frames cannot hear a new waveform."""
        raise TypeError(f"frames of {self.name} were handed over, not the encoder: it cannot encode waveforms here.")


def _read(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file. Expected an .npz of `filenames` and `frames`.")
    try:
        with np.load(path, allow_pickle=False) as stored:
            filenames, frames = stored["filenames"].astype(str), stored["frames"]
            lengths = stored["lengths"] if "lengths" in stored else np.full(len(frames), frames.shape[1])
    except (KeyError, ValueError, OSError, IndexError) as error:
        raise ValueError(f"{path}: expected an .npz of `filenames` and `frames` (numbers), got: {error}") from None
    _check(path, filenames, frames, lengths)
    return filenames, frames, lengths.astype(np.int64)


def _check(path: Path, filenames: np.ndarray, frames: np.ndarray, lengths: np.ndarray) -> None:
    if frames.ndim != 3 or not len(frames) == len(filenames) == len(lengths):
        wanted = f"frames (clip, time, feature) for {len(filenames)} filenames"
        raise ValueError(f"{path}: expected {wanted}, got {frames.shape}")
    if not np.isfinite(frames).all():
        bad = filenames[~np.isfinite(frames).all(axis=(1, 2))]
        raise ValueError(f"{path}: frames of {bad[0]} hold NaN or infinity ({len(bad)} such clips). Compute it again.")
    names = [PurePath(filename).name for filename in filenames]
    if len(set(names)) < len(names):
        raise ValueError(f"{path}: expected each file name once, got {len(names) - len(set(names))} repeated")
