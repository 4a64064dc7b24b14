"""An encoder that hands over its poolings over time. Apart, so that what is cached of it depends on little code."""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lib import fingerprint, pooling, store
from lib.encoders.interface import Encoder

ORDER = tuple(pooling.POOLINGS)


class Pooled(Encoder):
    """An encoder of which three steps are left, one for each of ORDER: what is cached becomes many times smaller."""

    def __init__(self, encoder: Encoder):
        super().__init__(f"poolings of {encoder.name}", encoder.feature_dim, None)
        self.encoder, self.sample_rate = encoder, getattr(encoder, "sample_rate", None)

    @property
    def key(self) -> str:
        return store.digest("poolings", *ORDER, self.encoder.key, fingerprint.code(type(self.encoder)))

    def forward(self, *inputs: Any) -> tuple[Float[Tensor, "batch pooling feature"], Bool[Tensor, "batch pooling"]]:
        x, mask = self.encoder(*inputs)
        steps = torch.stack([pooling.pooling(name)(x, mask) for name in ORDER], dim=1)
        return steps, torch.ones(steps.shape[:2], dtype=torch.bool, device=steps.device)
