"""VGGish (Hershey et al. 2017): examples of 0.96 s, each through a VGG network of its own, to 128 numbers.

Module names are those of the PyTorch port (harritaylor/torchvggish, f3f9096), so that its file loads as it is.
Taught in notebook 04.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from lib.audio import length_mask
from lib.encoders import checkpoints, spectra
from lib.encoders.interface import AudioEncoder


@dataclass(frozen=True)
class Settings:
    """Front end and what is handed over."""

    output: str = "embedding"  # 128 numbers an example, or its last convolutional "map"
    final_relu: bool = False  # Google's network ends without one; the port adds it (its issue 24)
    sample_rate: int = 16000
    window: int = 400  # samples
    hop: int = 160
    n_fft: int = 512
    n_mels: int = 64
    f_min: float = 125.0  # hertz
    f_max: float = 7500.0
    offset: float = 0.01  # added before the logarithm: silence is -4.605
    example: int = 96  # spectrogram frames


SETTINGS = {"vggish": Settings(), "vggish_map": Settings(output="map")}


class LogMel(nn.Module):
    """Waveforms to log(mel + 0.01) of the magnitude (not the power) spectrum; the first frame starts at sample 0."""

    def __init__(self, settings: Settings):
        super().__init__()
        self.settings = settings
        self.register_buffer("filters", mel_filters(settings), persistent=False)
        self.register_buffer("window", torch.hann_window(settings.window), persistent=False)

    def forward(self, waveforms: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch time mel"]:
        """A frame every 10 ms, as many as fit."""
        with torch.autocast(waveforms.device.type, enabled=False):
            power = spectra.power(waveforms, window=self.window, n_fft=self.settings.n_fft, hop=self.settings.hop)
            return (power.sqrt() @ self.filters + self.settings.offset).log()


def mel_filters(settings: Settings) -> Float[Tensor, "frequency mel"]:
    """Triangles of height 1 whose sides are straight on HTK's mel scale (librosa's and torchaudio's are in hertz)."""
    hertz = torch.arange(settings.n_fft // 2 + 1, dtype=torch.float64) * settings.sample_rate / settings.n_fft
    mel, ends = (1127 * (1 + x / 700).log() for x in (hertz, torch.tensor([settings.f_min, settings.f_max]).double()))
    edges = ends[0] + (ends[1] - ends[0]) * torch.arange(settings.n_mels + 2) / (settings.n_mels + 1)
    place = (mel[:, None] - edges[0]) / (edges[1] - edges[0]) - torch.arange(settings.n_mels)  # 0 to 2 within a band
    return (1 - (place - 1).abs()).clamp(min=0).float()


class VGGish(AudioEncoder):
    """Waveforms at 16 kHz to frames: "vggish" (batch, time, 128), one every 0.96 s, or "vggish_map", six in that time.

    The last convolutional map of an example is 6 time steps x 4 mels x 512 channels: "vggish_map" hands over 2048
    numbers a step, which is how we read Takeuchi et al. 2022, "flattened in the channel direction". A rest of less than
    0.96 s is dropped; a clip shorter than one example is followed by zeros. AudioSet's own release of VGGish features
    went on to whiten (PCA) and quantise them to 8 bits; these are neither.
    """

    def __init__(self, name: str = "vggish", settings: Settings = SETTINGS["vggish"]):
        if settings.output not in ("embedding", "map"):
            raise ValueError(f"expected output to be embedding or map; got {settings.output!r}")
        super().__init__(name, settings.sample_rate, 128 if settings.output == "embedding" else 2048, settings)
        self.log_mel = LogMel(settings)
        self.features = convolutions()
        if settings.output == "embedding":
            layers = [nn.Linear(12288, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 128)]
            self.embeddings = nn.Sequential(*layers)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)
        self.features.to(memory_format=torch.channels_last)  # up to twice as fast on a CPU

    @property
    def shortest(self) -> int:
        """Samples in one example, the overhang of its last window included: 0.975 s."""
        return (self.settings.example - 1) * self.settings.hop + self.settings.window

    def forward(
        self, waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch time feature"], Bool[Tensor, "batch time"]]:
        """Frames and the mask of those that belong to each clip."""
        examples, mask = self.examples(waveforms, lengths)
        found = self.from_examples(examples[mask])  # (example, steps, feature)
        frames = found.new_zeros(*mask.shape, *found.shape[1:])
        frames[mask] = found
        return frames.flatten(1, 2), mask.repeat_interleave(found.shape[1], 1)

    def examples(
        self, waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch example time mel"], Bool[Tensor, "batch example"]]:
        """Log-mel spectrograms of 96 frames, side by side, and the mask of the examples that lie within each clip."""
        waveforms, lengths = spectra.at_least(waveforms, lengths, self.shortest)
        log_mel, size = self.log_mel(waveforms), self.settings.example
        n = log_mel.shape[1] // size
        counts = (1 + (lengths - self.settings.window) // self.settings.hop) // size
        return log_mel[:, : n * size].unflatten(1, (n, size)), length_mask(counts, n)

    def from_examples(self, examples: Float[Tensor, "example time mel"]) -> Float[Tensor, "example steps feature"]:
        """The network after the front end: one step of 128 numbers for each example, or six of 2048."""
        x = self.features(examples[:, None].contiguous(memory_format=torch.channels_last))
        steps = x.permute(0, 2, 3, 1).flatten(2)  # time, then (mel, channel): the order of the weights that follow
        if self.settings.output == "map":
            return steps
        x = self.embeddings(steps.flatten(1))
        return (F.relu(x) if self.settings.final_relu else x)[:, None]


def convolutions() -> nn.Sequential:
    """VGG's configuration A without its last block: six 3 x 3 convolutions with ReLU, largest of 2 x 2 four times."""
    layers: list[nn.Module] = []
    n_in = 1
    for widths in ((64,), (128,), (256, 256), (512, 512)):
        for width in widths:
            layers += [nn.Conv2d(n_in, width, 3, padding=1), nn.ReLU(inplace=True)]
            n_in = width
        layers += [nn.MaxPool2d(2)]
    return nn.Sequential(*layers)


def build(name: str = "vggish", *, pretrained: bool = True, generator: torch.Generator | None = None) -> VGGish:
    """VGGish with the port's weights (both names read the same file), or with random ones (Kaiming, for ReLU)."""
    return checkpoints.build(
        lambda: VGGish(name, SETTINGS[name]), "vggish", pretrained=pretrained, generator=generator, load=load
    )


def load(model: VGGish, state: dict) -> None:
    """The port's weights; for the map, those of the layers after it stay in the file."""
    unused = ("embeddings.",) if model.settings.output == "map" else ()
    checkpoints.fill(model, state, name="vggish", ignore=unused)
