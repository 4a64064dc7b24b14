"""An encoder that hands over the mean of its frames. Apart, so that its cached frames depend on little code."""

from typing import Any

from jaxtyping import Bool, Float
from torch import Tensor

from lib import fingerprint, pooling, store
from lib.encoders.interface import Encoder


class Pooled(Encoder):
    """An encoder that hands over the mean of its frames as a single one: what is cached becomes many times smaller."""

    def __init__(self, encoder: Encoder):
        super().__init__(f"mean of {encoder.name}", encoder.feature_dim, None)
        self.encoder, self.sample_rate = encoder, getattr(encoder, "sample_rate", None)

    @property
    def key(self) -> str:
        return store.digest("mean", self.encoder.key, fingerprint.code(type(self.encoder)))

    def forward(self, *inputs: Any) -> tuple[Float[Tensor, "batch 1 feature"], Bool[Tensor, "batch 1"]]:
        return pooling.pooled(*self.encoder(*inputs))
