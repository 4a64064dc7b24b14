"""CAV-MAE's audio branch (Gong et al. 2023): learnt from videos, by filling masked patches and matching sound to image.

Kaldi's log-mel spectrogram, patches of 16 x 16 side by side, eleven blocks of its own, and one that it shares with the
image branch, where each has its own normalisations. Official code: github.com/YuanGongND/cav-mae (BSD-2-Clause) at
68fe8c2; its pretrained and its fine-tuned files load unchanged, but for the names of the shared block's
normalisations. What could not be checked: the weights themselves, which we never had. Taught in notebook 04.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torchaudio.compliance import kaldi

from lib.audio import length_mask
from lib.encoders import checkpoints, spectra
from lib.encoders.patches import FRAME, HOP, SAMPLE_RATE, PatchEncoder
from lib.encoders.signatures import without_wrapper
from lib.encoders.transformer import Block, PatchEmbedding, joined, segments


@dataclass(frozen=True)
class Settings:
    """Front end and shape of the network: CAV-MAE's own."""

    n_mels: int = 128
    frames: int = 1024  # of a segment, 10.24 s; the official code cuts a longer clip off
    mean: float = -5.081  # of AudioSet's log-mel energies,
    deviation: float = 4.4849  # by which they are divided
    patch: int = 16
    dim: int = 768
    heads: int = 12
    own_blocks: int = 11
    shared_blocks: int = 1


class CAVMAE(PatchEncoder):
    """Waveforms at 16 kHz to frames of 768 features, one every 160 ms: the patches of all mel bands averaged.

    A segment is filled up with zeros to 1,024 spectrogram frames, in which the network hears silence of a kind (zero is
    louder than digital silence, -2.42 after scaling against 1.13). The official embedding is the mean over all patches
    of a segment, filling included; ours, the mean over frames, leaves out time steps that hold nothing but filling.
    """

    def __init__(self, settings: Settings = Settings(), name: str = "cav_mae"):
        super().__init__(name, SAMPLE_RATE, settings.dim, settings)
        rows, columns = settings.n_mels // settings.patch, settings.frames // settings.patch
        self.patch_embed_a = PatchEmbedding(settings.dim, settings.patch, settings.patch)
        self.pos_embed_a = nn.Parameter(waves_in_two_directions(rows, columns, settings.dim)[None])
        self.modality_a = nn.Parameter(0.02 * torch.randn(1, 1, settings.dim))  # says: this is sound, not image
        blocks = (settings.own_blocks, settings.shared_blocks)
        self.blocks_a, self.blocks_u = (
            nn.Sequential(*(Block(settings.dim, settings.heads, eps=1e-5) for _ in range(n))) for n in blocks
        )
        self.norm_a = nn.LayerNorm(settings.dim)

    def patches(
        self, waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch time mel feature"], Bool[Tensor, "batch time"]]:
        """Each time step's patches, low bands first; a step with at least one frame of the clip is the clip's."""
        fbank, n_frames = self.fbank(waveforms, lengths)
        pieces, real = segments(fbank, n_frames, self.settings.frames)
        rows = self.settings.n_mels // self.settings.patch
        tokens = self.tokens((pieces - self.settings.mean) / self.settings.deviation).unflatten(1, (rows, -1))
        steps = -(-n_frames // self.settings.patch)
        mask = length_mask(steps, int(steps.max()))
        out = joined(tokens.transpose(1, 2), real).flatten(1, 2)[:, : mask.shape[1]]
        return out * mask[..., None, None], mask

    def fbank(
        self, waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch frame mel"], Int[Tensor, "batch"]]:
        """Kaldi's log-mel energies of each clip about its mean, before scaling, and how many frames each has."""
        kind = {"htk_compat": True, "sample_frequency": SAMPLE_RATE, "window_type": "hanning", "dither": 0.0}
        mels = []
        with torch.autocast(waveforms.device.type, enabled=False):
            for waveform, length in zip(waveforms.float(), lengths.tolist(), strict=True):
                clip = waveform[:length] - waveform[:length].mean()
                clip, _ = spectra.at_least(clip[None], torch.tensor([length], device=clip.device), FRAME)
                mels.append(kaldi.fbank(clip, num_mel_bins=self.settings.n_mels, **kind))
        return pad_sequence(mels, batch_first=True), 1 + (lengths.clamp(min=FRAME) - FRAME) // HOP

    def tokens(self, log_mel: Float[Tensor, "segment frame mel"]) -> Float[Tensor, "segment token feature"]:
        """The network after the front end: patches row by row, as the official `forward_feat` gives them."""
        x = self.patch_embed_a(log_mel).flatten(2).transpose(1, 2)
        return self.norm_a(self.blocks_u(self.blocks_a(x + self.pos_embed_a + self.modality_a)))


def waves_in_two_directions(rows: int, columns: int, dim: int) -> Float[Tensor, "token {dim}"]:
    """Fixed positions of a grid of patches, row by row: half the features for the column, half for the row.

    Each is the sines and cosines of Vaswani et al. (2017), from one radian a step to one in 10,000.
    """
    slower = 10_000.0 ** -(torch.arange(dim // 4, dtype=torch.float64) / (dim // 4))
    column, row = torch.arange(columns).repeat(rows), torch.arange(rows).repeat_interleave(columns)
    angles = [place[:, None] * slower for place in (column, row)]
    return torch.cat([wave for angle in angles for wave in (angle.sin(), angle.cos())], 1).float()


def build(name: str = "cav_mae", *, pretrained: bool = True, generator: torch.Generator | None = None) -> CAVMAE:
    """The audio branch, with official weights or with random ones drawn from `generator`."""
    return checkpoints.build(CAVMAE, name, pretrained=pretrained, generator=generator, load=load)


def load(model: CAVMAE, content: dict) -> None:
    """An official file, pretrained or fine-tuned, into the network; the image side and the decoder are left out.

    Every official block has three pairs of normalisations, for both together, sound and image. The first eleven use the
    first, the shared one uses that for sound when it hears sound alone.

    Raises:
        CheckpointError: another network's weights.
    """
    state, own, shared = without_wrapper(content), len(model.blocks_a), len(model.blocks_u)
    unused = [f"blocks_a.{i}.norm{n}_{kind}" for i in range(own) for n in (1, 2) for kind in "av"]
    for i in range(shared):
        for n in (1, 2):
            unused += [f"both.{i}.norm{n}", f"blocks_u.{i}.norm{n}_v"]
            both, sound = f"blocks_u.{i}.norm{n}.", f"blocks_u.{i}.norm{n}_a."
            state = {k.replace(both, f"both.{i}.norm{n}.").replace(sound, both): v for k, v in state.items()}
    image = ("patch_embed_v", "modality_v", "pos_embed_v", "blocks_v", "norm_v", "norm", "mlp_head", "mask_token")
    decoder = [key for key in state if key.startswith("decoder_")]
    checkpoints.fill(model, state, name="cav_mae", ignore=(*image, *decoder, *unused))
