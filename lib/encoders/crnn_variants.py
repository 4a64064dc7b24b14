"""The 2022 baseline's CRNN where its paper and its code part, as far as no setting of `crnn` says it (notebook 03).

For comparison only: `crnn` follows the official code, and masks the padding.
"""

from dataclasses import dataclass, fields

import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from lib.encoders import crnn


@dataclass(frozen=True)
class AsPrinted(crnn.Settings):
    """Xie et al. 2022, section 3.1: each of the three poolings divides the time by four (the code: by 2, 2 and 1)."""

    pools: tuple[tuple[int, int], ...] = ((4, 4), (4, 4), (4, 4))  # (time, mel)


class PooledAsPrinted(crnn.CRNN):
    """The CRNN with the paper's pooling: as many weights, one time step of the GRU for every 64 frames.

    Args:
        settings: of the CRNN that is like it but for the pooling.

    Raises:
        ValueError: a clip has fewer than 64 frames (when it is heard).
    """

    def __init__(self, settings: crnn.Settings = crnn.SETTINGS["crnn_16k"]):
        known = {field.name: getattr(settings, field.name) for field in fields(crnn.Settings)}
        super().__init__("crnn_16k", AsPrinted(**known))
        layers = [layer for layer in self.cnn.features if isinstance(layer, nn.LPPool2d)]
        for layer, window in zip(layers, self.settings.pools, strict=True):
            layer.kernel_size = window

    def from_log_mel(
        self, log_mels: Float[Tensor, "batch time mel"], mask: Bool[Tensor, "batch time"]
    ) -> tuple[Float[Tensor, "batch time feature"], Bool[Tensor, "batch time"]]:
        if int(mask.sum(1).min()) < 64:
            raise ValueError(f"expected at least 64 frames of each clip, got {int(mask.sum(1).min())}")
        return super().from_log_mel(log_mels, mask)


class Padded(nn.Module):
    """A front end that makes each clip twice as long, with 0.0 behind its log-mel, and tells nobody.

    So the official code's training batches look to a short clip among long ones.
    """

    def __init__(self, front_end: nn.Module):
        super().__init__()
        self.front_end = front_end

    def forward(
        self, waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch longer mel"], Bool[Tensor, "batch longer"]]:
        """Log-mel spectrograms, and a mask that takes the zeros for sound."""
        log_mels, mask = self.front_end(waveforms, lengths)
        size = log_mels.shape[1]
        return F.pad(log_mels, (0, 0, 0, size)), F.pad(mask, (0, size), value=True)
