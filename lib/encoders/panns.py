"""PANNs' CNN10 and CNN14 (Kong et al. 2020, table 1): log-mel spectrogram, blocks of two 3 x 3 convolutions, frames.

Module names are those of the official code (qiuqiangkong/audioset_tagging_cnn, pytorch/models.py, d2f4b8c), so that an
official file loads as it is. Taught in notebook 04.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torchaudio.functional import melscale_fbanks

from lib.audio import FrontEnd, length_mask
from lib.augment import hide_stripes
from lib.encoders import checkpoints, spectra
from lib.encoders.interface import AudioEncoder
from lib.pooling import masked_max, masked_mean

CLASSES = 527  # of AudioSet
EARLY = 2  # blocks of large maps and few weights: on a CPU faster with channels last, and clip by clip (its cache)


@dataclass(frozen=True)
class Settings:
    """Front end and shape of the network. Time shrinks by 2 in each block but, in CNN14, the last."""

    channels: tuple[int, ...]  # of each block; the last is the width of a frame
    pools: tuple[int, ...]  # over time and mel, after each block
    front_end: FrontEnd = FrontEnd(sample_rate=32000, n_fft=1024, hop=320, n_mels=64, f_min=50.0, f_max=14000.0)
    stripes: int = 2  # SpecAugment, in training alone: so many stripes of time and of mel are hidden in each clip,
    time_stripe: int = 64  # each narrower than that many spectrogram frames
    mel_stripe: int = 8  # or bands


SETTINGS = {
    "cnn10": Settings((64, 128, 256, 512), (2, 2, 2, 2)),
    "cnn14": Settings((64, 128, 256, 512, 1024, 2048), (2, 2, 2, 2, 2, 1)),
}


class LogMel(nn.Module):
    """Waveforms to decibels with edges mirrored; silence is -100 dB and nothing else is cut off (no `top_db`)."""

    def __init__(self, front_end: FrontEnd):
        super().__init__()
        self.front_end, n_freqs = front_end, front_end.n_fft // 2 + 1
        band = front_end.f_min, front_end.f_max
        filters = melscale_fbanks(n_freqs, *band, front_end.n_mels, front_end.sample_rate, "slaney", "slaney")
        self.register_buffer("melW", filters)  # part of an official file, and the mark of its sampling rate
        self.register_buffer("window", torch.hann_window(front_end.n_fft), persistent=False)

    def forward(
        self, waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch time mel"], Bool[Tensor, "batch time"]]:
        """A frame every 10 ms, and the mask of those that belong to each clip."""
        n_fft, hop = self.front_end.n_fft, self.front_end.hop
        with torch.autocast(waveforms.device.type, enabled=False):  # half precision would round a decibel to a quarter
            power, mask = spectra.centred_power(waveforms, lengths, window=self.window, n_fft=n_fft, hop=hop)
            return 10 * (power @ self.melW).clamp(min=self.front_end.floor).log10(), mask


class ConvBlock(nn.Module):
    """Twice 3 x 3 convolution, batch normalisation, ReLU; then the mean of each `pool` x `pool` patch."""

    def __init__(self, n_in: int, n_out: int, pool: int):
        super().__init__()
        self.pool = pool
        self.conv1, self.bn1 = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out)
        self.conv2, self.bn2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out)

    def forward(
        self, x: Float[Tensor, "batch channel time mel"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch out less_time less_mel"], Int[Tensor, "batch"]]:
        """Padding is zeroed before each convolution; a last, odd time step is dropped, as pooling does."""
        x = spectra.zero_padding(F.relu_(self.bn1(self.conv1(x))), lengths)
        x = F.relu_(self.bn2(self.conv2(x)))
        lengths = lengths // self.pool
        return spectra.zero_padding(F.avg_pool2d(x, self.pool) if self.pool > 1 else x, lengths), lengths


class CNN(AudioEncoder):
    """Waveforms at 32 kHz to frames: CNN10 (batch, time, 512) every 160 ms, CNN14 (batch, time, 2048) every 320 ms.

    The official network hands over one vector per clip. Our frames are its map averaged over mel, just before the
    pooling over time; `embedding` and `clipwise_output` take them on to the official outputs. (Weck et al. 2022 use a
    "sequence" of CNN14 and do not say which: these frames are one reading, official embeddings of windows another.)
    """

    def __init__(self, name: str, settings: Settings):
        width, rate = settings.channels[-1], settings.front_end.sample_rate
        super().__init__(name, rate, width, settings)
        self.logmel_extractor = LogMel(settings.front_end)
        self.bn0 = nn.BatchNorm2d(settings.front_end.n_mels)
        shapes = zip((1, *settings.channels), settings.channels, settings.pools, strict=False)
        for number, (n_in, n_out, pool) in enumerate(shapes, 1):
            self.add_module(f"conv_block{number}", ConvBlock(n_in, n_out, pool))
        self.fc1, self.fc_audioset = nn.Linear(width, width), nn.Linear(width, CLASSES)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
            if isinstance(layer, nn.Linear):
                nn.init.zeros_(layer.bias)
        for number in range(1, EARLY + 1):  # not the later ones: their weights would be rearranged at each call
            self.get_submodule(f"conv_block{number}").to(memory_format=torch.channels_last)

    @property
    def shortest(self) -> int:
        """Samples that give one frame; a shorter clip is followed by zeros up to that (CNN14: 0.31 s)."""
        shrink = torch.tensor(self.settings.pools).prod().item()
        return (shrink - 1) * self.settings.front_end.hop

    def forward(
        self, waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch time feature"], Bool[Tensor, "batch time"]]:
        """Frames and the mask of those that belong to each clip."""
        waveforms, lengths = spectra.at_least(waveforms, lengths, self.shortest)
        return self.from_log_mel(*self.logmel_extractor(waveforms, lengths))

    def from_log_mel(
        self, decibels: Float[Tensor, "batch time mel"], mask: Bool[Tensor, "batch time"]
    ) -> tuple[Float[Tensor, "batch less_time feature"], Bool[Tensor, "batch less_time"]]:
        """The network after the front end. In training, padding counts in the batch's statistics: cut clips alike."""
        lengths = mask.sum(1)
        x = self.bn0(decibels.transpose(1, 2)[..., None]).permute(0, 3, 2, 1)  # normalised band by band
        if self.training:
            x = self._augment(x)
        x = spectra.zero_padding(x.contiguous(memory_format=torch.channels_last), lengths)
        clips = len(x) if self.training or x.is_cuda else 1
        early = [self._blocks(1, EARLY, *part) for part in zip(x.split(clips), lengths.split(clips))]
        x, lengths = (torch.cat(each) for each in zip(*early))
        x, lengths = self._blocks(EARLY + 1, len(self.settings.channels), x.contiguous(), lengths)
        return x.mean(3).transpose(1, 2), length_mask(lengths, x.shape[2])

    def _blocks(self, first: int, last: int, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        for number in range(first, last + 1):
            x, lengths = self.get_submodule(f"conv_block{number}")(x, lengths)
            x = F.dropout(x, 0.2, self.training)
        return x, lengths

    def embedding(
        self, frames: Float[Tensor, "batch time feature"], mask: Bool[Tensor, "batch time"]
    ) -> Float[Tensor, "batch feature"]:
        """The official `embedding`: maximum plus mean over time, one linear layer, ReLU (no dropout after it)."""
        x = F.dropout(masked_max(frames, mask) + masked_mean(frames, mask), 0.5, self.training)
        return F.relu(self.fc1(x))

    def clipwise_output(
        self, frames: Float[Tensor, "batch time feature"], mask: Bool[Tensor, "batch time"]
    ) -> Float[Tensor, "batch tag"]:
        """The official `clipwise_output`: the probability of each of AudioSet's 527 tags."""
        return torch.sigmoid(self.fc_audioset(self.embedding(frames, mask)))

    def _augment(self, x: Float[Tensor, "batch 1 time mel"]) -> Float[Tensor, "batch 1 time mel"]:
        """SpecAugment where the official code has it: after the normalisation, whose mean is zero."""
        x, settings = x[:, 0], self.settings
        for _ in range(settings.stripes):
            x = hide_stripes(x, time=min(settings.time_stripe, x.shape[1]), mel=settings.mel_stripe)
        return x[:, None]


def build(name: str = "cnn14", *, pretrained: bool = True, generator: torch.Generator | None = None) -> CNN:
    """CNN10 or CNN14 with the official weights, or with random ones (Xavier, as in the official code)."""
    return checkpoints.build(
        lambda: CNN(name, SETTINGS[name]), name, pretrained=pretrained, generator=generator, load=load
    )


def load(model: CNN, content: dict) -> None:
    """Official weights, as the file has them: {"model": {...}}. The Fourier transform in it is not used: ours is fast.

    The same network was also trained at 16 and 8 kHz: then `logmel_extractor.melW` has another shape, and is refused.
    """
    checkpoints.fill(model, content, name=model.name, ignore=("spectrogram_extractor.",))
