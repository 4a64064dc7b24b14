"""From a file to a log-mel spectrogram: load, describe, pad, transform. Taught in notebook 01.

A *locator* is a path or `scheme://rest`; schemes are rendered on demand by whoever registered them (soundscapes are).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import gcd
from pathlib import Path

import numpy as np
import soundfile
import torch
from jaxtyping import Bool, Float, Int
from scipy.signal import resample_poly
from torch import Tensor, nn
from torchaudio.functional import melscale_fbanks

Renderer = Callable[[str, int], np.ndarray]
_RENDERERS: dict[str, Renderer] = {}


class AudioError(ValueError):
    """A recording that cannot be used: which one, why, and what to try."""

    def __init__(self, path: str | Path, why: str, attempt: str):
        super().__init__(f"{path}: {why}. Try: {attempt}.")
        self.path, self.why, self.attempt = str(path), why, attempt


def register(scheme: str, render: Renderer) -> None:
    """Let `load` render locators `scheme://...` by `render(locator, sample_rate) -> mono float32 samples`."""
    _RENDERERS[scheme] = render


def renderer(locator: str) -> Renderer:
    """Who renders a locator.

    Raises:
        AudioError: nobody does.
    """
    scheme = locator.partition("://")[0]
    if scheme not in _RENDERERS:
        known = ", ".join(sorted(_RENDERERS)) or "none"
        raise AudioError(locator, f"nothing renders {scheme}:// (known: {known})", "importing what registers it")
    return _RENDERERS[scheme]


def load(path: str | Path, sample_rate: int, *, channels: str | int = "mean") -> Float[np.ndarray, "samples"]:
    """The recording as mono float32 in about [-1, 1], resampled to `sample_rate` hertz.

    Args:
        channels: "mean" mixes all channels down; a number picks one. Any number of channels and any rate will do.

    Raises:
        AudioError: missing, empty, cut short, not audio, or holding NaN or infinite samples. Silence is no error.
    """
    if "://" in str(path):
        return np.asarray(renderer(str(path))(str(path), sample_rate), dtype=np.float32)
    samples, rate = _decode(Path(path))
    if isinstance(channels, int) and not 0 <= channels < samples.shape[1]:
        raise AudioError(path, f"asked for channel {channels}, it has {samples.shape[1]}", 'channels="mean"')
    mono = samples.mean(axis=1) if channels == "mean" else samples[:, channels]
    if not np.isfinite(mono).all():
        raise AudioError(path, f"{int((~np.isfinite(mono)).sum())} samples are NaN or infinite", "exporting it again")
    return resample(mono, rate, sample_rate)


def resample(samples: Float[np.ndarray, "samples"], rate: int, sample_rate: int) -> Float[np.ndarray, "resampled"]:
    """Samples at `rate` hertz as samples at `sample_rate` hertz (polyphase filter, anti-aliased)."""
    if rate == sample_rate:
        return samples
    common = gcd(rate, sample_rate)
    return resample_poly(samples, sample_rate // common, rate // common).astype(np.float32)


def _decode(path: Path) -> tuple[Float[np.ndarray, "samples channel"], int]:
    if not path.is_file():
        raise AudioError(path, "there is no such file", "checking the name and the folder")
    if path.stat().st_size == 0:
        raise AudioError(path, "the file is empty (0 bytes)", "downloading or exporting it again")
    try:
        with soundfile.SoundFile(path) as file:
            promised, report = file.frames, file.extra_info
            samples, rate = file.read(dtype="float32", always_2d=True), file.samplerate
    except soundfile.LibsndfileError as error:
        damaged = "lost sync" in str(error) or "malformed" in str(error)
        why = "the file is cut short or damaged" if damaged else "this is not audio that libsndfile reads"
        raise AudioError(path, f"{why} ({error.error_string.strip()})", "a whole wav, flac, ogg or mp3 file") from None
    if _cut_short(report, promised, len(samples)):
        raise AudioError(path, "the file is cut short: it has less sound than it says", "downloading it again")
    if len(samples) == 0:
        raise AudioError(path, "it holds no samples", "a recording with sound in it")
    return samples, rate


def _cut_short(report: str, promised: int, found: int) -> bool:
    """libsndfile reads what is left of a cut wav, ogg or mp3 without a word; its own notes give it away."""
    size = re.search(r"^data : (\d+) \(should be (\d+)\)", report, re.MULTILINE)
    if size and int(size[2]) + 1 < int(size[1]) < 0xFFFFFF00:  # streaming writers put the largest number there
        return True
    return "lacks an end-of-stream bit" in report or found < 0.9 * promised  # an mp3's length is an estimate


@dataclass(frozen=True)
class Description:
    """What a waveform is like: length in seconds, peak, level in dB below full scale, and whether it is silent."""

    duration_s: float
    peak: float
    level_db: float
    silent: bool


def describe(samples: Float[np.ndarray, "samples"], sample_rate: int) -> Description:
    """Length, peak and level of a waveform; silent when no sample exceeds one part in 100,000 (-100 dB)."""
    peak = float(np.abs(samples).max(initial=0.0))
    level = 10 * np.log10(max(float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0, 1e-20))
    return Description(len(samples) / sample_rate, peak, float(level), peak < 1e-5)


def pad(waveforms: Sequence[Float[np.ndarray, "_"]]) -> tuple[Float[Tensor, "batch samples"], Int[Tensor, "batch"]]:
    """Waveforms of any lengths as one batch, zeros after each one's end, and the lengths in samples."""
    if not len(waveforms):
        raise ValueError("expected at least one waveform to pad, got none")
    lengths = [len(waveform) for waveform in waveforms]
    batch = torch.zeros(len(lengths), max(lengths))
    for row, waveform in zip(batch, waveforms, strict=True):
        row[: len(waveform)] = torch.as_tensor(waveform)
    return batch, torch.tensor(lengths)


