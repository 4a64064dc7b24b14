"""A small convolutional network in the manner of PANNs (Kong et al. 2020), pretrained on audio tagging.

Four blocks of 3 x 3 convolution, batch normalisation and ReLU with average pooling, after a strided stem that makes it
cheap: under 5 ms for 5 s of sound on one core. `data_scripts/pretrain_small_cnn.py` makes the weights.
Taught in notebook 04.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from lib import audio
from lib.encoders.interface import AudioEncoder
from lib.encoders.spectra import zero_padding

WEIGHTS = Path(__file__).parent / "weights" / "small_cnn.safetensors"


@dataclass(frozen=True)
class Settings:
    """Shape of the network. Time shrinks by 16: a frame every 320 ms."""

    front_end: audio.FrontEnd = audio.FRONT_ENDS["small_cnn"]
    channels: tuple[int, ...] = (32, 48, 96, 192, 256)  # the stem's, then each block's
    pools: tuple[tuple[int, int], ...] = ((2, 2), (2, 2), (1, 2), (2, 2))  # (time, mel) after each block
    feature_dim: int = 256
    centre_db: float = -45.0  # fixed, so that level stays audible: what a typical band holds,
    spread_db: float = 20.0  # and how far bands are from it


class Block(nn.Module):
    """3 x 3 convolution, batch normalisation, ReLU, average pooling; padding stays zero throughout."""

    def __init__(self, n_in: int, n_out: int, stride: int, pool: tuple[int, int]):
        super().__init__()
        self.stride, self.pool = stride, pool
        self.convolution = nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False)
        self.normalise = nn.BatchNorm2d(n_out)

    def forward(
        self, x: Float[Tensor, "batch channel time mel"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch out less_time less_mel"], Int[Tensor, "batch"]]:
        """Masked after each step that could leak: else a padded clip would differ from the same clip alone."""
        lengths = _halve(lengths, self.stride)
        x = zero_padding(F.relu(self.normalise(self.convolution(x))), lengths)
        x = F.pad(x, (0, 0, 0, -x.shape[2] % self.pool[0]))  # a zero frame, as a longer clip's padding would be
        return F.avg_pool2d(x, self.pool), _halve(lengths, self.pool[0])


class SmallCNN(AudioEncoder):
    """Waveforms at 16 kHz to frames (batch, time, 256), one every 320 ms; 16 of them for 5 s."""

    def __init__(self, settings: Settings = Settings()):
        super().__init__("small_cnn", settings.front_end.sample_rate, settings.feature_dim, settings)
        widths, n_mels = settings.channels, settings.front_end.n_mels // 2
        self.log_mel = audio.LogMel(settings.front_end)
        self.stem = Block(1, widths[0], 2, (1, 1))
        pairs = zip(widths, widths[1:], settings.pools, strict=False)
        self.blocks = nn.ModuleList(Block(n_in, n_out, 1, pool) for n_in, n_out, pool in pairs)
        for _, mel_pool in settings.pools:
            n_mels //= mel_pool
        self.project = nn.Linear(widths[-1] * n_mels, settings.feature_dim)
        self.to(memory_format=torch.channels_last)  # up to twice as fast on a CPU

    def forward(
        self, waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch time feature"], Bool[Tensor, "batch time"]]:
        """Frames and the mask of those that belong to each clip."""
        return self.from_log_mel(*self.log_mel(waveforms, lengths))

    def from_log_mel(
        self, decibels: Float[Tensor, "batch time mel"], mask: Bool[Tensor, "batch time"]
    ) -> tuple[Float[Tensor, "batch less_time feature"], Bool[Tensor, "batch less_time"]]:
        """The network after the front end; training works on stored spectrograms and starts here."""
        lengths = mask.sum(1)
        x = (decibels - self.settings.centre_db) / self.settings.spread_db
        x = zero_padding(x[:, None].contiguous(memory_format=torch.channels_last), lengths)
        for block in (self.stem, *self.blocks):
            x, lengths = block(x, lengths)
        frames = F.relu(self.project(x.permute(0, 2, 1, 3).flatten(2)))
        mask = audio.length_mask(lengths, frames.shape[1])
        return frames.masked_fill(~mask[..., None], 0.0), mask

    def randomise(self, generator: torch.Generator) -> "SmallCNN":
        """Fresh random weights (Kaiming, for ReLU), the same for the same generator state."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
        nn.init.zeros_(self.project.bias)
        return self


def build(
    name: str = "small_cnn", *, pretrained: bool = True, generator: torch.Generator | None = None
) -> SmallCNN:
    """The network with its committed weights, or with random ones drawn from `generator`."""
    model = SmallCNN()
    if pretrained:
        model.load_state_dict(read_weights(WEIGHTS, model.state_dict()))
        return model
    if generator is None:
        raise ValueError("random weights need generator=torch.Generator().manual_seed(0) or such; got none")
    return model.randomise(generator)


def read_weights(path: Path, wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """Stored half-precision weights as float32, checked against the sha256 beside them; loading runs no code.

    Raises:
        RuntimeError: the file or its card is missing, was altered, or belongs to a network of another shape.
    """
    mend = f"Fetch {path.name} again with git, or make it with data_scripts/pretrain_small_cnn.py."
    card = path.with_suffix(".json")
    if not path.is_file() or not card.is_file():
        raise RuntimeError(f"small_cnn's weights are missing: expected {path} and {card.name} beside it. {mend}")
    content = path.read_bytes()
    expected, got = json.loads(card.read_text())["sha256"], hashlib.sha256(content).hexdigest()
    if expected != got:
        raise RuntimeError(f"{path.name} was altered: expected sha256 {expected[:12]}…, got {got[:12]}…. {mend}")
    stored = {n: v.float() if v.is_floating_point() else v for n, v in safetensors.torch.load(content).items()}
    if {n: v.shape for n, v in stored.items()} != {n: v.shape for n, v in wanted.items()}:
        raise RuntimeError(f"{path.name} holds a network of another shape than lib.encoders.small_cnn builds. {mend}")
    return stored


def _halve(lengths: Int[Tensor, "batch"], factor: int) -> Int[Tensor, "batch"]:
    return -(-lengths // factor)  # rounded up: a last, partial frame counts
