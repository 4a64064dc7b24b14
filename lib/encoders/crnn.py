"""The audio encoder of the DCASE 2022 baseline: convolutions, then a recurrent network (Xie et al. 2022, section 3.1).

Five 3 x 3 convolutions with L4 pooling shrink a log-mel spectrogram to a quarter of its time steps and to one band; a
bidirectional GRU reads what is left from both ends. Names, sizes and front end are those of the official code
(xieh97/dcase2022-audio-retrieval, commit f6fad50), so that a file it wrote loads unchanged. Taught in notebook 03.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torchaudio.functional import melscale_fbanks

from lib.audio import length_mask
from lib.encoders import checkpoints
from lib.encoders.interface import AudioEncoder
from lib.encoders.spectra import at_least, centred, power

MIN_FRAMES = 4  # two poolings halve the time steps; at least one must be left


@dataclass(frozen=True)
class FrontEnd:
    """A log-mel spectrogram: windows of 40 ms every 20 ms, Slaney's mel scale. The paper names no band edges."""

    sample_rate: int = 44100  # hertz
    window: int = 1764  # samples (Hann)
    hop: int = 882  # samples from frame to frame
    n_fft: int = 2048  # the next power of two; the window sits in its middle
    n_mels: int = 64
    f_min: float = 12.0  # hertz
    f_max: float = 8000.0  # hertz
    offset: float = 2.220446049250313e-16  # added before the logarithm: silence is -36.04


@dataclass(frozen=True)
class Settings:
    """The defaults follow the official code, but for the padding, which it lets into the network and the mean."""

    front_end: FrontEnd = FrontEnd()
    slope: float = 0.1  # of LeakyReLU below zero; the paper says -0.1
    masked: bool = True  # False: pad with 0.0 (as a log-mel, loud!) and take padding for sound, as the official code
    dropout: float = 0.3
    channels: tuple[int, ...] = (32, 128, 128, 128, 128)  # after each convolution
    feature_dim: int = 300  # both directions of the GRU together


SETTINGS = {"crnn": Settings(), "crnn_16k": Settings(FrontEnd(sample_rate=16000, window=640, hop=320, n_fft=1024))}


