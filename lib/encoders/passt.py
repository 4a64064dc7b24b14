"""PaSST: a vision transformer that reads spectrograms, trained on a part of each (Koutini et al. 2022, "Patchout").

Primus et al. (2023) put it in their audio tower. A clip is cut into segments of ten seconds, a segment's spectrogram
into patches of 16 mel bands by 16 frames. Two more tokens, [CLS] and [DIST], go along; half their sum stands for the
segment. In training, whole columns (time) and rows (mel) of patches are left out: faster, and harder to overfit.
Official code: github.com/kkoutini/PaSST (Apache-2.0) at 2a5c818; its files load unchanged. Taught in notebook 11.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torchaudio.compliance.kaldi import get_mel_banks

from lib import augment
from lib.encoders import checkpoints
from lib.encoders.interface import AudioEncoder
from lib.encoders.spectra import centred, power
from lib.encoders.transformer import Block, PatchEmbedding, joined, segments


@dataclass(frozen=True)
class FrontEnd:
    """From a waveform in [-1, 1] to Kaldi's mel bands, in hertz and samples."""

    sample_rate: int = 32000
    n_fft: int = 1024
    window: int = 800  # 25 ms, Hann
    hop: int = 320  # 10 ms
    n_mels: int = 128
    f_min: float = 0.0
    f_max: float = 15000.0
    emphasis: float = 0.97  # pre-emphasis takes this much of the sample before away: less bass
    floor: float = 1e-5  # added to the power, so that silence has a logarithm
    centre: float = -4.5  # about the mean of AudioSet's log-mel values,
    spread: float = 5.0  # and how far they are from it


@dataclass(frozen=True)
class Settings:
    """Shape of the network, and what it does in training mode only.

    Raises:
        ValueError: a segment too short for one patch, too long for the time positions, or without a patch left.
    """

    front_end: FrontEnd = FrontEnd()
    segment_s: float = 10.0  # seconds; longer clips are cut into such segments, shorter ones filled up with zeros
    patch: int = 16  # mel bands and frames
    stride: int = 10  # from patch to patch; below `patch` they overlap
    positions: int | None = None  # columns that have a time position; None: as many as a segment has
    dim: int = 768
    depth: int = 12
    heads: int = 12
    classes: int = 527  # AudioSet's, for `tags`; 0: no such head
    patchout_time: int = 0  # columns of patches left out in training
    patchout_mel: int = 0  # rows
    mask_time: int = 0  # SpecAugment: widest stripe, in frames (Primus' code: 192; the paper names none)
    mask_mel: int = 0  # and in mel bands (48)
    jitter_low: int = 0  # hertz by which the lowest mel edge wanders (Primus' code: 10)
    jitter_high: int = 0  # and the highest (2000)

    def __post_init__(self):
        if self.rows < 1 or self.columns < 1:
            raise ValueError(f"a segment of {self.segment_s} s gives no patch of {self.patch} x {self.patch}")
        if self.positions is not None and self.columns > self.positions:
            wanted = f"segments of at most {self.positions} columns of patches, for which there are time positions"
            raise ValueError(f"expected {wanted}; {self.segment_s} s have {self.columns}. Take shorter segments.")
        if self.patchout_time >= self.columns or self.patchout_mel >= self.rows:
            left = f"patchout of fewer than {self.columns} columns and {self.rows} rows ({self.segment_s} s)"
            raise ValueError(f"expected {left}; got {self.patchout_time} and {self.patchout_mel}. Lower them.")

    @property
    def samples(self) -> int:
        """Of a segment."""
        return round(self.segment_s * self.front_end.sample_rate)

    @property
    def frames(self) -> int:
        """Spectrogram frames of a segment; pre-emphasis costs the first sample."""
        return 1 + (self.samples - 1) // self.front_end.hop

    @property
    def columns(self) -> int:
        """Patches along time."""
        return (self.frames - self.patch) // self.stride + 1

    @property
    def rows(self) -> int:
        """Patches along mel."""
        return (self.front_end.n_mels - self.patch) // self.stride + 1


