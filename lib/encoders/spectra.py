"""What the front ends of all spectrogram encoders share: frames of each clip with its own edges, and their spectrum."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lib.audio import length_mask


def centred(window: Float[Tensor, "short"], n_fft: int) -> Float[Tensor, "{n_fft}"]:
    """A window with zeros on both sides, `n_fft` samples in all, as `torch.stft` and librosa have it."""
    before = (n_fft - len(window)) // 2
    return torch.nn.functional.pad(window, (before, n_fft - len(window) - before))


def reflected(
    waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"], n: int
) -> Float[Tensor, "batch longer"]:
    """`n` samples mirrored before each clip and after its own end, zeros from there on.

    A clip of `n` samples or fewer cannot be mirrored that far; what is missing is zero.
    """
    at = torch.arange(-n, waveforms.shape[1] + n, device=waveforms.device)[None]
    last = lengths[:, None] - 1
    mirrored = torch.where(at < 0, -at, torch.where(at > last, 2 * last - at, at))
    real = (mirrored >= 0) & (mirrored <= last) & (at <= last + n)
    return waveforms.gather(1, mirrored.clamp(0, waveforms.shape[1] - 1)) * real


def at_least(
    waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"], n: int
) -> tuple[Float[Tensor, "batch longer"], Int[Tensor, "batch"]]:
    """Zeros after each clip, whatever was there, and clips of fewer than `n` samples made that long with them."""
    waveforms = waveforms.masked_fill(~length_mask(lengths, waveforms.shape[1]), 0.0)
    return torch.nn.functional.pad(waveforms, (0, max(0, n - waveforms.shape[1]))), lengths.clamp(min=n)


def power(
    waveforms: Float[Tensor, "batch samples"], *, window: Float[Tensor, "frame"], n_fft: int, hop: int
) -> Float[Tensor, "batch time frequency"]:
    """Power spectrum of frames as long as `window`, every `hop` samples, the first at sample 0; none is padded."""
    spectrum = torch.fft.rfft(waveforms.unfold(1, len(window), hop) * window, n_fft)
    return torch.view_as_real(spectrum).square().sum(-1)


def centred_power(
    waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"], *,
    window: Float[Tensor, "frame"], n_fft: int, hop: int,
) -> tuple[Float[Tensor, "batch time frequency"], Bool[Tensor, "batch time"]]:
    """Power spectrum of frames centred on every `hop`-th sample, edges mirrored, and the mask of each clip's own.

    Equals `torch.stft(clip, center=True, pad_mode="reflect")`, alone and in a batch.
    """
    padded = reflected(waveforms, lengths, n_fft // 2)
    values = power(padded, window=centred(window, n_fft), n_fft=n_fft, hop=hop)
    mask = length_mask(1 + lengths // hop, values.shape[1])
    return values * mask[..., None], mask


def zero_padding(x: Float[Tensor, "batch channel time mel"], lengths: Int[Tensor, "batch"]) -> Tensor:
    """A feature map with zeros after each clip's last time step: what a convolution sees beyond a clip alone."""
    if int(lengths.min()) >= x.shape[2]:
        return x  # nothing is padded, as in most batches: save the pass over memory
    return x * length_mask(lengths, x.shape[2])[:, None, :, None]