class LogMel(nn.Module):
    r"""Waveforms to $\ln(M |X|^2 + \text{offset})$, as `librosa.feature.melspectrogram` (0.10 or newer) has it.

    Zeros stand before and after each clip. librosa before 0.10 mirrored the clip there, which changes the outer frames
    alone. A clip too short for the network is one with silence after it.
    """

    def __init__(self, front_end: FrontEnd):
        super().__init__()
        self.front_end = f = front_end
        filters = melscale_fbanks(f.n_fft // 2 + 1, f.f_min, f.f_max, f.n_mels, f.sample_rate, "slaney", "slaney")
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("window", centred(torch.hann_window(f.window), f.n_fft), persistent=False)

    def forward(
        self, waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch time mel"], Bool[Tensor, "batch time"]]:
        """Natural logarithms, with silence in the padding, and the mask of the frames that belong to each clip."""
        f, edge = self.front_end, self.front_end.n_fft // 2
        waveforms, lengths = at_least(waveforms, lengths, (MIN_FRAMES - 1) * f.hop)
        with torch.autocast(waveforms.device.type, enabled=False):  # half precision would round -10 to a sixteenth
            bands = power(F.pad(waveforms, (edge, edge)), window=self.window, n_fft=f.n_fft, hop=f.hop) @ self.filters
            mask = length_mask(1 + lengths // f.hop, bands.shape[1])
            return (bands * mask[..., None] + f.offset).log(), mask


class CNN(nn.Module):
    r"""Batch normalisation, convolution, LeakyReLU, five times; pooled after the first, third and fifth.

    The pooling is $(\sum x^4)^{1/4}$ over each window, between a sum and a maximum; a last, partial window is dropped.
    It forgets signs, so that the sign of the slope changes something after the second and fourth convolution only.
    """

    def __init__(self, settings: Settings):
        super().__init__()
        layers = []
        widths, pools = (1, *settings.channels), ((2, 4), None, (2, 4), None, (1, 4))  # (time, mel)
        for n_in, n_out, pool in zip(widths, widths[1:], pools, strict=False):
            convolution = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)
            nn.init.kaiming_normal_(convolution.weight)
            layers += [nn.BatchNorm2d(n_in), convolution, nn.LeakyReLU(settings.slope)]
            layers += [nn.LPPool2d(4, pool)] if pool else []
        self.features = nn.Sequential(*layers, nn.Dropout(settings.dropout))

    def forward(
        self, x: Float[Tensor, "batch 1 time mel"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch less_time feature"], Int[Tensor, "batch"]]:
        """A quarter of the time steps, and how many of them are each clip's own."""
        for layer in self.features:
            x = normalise(layer, x, lengths) if isinstance(layer, nn.BatchNorm2d) else layer(x)
            lengths = lengths // layer.kernel_size[0] if isinstance(layer, nn.LPPool2d) else lengths
        return x.transpose(1, 2).flatten(2), lengths


class CRNN(AudioEncoder):
    """Waveforms to frames (batch, time, 300), one every 20 ms; the official embedding is their mean over time."""

    def __init__(self, name: str = "crnn", settings: Settings | None = None):
        settings = settings or SETTINGS[name]
        super().__init__(name, settings.front_end.sample_rate, settings.feature_dim, settings)
        self.log_mel = LogMel(settings.front_end)
        self.cnn = CNN(settings)
        width = settings.channels[-1] * (settings.front_end.n_mels // 4**3)  # 64 bands, pooled by 4 three times: 1
        self.gru = nn.GRU(width, settings.feature_dim // 2, bidirectional=True, batch_first=True)
        self.to(memory_format=torch.channels_last)

    def forward(
        self, waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch time feature"], Bool[Tensor, "batch time"]]:
        """Frames and the mask of those that belong to each clip (all of them if the settings do not mask)."""
        return self.from_log_mel(*self.log_mel(waveforms, lengths))

    def from_log_mel(
        self, log_mels: Float[Tensor, "batch time mel"], mask: Bool[Tensor, "batch time"]
    ) -> tuple[Float[Tensor, "batch time feature"], Bool[Tensor, "batch time"]]:
        """The network after the front end: training starts from stored spectrograms, here."""
        if not self.settings.masked:
            log_mels, mask = log_mels.masked_fill(~mask[..., None], 0.0), torch.ones_like(mask)
        lengths = mask.sum(1)
        if int(lengths.min()) < MIN_FRAMES:
            raise ValueError(f"expected at least {MIN_FRAMES} frames of each clip, got {int(lengths.min())}")
        x, fewer = self.cnn(log_mels[:, None].contiguous(memory_format=torch.channels_last), lengths)
        frames = stretch(recur(self.gru, x, fewer), fewer, mask)
        return frames.masked_fill(~mask[..., None], 0.0), mask


def normalise(
    layer: nn.BatchNorm2d, x: Float[Tensor, "batch channel time mel"], lengths: Int[Tensor, "batch"]
) -> Float[Tensor, "batch channel time mel"]:
    """Batch normalisation by real frames alone; the padding becomes the zeros that a convolution adds at an edge."""
    if int(lengths.min()) >= x.shape[2]:
        return layer(x)
    mask, normalised = length_mask(lengths, x.shape[2]), torch.zeros_like(x)
    normalised.transpose(1, 2)[mask] = layer(x.transpose(1, 2)[mask][..., None])[..., 0]
    return normalised


def recur(
    gru: nn.GRU, x: Float[Tensor, "batch time feature"], lengths: Int[Tensor, "batch"]
) -> Float[Tensor, "batch time both"]:
    """The GRU, whose backward direction starts at each clip's own end."""
    if int(lengths.min()) >= x.shape[1]:
        return gru(x)[0]
    packed, _ = gru(pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False))
    return pad_packed_sequence(packed, batch_first=True, total_length=x.shape[1])[0]


def stretch(
    x: Float[Tensor, "batch short feature"], fewer: Int[Tensor, "batch"], mask: Bool[Tensor, "batch long"]
) -> Float[Tensor, "batch long feature"]:
    """Each clip's `fewer` steps up-sampled to those in its mask; for one clip, `F.interpolate(mode="linear")`."""
    steps = torch.arange(mask.shape[1], device=x.device)
    at = ((steps + 0.5) * (fewer / mask.sum(1))[:, None] - 0.5).clamp(min=0)
    left = torch.minimum(at.long(), fewer[:, None] - 1)
    right = torch.minimum(left + 1, fewer[:, None] - 1)
    pick = [index[..., None].expand(-1, -1, x.shape[2]) for index in (left, right)]
    return torch.lerp(x.gather(1, pick[0]), x.gather(1, pick[1]), (at - left).clamp(max=1)[..., None].to(x.dtype))


def build(name: str = "crnn", *, pretrained: bool = True, generator: torch.Generator | None = None) -> CRNN:
    """The network with the weights of a file that the official code wrote, or random ones drawn from `generator`.

    Raises:
        CheckpointMissing: no such file is here; the authors published none.
        ValueError: random weights without a generator.
    """
    if pretrained and name not in checkpoints.CHECKPOINTS:
        random = "train it from random ones: pretrained=False, generator=torch.Generator().manual_seed(0)"
        raise checkpoints.CheckpointMissing(f"{name}: nobody published weights; {random}.")
    return checkpoints.build(lambda: CRNN(name), name, pretrained=pretrained, generator=generator, load=load)


def load(model: CRNN, state: dict[str, Tensor]) -> None:
    """Fill the network from the official state, of the whole system (`audio_enc.`, `text_enc.`) or of this encoder."""
    state = {key.removeprefix("audio_enc."): value for key, value in state.items()}
    checkpoints.fill(model, state, name=model.name, ignore=("text_enc.",))
