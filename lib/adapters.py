"""Adapters: from the frames (or tokens) of an encoder to one embedding per clip (or caption).

Weck et al. 2022, equation 2: Z' = A(Z), with Z of shape (time, feature) and Z' of shape (dim,). Both towers use the
same kind of adapter; its first purpose is that audio and text end up with the same number of dimensions.
Taught in notebook 05.
"""

from jaxtyping import Bool, Float
from torch import Tensor, nn

from lib.pooling import POOLINGS, masked_mean, pooled, pooling

__all__ = [
    "ADAPTERS", "POOLINGS", "LinearAdapter", "MLPAdapter", "PoolingAdapter", "ProjectionBlock", "build", "masked_mean",
    "pooled",
]  # fmt: skip


class Adapter(nn.Module):
    """What all adapters share: layers, a pooling over time, and which of the two comes first.

    Args:
        layers: from (..., feature) to (..., dim).
        pooling: "mean" (Weck et al.), "max+mean" (Takeuchi et al., for sound) or "first" (the CLS token of a text).
        pool_first: True pools, then runs the layers once per clip: cheap, and the default on a laptop.
            False runs them on each time step, then pools: the order of Weck et al.
    """

    def __init__(self, layers: nn.Module, pooling_name: str, pool_first: bool) -> None:
        super().__init__()
        self.layers, self.pool, self.pool_first = layers, pooling(pooling_name), pool_first

    def forward(
        self, x: Float[Tensor, "batch time feature"], mask: Bool[Tensor, "batch time"]
    ) -> Float[Tensor, "batch dim"]:
        if self.pool_first:
            return self.layers(self.pool(x, mask))
        return self.pool(self.layers(x), mask)


class PoolingAdapter(Adapter):
    """No layers: the pooled frames are the embedding, as in the 2022 baseline (Xie et al. 2022, section 3).

    Raises:
        ValueError: `dim` is not the encoder's own number of features.
    """

    def __init__(self, feature_dim: int, dim: int, *, pooling: str = "mean", pool_first: bool = True) -> None:
        if dim != feature_dim:
            raise ValueError(f"expected dim={feature_dim}, as many as the encoder's features; got {dim}. A "
                             "LinearAdapter makes other widths meet.")
        super().__init__(nn.Identity(), pooling, pool_first)
        self.settings = dict(feature_dim=feature_dim, dim=dim, pooling=pooling, pool_first=pool_first)


class LinearAdapter(Adapter):
    """A single linear layer: Primus et al. 2023, section 2.3."""

    def __init__(self, feature_dim: int, dim: int, *, pooling: str = "mean", pool_first: bool = True) -> None:
        super().__init__(nn.Linear(feature_dim, dim), pooling, pool_first)
        self.settings = dict(feature_dim=feature_dim, dim=dim, pooling=pooling, pool_first=pool_first)


class MLPAdapter(Adapter):
    """Two-layer perceptron with a ReLU between.

    Weck et al. 2022, section 3.3: "a two-layer perceptron with a layer size of 512 and a rectified linear unit (ReLU)
    as activation function after the first layer. We use the average of all embeddings in a sequence".

    Args:
        hidden: size of the first layer.
    """

    def __init__(
        self, feature_dim: int, dim: int, hidden: int = 512, *, pooling: str = "mean", pool_first: bool = True
    ) -> None:
        layers = nn.Sequential(nn.Linear(feature_dim, hidden), nn.ReLU(), nn.Linear(hidden, dim))
        super().__init__(layers, pooling, pool_first)
        self.settings = dict(feature_dim=feature_dim, dim=dim, hidden=hidden, pooling=pooling, pool_first=pool_first)


class ProjectionBlock(Adapter):
    """Linear layer, GELU, linear layer, dropout, the first layer's output added back, layer norm.

    Takeuchi et al. 2022, section 3: "two linear layers, the Gaussian error linear unit (GELU) function, layer
    normalization, and a dropout layer". No residual is named there; the later system that this block is known from
    (Microsoft's CLAP, 2023) has one, so `residual` is our inference.

    Args:
        dropout: the paper does not say how much.
        residual: False leaves the first layer's output out of the sum.
    """

    def __init__(
        self, feature_dim: int, dim: int, *, dropout: float = 0.1, residual: bool = True, pooling: str = "mean",
        pool_first: bool = True,
    ) -> None:
        super().__init__(_Projection(feature_dim, dim, dropout, residual), pooling, pool_first)
        self.settings = dict(feature_dim=feature_dim, dim=dim, dropout=dropout, residual=residual, pooling=pooling,
                             pool_first=pool_first)


class _Projection(nn.Module):
    def __init__(self, feature_dim: int, dim: int, dropout: float, residual: bool) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(feature_dim, dim), nn.Linear(dim, dim)
        self.dropout, self.norm, self.residual = nn.Dropout(dropout), nn.LayerNorm(dim), residual

    def forward(self, x: Float[Tensor, "*batch feature"]) -> Float[Tensor, "*batch dim"]:
        first = self.first(x)
        second = self.dropout(self.second(nn.functional.gelu(first)))
        return self.norm(first + second if self.residual else second)


# What a saved tower may name; loading looks an adapter up here and runs nothing else.
_ALL = (MLPAdapter, LinearAdapter, ProjectionBlock, PoolingAdapter)
ADAPTERS: dict[str, type[Adapter]] = {a.__name__: a for a in _ALL}


def build(name: str, settings: dict) -> Adapter:
    """The adapter of that name.

    Raises:
        ValueError: the name is not one of ADAPTERS, or its settings are not those it takes.
    """
    if name not in ADAPTERS:
        raise ValueError(f"expected an adapter among {', '.join(ADAPTERS)}; got {name!r}.")
    try:
        return ADAPTERS[name](**settings)
    except (TypeError, RuntimeError) as error:
        raise ValueError(f"expected the settings of {name}; got {settings}: {error}") from error
