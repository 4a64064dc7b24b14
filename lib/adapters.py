"""Adapters: from the frames (or tokens) of an encoder to one embedding per clip (or caption).

Weck et al. 2022, equation 2: Z' = A(Z), with Z of shape (time, feature) and Z' of shape (dim,). Both towers use the
same kind of adapter; its first purpose is that audio and text end up with the same number of dimensions.
"""

from jaxtyping import Bool, Float
from torch import Tensor, nn

from lib.pooling import masked_mean, pooled

__all__ = ["ADAPTERS", "MLPAdapter", "build", "masked_mean", "pooled"]


class MLPAdapter(nn.Module):
    """Two-layer perceptron with a ReLU between, and a mean over time. Taught in notebook 05.

    Weck et al. 2022, section 3.3: "a two-layer perceptron with a layer size of 512 and a rectified linear unit (ReLU)
    as activation function after the first layer. We use the average of all embeddings in a sequence".

    Args:
        feature_dim: features per time step that the encoder hands over.
        dim: of the embedding.
        hidden: size of the first layer.
        pool_first: True takes the mean, then runs the perceptron once per clip: cheap, and the default on a laptop.
            False runs it on each time step, then takes the mean: the paper's order.
    """

    def __init__(self, feature_dim: int, dim: int, hidden: int = 512, *, pool_first: bool = True) -> None:
        super().__init__()
        self.settings = dict(feature_dim=feature_dim, dim=dim, hidden=hidden, pool_first=pool_first)
        self.pool_first = pool_first
        self.layers = nn.Sequential(nn.Linear(feature_dim, hidden), nn.ReLU(), nn.Linear(hidden, dim))

    def forward(
        self, x: Float[Tensor, "batch time feature"], mask: Bool[Tensor, "batch time"]
    ) -> Float[Tensor, "batch dim"]:
        if self.pool_first:
            return self.layers(masked_mean(x, mask))
        return masked_mean(self.layers(x), mask)


# What a saved tower may name; loading looks an adapter up here and runs nothing else.
ADAPTERS: dict[str, type[nn.Module]] = {"MLPAdapter": MLPAdapter}


def build(name: str, settings: dict) -> nn.Module:
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