def length_mask(lengths: Int[Tensor, "batch"], size: int) -> Bool[Tensor, "batch {size}"]:
    """True where a position belongs to the clip, False in the padding after it."""
    return torch.arange(size, device=lengths.device) < lengths[:, None]


@dataclass(frozen=True)
class FrontEnd:
    """Settings of a log-mel spectrogram: hertz, samples, bands; Slaney's mel scale and area norm, decibels."""

    sample_rate: int
    n_fft: int  # samples in a window (Hann)
    hop: int  # samples from frame to frame
    n_mels: int
    f_min: float  # hertz
    f_max: float  # hertz
    floor: float = 1e-10  # power below which everything is called silence (-100 dB)


FRONT_ENDS = {
    "small_cnn": FrontEnd(sample_rate=16000, n_fft=512, hop=320, n_mels=64, f_min=50.0, f_max=8000.0),
}


class LogMel(nn.Module):
    r"""Waveforms to log-mel spectrograms: $10 \log_{10} \max(M |X|^2, \text{floor})$. Taught in notebook 01.

    Equals `librosa.power_to_db(librosa.feature.melspectrogram(y, ...), top_db=None)` with librosa's defaults. Frames
    are centred and zeros follow the clip, so that a clip alone and one padded in a batch have the same frames.
    """

    def __init__(self, front_end: FrontEnd):
        super().__init__()
        self.front_end = front_end
        n_freqs, rate = front_end.n_fft // 2 + 1, front_end.sample_rate
        filters = melscale_fbanks(n_freqs, front_end.f_min, front_end.f_max, front_end.n_mels, rate, "slaney", "slaney")
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("window", torch.hann_window(front_end.n_fft), persistent=False)

    def forward(
        self, waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch time mel"], Bool[Tensor, "batch time"]]:
        """Decibels, with the floor in the padding, and the mask of the frames that belong to each clip."""
        settings = self.front_end
        if int(lengths.min()) < waveforms.shape[1]:
            waveforms = waveforms.masked_fill(~length_mask(lengths, waveforms.shape[1]), 0.0)
        with torch.autocast(waveforms.device.type, enabled=False):  # half precision would round a decibel to a quarter
            spectrum = torch.stft(
                waveforms, settings.n_fft, settings.hop, window=self.window, pad_mode="constant", return_complex=True
            )
            power = torch.view_as_real(spectrum).square().sum(-1)
            decibels = 10 * (power.transpose(1, 2) @ self.filters).clamp(min=settings.floor).log10()
        mask = length_mask(1 + lengths // settings.hop, decibels.shape[1])
        return decibels.masked_fill(~mask[..., None], 10 * float(np.log10(settings.floor))), mask
