"""What every encoder is: waveforms or texts in, frames or tokens and their mask out, and a key for the cache."""

import hashlib
from dataclasses import asdict, is_dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


class Encoder(nn.Module):
    """Shared by both sides: a name, the width of a frame, and a key that changes with weights or settings."""

    def __init__(self, name: str, feature_dim: int, settings: object):
        super().__init__()
        self.name, self.feature_dim, self.settings = name, feature_dim, settings

    @property
    def key(self) -> str:
        """sha256 over the weights and the settings (front end included): equal keys give equal frames."""
        settings = asdict(self.settings) if is_dataclass(self.settings) else self.settings
        digest = hashlib.sha256(f"{type(self).__name__} {settings}".encode())
        for name, value in sorted(self.state_dict().items()):
            value = value.detach().cpu().contiguous()
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(np.ascontiguousarray(value.view(torch.uint8) if value.dim() else value.numpy().tobytes()))
        return digest.hexdigest()

    def frozen(self) -> "Encoder":
        """This encoder with its weights fixed, in evaluation mode."""
        return self.requires_grad_(False).eval()


class AudioEncoder(Encoder):
    """Waveforms at `sample_rate` hertz to frames."""

    def __init__(self, name: str, sample_rate: int, feature_dim: int, settings: object):
        super().__init__(name, feature_dim, settings)
        self.sample_rate = sample_rate

    def forward(
        self, waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch time feature"], Bool[Tensor, "batch time"]]:
        """Frames, zero in the padding, and the mask of the frames that belong to each clip."""
        raise NotImplementedError


class TextEncoder(Encoder):
    """Captions to tokens."""

    def forward(self, captions: list[str]) -> tuple[Float[Tensor, "batch time feature"], Bool[Tensor, "batch time"]]:
        """Token vectors and the mask of the tokens that belong to each caption."""
        raise NotImplementedError


def checked(captions: list[str]) -> list[str]:
    """The captions as they came, each of them a text.

    Raises:
        ValueError: this is no list, or a caption is empty or no text.
    """
    if isinstance(captions, str):
        raise ValueError(f"expected a list of captions, got one string; write [{captions[:30]!r}]")
    for position, caption in enumerate(captions):
        if not isinstance(caption, str) or not caption.strip():
            where = f"as caption {position} of {len(captions)}"
            raise ValueError(f"expected text, got {caption!r} {where}; leave it out or write one")
    return captions
