"""BEATs (Chen et al. 2023, arXiv 2212.09058) and the BEATs within VAST (Chen et al. 2023, arXiv 2305.18500).

Kaldi's log-mel spectrogram, patches of 16 x 16, a transformer whose attention knows how far apart two patches are.
Module names are those of the official code (microsoft/unilm, folder beats, at 768a3c8), so that an official file loads
as it is. Its training alone has what we leave out: layers dropped at random, gradients shrunk from layer to layer.
The authors' repository of VAST has no code in the copy that we could read: its facts are those of a fork that has it
(DelusionalLogic/VAST, 410ca47). We had no file of VAST's weights, so none was ever loaded. Taught in notebook 04.
"""

import functools
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torchaudio.compliance import kaldi

from lib.audio import length_mask
from lib.encoders import checkpoints, spectra
from lib.encoders.patches import FRAME, HOP, SAMPLE_RATE, PatchEncoder
from lib.encoders.signatures import without_wrapper
from lib.encoders.transformer import joined, segments

Tokens = Float[Tensor, "batch token feature"]


@dataclass(frozen=True)
class Settings:
    """Front end and shape of the network: BEATs' own."""

    n_mels: int = 128
    window: int | None = None  # time steps that the network hears at once, 160 ms each; None: the whole clip
    mean: float = 15.41663  # of AudioSet's log-mel energies, at the scale of 16-bit samples,
    deviation: float = 6.55582  # which are divided by two of it
    patch: int = 16  # frames and bands
    patch_dim: int = 512
    feature_dim: int = 768
    hidden_dim: int = 3072
    layers: int = 12
    heads: int = 12
    kernel: int = 128  # patches that the convolution spans which tells positions,
    groups: int = 16  # in groups of features
    buckets: int = 320  # of relative position, half of them for each direction,
    max_distance: int = 800  # logarithmic from a quarter of `buckets` on; all farther patches share one


# "beats" was trained without labels, "beats_tagging" then on AudioSet's tags (Munakata et al. 2024 took that one).
SETTINGS = {"beats": Settings(), "beats_tagging": Settings(), "vast": Settings(n_mels=64, window=64)}