# Patchout as in Primus' Table 2. The published scripts leave out 3 rows where the table has 4, and of S20 at 2, 5, 10
# and 15 s 11, 27, 53 and 80 columns.
SETTINGS = {
    "passt_n": Settings(stride=16, positions=62, patchout_mel=2, patchout_time=15),
    "passt_s": Settings(positions=99, patchout_mel=4, patchout_time=50),
    "passt_l": Settings(positions=99, patchout_mel=4, patchout_time=50, depth=7),
    "passt_s20": Settings(segment_s=20.0, positions=200, patchout_mel=4, patchout_time=80),
}
# For a laptop and from scratch (notebook 11): 62 tokens for five seconds at 16 kHz, 363 thousand weights.
SMALL = Settings(
    FrontEnd(16000, n_fft=512, window=400, hop=320, n_mels=64, f_max=7500.0),
    segment_s=5.0, stride=16, dim=96, depth=3, heads=3, classes=0,
)  # fmt: skip


class LogMel(nn.Module):
    """Waveforms to log-mel spectrograms, segment by segment, about zero; silence is -1.402585."""

    def __init__(self, settings: Settings):
        super().__init__()
        self.front_end, self.samples = settings.front_end, settings.samples
        window = torch.hann_window(self.front_end.window, periodic=False)
        self.register_buffer("window", centred(window, self.front_end.n_fft), persistent=False)
        self.register_buffer("filters", self._filters(), persistent=False)

    def forward(
        self, waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"],
        edges: tuple[float, float] | None = None,
    ) -> tuple[Float[Tensor, "batch time mel"], Bool[Tensor, "batch time"]]:
        """The spectrograms of a clip's segments, one after the other, and the mask of them.

        Args:
            edges: of the mel bands, in hertz, other than the settings' (`augment.jitter_edges`).
        """
        pieces, mask = segments(waveforms, lengths, self.samples)
        values = joined(self.of_segments(pieces, edges), mask)
        return values.flatten(1, 2), mask.repeat_interleave(values.shape[2], 1)

    def of_segments(
        self, x: Float[Tensor, "segment samples"], edges: tuple[float, float] | None = None
    ) -> Float[Tensor, "segment time mel"]:
        """Pre-emphasis, power of frames centred on every hop (the ends mirrored), mel bands, logarithm, scaling."""
        s = self.front_end
        x = x[:, 1:] - s.emphasis * x[:, :-1]
        x = F.pad(x, (s.n_fft // 2, s.n_fft // 2), mode="reflect")
        with torch.autocast(x.device.type, enabled=False):
            x = power(x, window=self.window, n_fft=s.n_fft, hop=s.hop)
            x = x @ (self.filters if edges is None else self._filters(*edges).to(x))
        return ((x + s.floor).log() - s.centre) / s.spread

    def _filters(self, *edges: float) -> Float[Tensor, "frequency mel"]:
        s, (low, high) = self.front_end, edges or (self.front_end.f_min, self.front_end.f_max)
        banks, _ = get_mel_banks(s.n_mels, s.n_fft, s.sample_rate, low, high, 100.0, -500.0, 1.0)
        return F.pad(banks, (0, 1)).T.contiguous()  # Kaldi leaves the highest frequency out


class PaSST(AudioEncoder):
    """Waveforms to frames of 768 features, one for each segment: the last [CLS] and [DIST] tokens, half their sum.

    So the mean over frames is what Primus et al. take for the clip. `patches` hands over all other tokens.
    """

    def __init__(self, settings: Settings = SMALL, name: str = "passt"):
        super().__init__(name, settings.front_end.sample_rate, settings.dim, settings)
        dim, positions = settings.dim, settings.positions or settings.columns
        self.log_mel = LogMel(settings)
        self.patch_embed = PatchEmbedding(dim, settings.patch, settings.stride)
        self.cls_token, self.dist_token = (nn.Parameter(torch.zeros(1, 1, dim)) for _ in range(2))
        self.new_pos_embed = nn.Parameter(torch.zeros(1, 2, dim))  # positions of those two
        self.freq_new_pos_embed = nn.Parameter(torch.zeros(1, dim, settings.rows, 1))  # time and frequency apart, so
        self.time_new_pos_embed = nn.Parameter(torch.zeros(1, dim, 1, positions))  # that segments may be shorter
        self.blocks = nn.Sequential(*(Block(dim, settings.heads) for _ in range(settings.depth)))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        if settings.classes:
            self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, settings.classes))
            self.head_dist = nn.Linear(dim, settings.classes)  # in the files, and used by nobody
        self._draw_weights()

    def forward(
        self, waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch segment feature"], Bool[Tensor, "batch segment"]]:
        """A frame for each segment, the last one filled up with zeros as in Primus' code, and the mask of them."""
        return self.from_log_mel(*self._spectrograms(waveforms, lengths))

    def from_log_mel(
        self, log_mels: Float[Tensor, "batch time mel"], mask: Bool[Tensor, "batch time"]
    ) -> tuple[Float[Tensor, "batch segment feature"], Bool[Tensor, "batch segment"]]:
        """The network after the front end; training may work on stored spectrograms and start here."""
        pieces, mask = segments(log_mels, mask.sum(1), self.settings.frames)
        return joined(self.tokens(pieces)[:, :2].mean(1), mask), mask

    def patches(
        self, waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch segment row column feature"], Bool[Tensor, "batch segment"]]:
        """The tokens of the patches, in place: row 0 is the lowest mel band, column 0 the segment's start."""
        log_mels, mask = self._spectrograms(waveforms, lengths)
        pieces, mask = segments(log_mels, mask.sum(1), self.settings.frames)
        rows = self.settings.rows - self.training * self.settings.patchout_mel
        return joined(self.tokens(pieces)[:, 2:].unflatten(1, (rows, -1)), mask), mask

    def tags(self, frames: Float[Tensor, "*any feature"]) -> Float[Tensor, "*any tag"]:
        """AudioSet's 527 tags, as logits, of frames or of their mean."""
        return self.head(frames)

    def tokens(self, log_mel: Float[Tensor, "segment time mel"]) -> Float[Tensor, "segment token feature"]:
        """All tokens after the last block: [CLS], [DIST], then the patches that were kept, row by row."""
        if self.training:
            fill = -self.settings.front_end.centre / self.settings.front_end.spread  # zero before scaling: loud
            mel, time = self.settings.mask_mel, self.settings.mask_time
            log_mel = augment.hide_stripes(log_mel, mel=mel, time=time, value=fill)
        x = self.patch_embed(log_mel)
        x = x + self._time_positions(x.shape[3]) + self.freq_new_pos_embed
        x = self._patchout(x).flatten(2).transpose(1, 2)
        two = torch.cat([self.cls_token, self.dist_token], 1) + self.new_pos_embed
        return self.norm(self.blocks(torch.cat([two.expand(len(x), -1, -1), x], 1)))

    def _spectrograms(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        s, front_end, edges = self.settings, self.settings.front_end, None
        if self.training and (s.jitter_low or s.jitter_high):
            edges = augment.jitter_edges(front_end.f_min, front_end.f_max, low=s.jitter_low, high=s.jitter_high)
        return self.log_mel(waveforms, lengths, edges)

    def _time_positions(self, columns: int) -> Tensor:
        """Of a segment shorter than there are positions: the first ones; in training any run of them."""
        spare = self.time_new_pos_embed.shape[3] - columns
        start = int(torch.randint(1 + spare, (1,))) if self.training and spare else 0
        return self.time_new_pos_embed[..., start : start + columns]

    def _patchout(self, x: Float[Tensor, "segment dim row column"]) -> Float[Tensor, "segment dim fewer_rows fewer"]:
        """In training, the patches without some columns and rows: the same ones for the whole batch."""
        for axis, left_out in ((3, self.settings.patchout_time), (2, self.settings.patchout_mel)):
            if self.training and left_out:
                x = x.index_select(axis, kept(x.shape[axis], left_out).to(x.device))
        return x

    def _draw_weights(self) -> None:
        tokens = (self.cls_token, self.dist_token, self.new_pos_embed, self.freq_new_pos_embed, self.time_new_pos_embed)
        linear = [module for module in self.modules() if isinstance(module, nn.Linear)]
        for weight in (*tokens, *(module.weight for module in linear)):
            nn.init.trunc_normal_(weight, std=0.02)
        for module in linear:
            nn.init.zeros_(module.bias)


def kept(n: int, left_out: int) -> Int[Tensor, "kept"]:
    """Which of `n` columns or rows stay, in order; drawn from torch's global generator, as in the official code."""
    return torch.randperm(n)[: n - left_out].sort().values


def build(name: str, *, pretrained: bool = True, generator: torch.Generator | None = None) -> PaSST:
    """passt_n (patches side by side), passt_s (overlapping), passt_l (fewer blocks) or passt_s20 (20 s)."""
    return checkpoints.build(
        lambda: PaSST(SETTINGS[name], name), name, pretrained=pretrained, generator=generator,
        load=lambda model, state: checkpoints.fill(model, state, name=name),
    )  # fmt: skip
