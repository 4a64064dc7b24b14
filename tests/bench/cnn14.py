"""CNN14 forward, a batch of 8 clips of 10 s on the CPU: ours against the official code's layers, written plainly.

Both have the same random weights. The official front end is torchlibrosa's; its layers take memory as PyTorch lays it
out by default, and leave nothing out.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torchlibrosa.stft import LogmelFilterBank, Spectrogram

from lib import parallel
from lib.encoders import panns
from tests.bench.timing import race, report, wanted

CLIPS, SECONDS = 8, 10


def main() -> None:
    ours = panns.build("cnn14", pretrained=False, generator=torch.Generator().manual_seed(0)).frozen()
    plain = Plain().eval()
    plain.load_state_dict({key: value.contiguous() for key, value in ours.state_dict().items()}, strict=False)
    waveforms = 0.1 * torch.randn(CLIPS, SECONDS * ours.sample_rate, generator=torch.Generator().manual_seed(0))
    calls = {"ours": lambda: encode(ours, waveforms), "plain layers": lambda: plain(waveforms)}
    with torch.inference_mode():
        difference = (calls["ours"]() - calls["plain layers"]()).abs().max() / calls["plain layers"]().abs().max()
        print(f"  embeddings differ by at most {difference:.1e} of the largest value")
        if has_bf16():
            calls["ours, bf16"] = lambda: encode(ours, waveforms, "bf16")
        medians = race(calls, seconds=30, at_least=3)
    report(f"{CLIPS} clips of {SECONDS} s, {torch.get_num_threads()} thread", medians)
    ratio = medians["ours"] / medians["plain layers"]
    wanted(f"no slower than plain layers: {ratio:.2f}", ratio <= 1)
    if has_bf16():
        gain = medians["plain layers"] / medians["ours, bf16"]
        wanted(f"at least 1.5 times faster than plain layers in bf16: {gain:.2f}", gain >= 1.5)
    else:
        print("    bf16 was not measured: this processor computes no bf16 (no avx512_bf16, no amx_bf16)")


def has_bf16() -> bool:
    """Does the processor multiply bf16 by itself? Without that, PyTorch's bf16 runs, slower than fp32."""
    flags = Path("/proc/cpuinfo")
    return flags.is_file() and any(flag in flags.read_text() for flag in ("avx512_bf16", "amx_bf16"))


def encode(encoder, waveforms, precision: str = "fp32") -> torch.Tensor:
    lengths = torch.full((len(waveforms),), waveforms.shape[1])
    with parallel.autocast(precision):
        return encoder.embedding(*encoder(waveforms, lengths)).float()


class Plain(nn.Module):
    """CNN14 as published, layer by layer."""

    def __init__(self):
        super().__init__()
        settings = panns.SETTINGS["cnn14"]
        front = settings.front_end
        self.spectrogram_extractor = Spectrogram(n_fft=front.n_fft, hop_length=front.hop)
        mels = {"n_mels": front.n_mels, "fmin": front.f_min, "fmax": front.f_max, "amin": front.floor, "top_db": None}
        self.logmel_extractor = LogmelFilterBank(sr=front.sample_rate, n_fft=front.n_fft, **mels)
        self.bn0 = nn.BatchNorm2d(front.n_mels)
        self.blocks = []
        shapes = zip((1, *settings.channels), settings.channels, settings.pools)
        for number, (n_in, n_out, pool) in enumerate(shapes, 1):
            block = nn.ModuleDict({"conv1": nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)})
            block["conv2"] = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
            block["bn1"], block["bn2"] = nn.BatchNorm2d(n_out), nn.BatchNorm2d(n_out)
            self.add_module(f"conv_block{number}", block)
            self.blocks.append((block, pool))
        self.fc1 = nn.Linear(2048, 2048)

    def forward(self, waveforms):
        x = self.logmel_extractor(self.spectrogram_extractor(waveforms))
        x = self.bn0(x.transpose(1, 3)).transpose(1, 3)
        for block, pool in self.blocks:
            for n in "12":
                x = F.relu_(block[f"bn{n}"](block[f"conv{n}"](x)))
            x = F.avg_pool2d(x, pool)
        x = x.mean(3)
        return F.relu_(self.fc1(x.amax(2) + x.mean(2)))