class PositionConvolution(nn.Module):
    """Grouped convolution over patches; each tap's weights are a direction (`weight_v`) times a length (`weight_g`)."""

    def __init__(self, width: int, kernel: int, groups: int):
        super().__init__()
        self.groups = groups
        self.weight_v = nn.Parameter(torch.randn(width, width // groups, kernel) * (4 / (kernel * width)) ** 0.5)
        self.weight_g = nn.Parameter(self.weight_v.detach().norm(dim=(0, 1), keepdim=True))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tokens) -> Tokens:
        """As many patches as came in: an even kernel's surplus one at the end is dropped."""
        weight = self.weight_v * (self.weight_g / self.weight_v.norm(dim=(0, 1), keepdim=True))
        y = F.conv1d(x.transpose(1, 2), weight, self.bias, padding=weight.shape[2] // 2, groups=self.groups)
        return y[..., : x.shape[1]].transpose(1, 2)


class Attention(nn.Module):
    """Self-attention with a bias for relative position, which each query opens or shuts (BEATs, section 3.2)."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.v_proj, self.out_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.grep_linear, self.grep_a = nn.Linear(width // heads, 8), nn.Parameter(torch.ones(1, heads, 1, 1))

    def gate(self, q: Float[Tensor, "batch head token dim"]) -> Float[Tensor, "batch head token 1"]:
        """Between 1 and 2 while `grep_a` is 1: what multiplies the bias of all that this patch looks at."""
        a, b = self.grep_linear(q).unflatten(-1, (2, 4)).sum(-1).sigmoid().split(1, dim=-1)
        return a * (b * self.grep_a - 1) + 2

    def forward(self, x: Tokens, bias: Float[Tensor, "head token token"], mask: Bool[Tensor, "batch token"]) -> Tokens:
        """Each patch as a mixture of those that `mask` allows."""
        q, k, v = (
            project(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        score = (self.gate(q) * bias).masked_fill(~mask[:, None, None], -torch.inf).to(q.dtype)
        return self.out_proj(F.scaled_dot_product_attention(q, k, v, score).transpose(1, 2).flatten(2))


class Layer(nn.Module):
    r"""Attention, then two linear layers with GELU; normalised after each sum, $x \leftarrow LN(\alpha x + f(x))$."""

    def __init__(self, settings: Settings):
        super().__init__()
        width = settings.feature_dim
        self.alpha = (2 * settings.layers) ** 0.25  # DeepNorm (Wang et al. 2022): the deeper, the more of x stays
        self.self_attn, self.self_attn_layer_norm = Attention(width, settings.heads), nn.LayerNorm(width)
        self.fc1, self.fc2 = nn.Linear(width, settings.hidden_dim), nn.Linear(settings.hidden_dim, width)
        self.final_layer_norm = nn.LayerNorm(width)

    def forward(self, x: Tokens, bias: Float[Tensor, "head token token"], mask: Bool[Tensor, "batch token"]) -> Tokens:
        """The next layer's patches."""
        x = self.self_attn_layer_norm(self.alpha * x + self.self_attn(x, bias, mask))
        return self.final_layer_norm(self.alpha * x + self.fc2(F.gelu(self.fc1(x))))


class Transformer(nn.Module):
    """Patches, in the order of time and low bands first within a time step, to patches that know of each other."""

    def __init__(self, settings: Settings):
        super().__init__()
        self.settings, width = settings, settings.feature_dim
        self.pos_conv = nn.Sequential(PositionConvolution(width, settings.kernel, settings.groups), nn.GELU())
        self.layer_norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList(Layer(settings) for _ in range(settings.layers))
        self.relative_attention_bias = nn.Embedding(settings.buckets, settings.heads)  # one for all layers
        nn.init.normal_(self.relative_attention_bias.weight, std=0.02)

    def forward(self, x: Tokens, mask: Bool[Tensor, "batch token"]) -> Tokens:
        """Zero in the padding, before the convolution and after the last layer."""
        x = x.masked_fill(~mask[..., None], 0.0)
        x = self.layer_norm(x + self.pos_conv(x))
        at = torch.arange(x.shape[1], device=x.device)
        distance = at[None] - at[:, None]  # from each patch (row) to each (column)
        bucket = bucket_of(torch.arange(1 - len(at), len(at), device=x.device), self.settings)
        bias = self.relative_attention_bias(bucket)[distance + len(at) - 1].permute(2, 0, 1)
        for layer in self.layers:
            x = layer(x, bias, mask)
        return x.masked_fill(~mask[..., None], 0.0)


def bucket_of(distance: Int[Tensor, "distance"], settings: Settings) -> Int[Tensor, "distance"]:
    """Near patches have a bucket for each distance, far ones share wider and wider ones; ahead and behind are apart."""
    half = settings.buckets // 2
    exact, size = half // 2, distance.abs()
    far = (size.clamp(min=1) / exact).log() / math.log(settings.max_distance / exact) * (half - exact)
    return torch.where(size < exact, size, (exact + far.long()).clamp(max=half - 1)) + half * (distance > 0)


class BEATs(PatchEncoder):
    """Waveforms at 16 kHz to frames (batch, time, 768), one every 160 ms: 62 of them for 10 s.

    The official network hands over all patches, eight per time step (VAST's: four). A frame is the mean of a time
    step's, so the mean over frames is the mean over patches: what the official classifier and VAST's retrieval pool.
    (Munakata et al. 2024 say neither what they pool nor how.) The greatest over frames is not that over patches.

    In a batch each clip has the frames that it has alone. The official padding mask does not see to that: it lets in
    spectrogram frames that hold some padding, and some bands of the time step after the clip's last full one.
    A clip of any length is heard whole by BEATs (trained on 10 s) and in pieces of 10.24 s by VAST's, whose authors
    fill the last piece with zeros and let the network hear them; ours are masked.
    """

    shortest = FRAME + 15 * HOP  # samples of one patch: 0.175 s; a shorter clip is followed by zeros up to that

    def __init__(self, name: str = "beats", settings: Settings = Settings()):
        super().__init__(name, SAMPLE_RATE, settings.feature_dim, settings)
        patch, width = settings.patch, settings.patch_dim
        self.patch_embedding = nn.Conv2d(1, width, patch, stride=patch, bias=False)
        self.layer_norm = nn.LayerNorm(width)
        self.post_extract_proj = nn.Linear(width, settings.feature_dim)
        self.encoder = Transformer(settings)

    def patches(
        self, waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch time mel feature"], Bool[Tensor, "batch time"]]:
        """The official output: each time step's patches, low bands first; and the mask of real time steps."""
        waveforms, lengths = spectra.at_least(waveforms, lengths, self.shortest)
        return self.from_fbank(self.fbank(waveforms), 1 + (lengths - FRAME) // HOP)

    def fbank(self, waveforms: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch frame mel"]:
        """Kaldi's log-mel energies of samples scaled to 16 bits, about 0 with a deviation of 1/2; silence is -2.39."""
        settings = {"num_mel_bins": self.settings.n_mels, "sample_frequency": SAMPLE_RATE}
        with torch.autocast(waveforms.device.type, enabled=False):
            mels = torch.stack([kaldi.fbank(waveform[None].float() * 2**15, **settings) for waveform in waveforms])
        return (mels - self.settings.mean) / (2 * self.settings.deviation)

    def from_fbank(
        self, mels: Float[Tensor, "batch frame mel"], n_frames: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch time band feature"], Bool[Tensor, "batch time"]]:
        """The network after the front end."""
        x = self.patch_embedding(mels[:, None]).permute(0, 2, 3, 1)
        x = self.post_extract_proj(self.layer_norm(x))
        steps, n_bands = n_frames // self.settings.patch, x.shape[2]
        window = self.settings.window or x.shape[1]
        pieces, real = segments(x, steps, window)
        left = (steps[:, None] - window * torch.arange(real.shape[1], device=x.device)).clamp(0, window)[real]
        mask = length_mask(left, window).repeat_interleave(n_bands, dim=1)
        pieces = self.encoder(pieces.flatten(1, 2), mask).unflatten(1, (window, n_bands))
        out = joined(pieces, real).flatten(1, 2)[:, : x.shape[1]]
        return out, length_mask(steps, out.shape[1])


def build(name: str = "beats", *, pretrained: bool = True, generator: torch.Generator | None = None) -> BEATs:
    """One of `SETTINGS`, with official weights or with random ones drawn from `generator`."""
    make = functools.partial(BEATs, name, SETTINGS[name])
    return checkpoints.build(make, name, pretrained=pretrained, generator=generator, load=load)


def load(model: BEATs, content: dict) -> None:
    """An official file into the network: BEATs' `{cfg, model, label_dict}`, or VAST's own, where BEATs is one part.

    A fine-tuned BEATs also has a classifier (`predictor`), which is left out.

    Raises:
        CheckpointError: another network's weights.
    """
    state = without_wrapper(content)
    state = _part_of_vast(state) if model.name == "vast" else state
    _check_cfg(content.get("cfg", {}), model.settings)
    first, *rest = [f"encoder.layers.{i}.self_attn.relative_attention_bias" for i in range(model.settings.layers)]
    names = {
        f"{first}.weight": "encoder.relative_attention_bias.weight",  # which the official file holds once per layer
        "encoder.pos_conv.0.parametrizations.weight.original0": "encoder.pos_conv.0.weight_g",  # a newer PyTorch's
        "encoder.pos_conv.0.parametrizations.weight.original1": "encoder.pos_conv.0.weight_v",
    }
    given = {names.get(key, key): value for key, value in state.items()}
    checkpoints.fill(model, given, name="beats", ignore=("predictor", *rest))


def _part_of_vast(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """VAST's file is one flat dictionary of all its towers."""
    ours = "audio_encoder."
    part = {key.removeprefix(ours): value for key, value in state.items() if key.startswith(ours)}
    if not part:
        few = ", ".join(list(state)[:3])
        raise checkpoints.CheckpointError(f"expected VAST's weights (audio_encoder.…); this file has {few}, …")
    return part


def _check_cfg(cfg: dict, settings: Settings) -> None:
    """What a file's own settings say and its shapes do not."""
    wanted = {"max_distance": settings.max_distance, "deep_norm": True, "layer_norm_first": False, "gru_rel_pos": True,
              "activation_fn": "gelu", "encoder_layers": settings.layers}  # fmt: skip
    wrong = [f"{key} {cfg[key]}, not {value}" for key, value in wanted.items() if cfg.get(key, value) != value]
    if wrong:
        raise checkpoints.CheckpointError(f"expected the settings of BEATs; this file's own say {', '.join(wrong)}.")
