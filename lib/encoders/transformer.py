"""The transformer under spectrogram encoders: patches become tokens, and blocks let each token look at all others.

The names inside (proj, qkv, fc1, ...) are those of timm's vision transformer, from which the official codes of PaSST
and CAV-MAE were made: their checkpoint files load unchanged. Taught in notebook 11.
"""

import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn

from lib.audio import length_mask


class PatchEmbedding(nn.Module):
    """Square patches of a spectrogram, `stride` steps apart, each projected to a vector: one convolution does both.

    With a stride below the patch's side, neighbours overlap.
    """

    def __init__(self, dim: int, patch: int = 16, stride: int = 16):
        super().__init__()
        self.proj = nn.Conv2d(1, dim, patch, stride)

    def forward(self, spectrogram: Float[Tensor, "batch time mel"]) -> Float[Tensor, "batch dim row column"]:
        """Rows go up the mel axis, columns along time, as in a picture of the spectrogram."""
        return self.proj(spectrogram.transpose(1, 2)[:, None])


class Attention(nn.Module):
    r"""In each head, a token becomes a mixture of all tokens: $\text{softmax}(Q K^\top / \sqrt{d}) V$.

    Every pair of tokens meets, so that twice the tokens cost four times as much (the rest of a block: twice).
    """

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)  # queries, keys and values of all heads in one product
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Float[Tensor, "batch token dim"]) -> Float[Tensor, "batch token dim"]:
        queries, keys, values = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(queries, keys, values)  # (batch, head, token, dim of a head)
        return self.proj(mixed.transpose(1, 2).flatten(2))


class MLP(nn.Module):
    """Each token by itself: four times as wide, GELU, and back."""

    def __init__(self, dim: int, hidden: int):
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Float[Tensor, "batch token dim"]) -> Float[Tensor, "batch token dim"]:
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    """Attention, then the MLP, each normalised before and added to what came in.

    Args:
        eps: of the normalisation; official PaSST has 1e-6, CAV-MAE torch's 1e-5.
    """

    def __init__(self, dim: int, heads: int, *, eps: float = 1e-6):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=eps)
        self.attn = Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, eps=eps)
        self.mlp = MLP(dim, 4 * dim)

    def forward(self, x: Float[Tensor, "batch token dim"]) -> Float[Tensor, "batch token dim"]:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


def segments(
    x: Shaped[Tensor, "batch time ..."], lengths: Int[Tensor, "batch"], size: int
) -> tuple[Shaped[Tensor, "segment {size} ..."], Bool[Tensor, "batch most"]]:
    """Clips of any length cut into pieces of `size` steps, the last one filled up with zeros.

    Only pieces that belong to a clip are handed over, so that a short clip beside a long one costs nothing. The mask
    says whose they are (a clip has ceil(length / size) of them); `joined` brings what became of them back in place.
    """
    counts = (-(-lengths // size)).clamp(min=1)
    most = int(counts.max())
    extra = [0, 0] * (x.dim() - 2)
    x = x * length_mask(lengths, x.shape[1])[(..., *[None] * (x.dim() - 2))]
    pieces = F.pad(x, (*extra, 0, most * size - x.shape[1])).unflatten(1, (most, size))
    mask = length_mask(counts, most)
    return pieces[mask], mask


def joined(
    pieces: Float[Tensor, "segment ..."], mask: Bool[Tensor, "batch most"]
) -> Float[Tensor, "batch most ..."]:
    """What became of each segment, back in its clip's row; zeros where a clip has fewer segments than the longest."""
    rows = pieces.new_zeros(*mask.shape, *pieces.shape[1:])
    rows[mask] = pieces
    return rows
