"""What BEATs and CAV-MAE share: Kaldi's frames at 16 kHz, and encoders that hand over a time step's patches as one."""

from jaxtyping import Bool, Float, Int
from torch import Tensor

from lib.encoders.interface import AudioEncoder

SAMPLE_RATE, FRAME, HOP = 16_000, 400, 160  # Kaldi's 25 ms every 10 ms; a frame that sticks out is dropped


class PatchEncoder(AudioEncoder):
    """A network whose official output is patches. A frame is the mean of a time step's, over all mel bands."""

    def forward(
        self, waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch time feature"], Bool[Tensor, "batch time"]]:
        """Frames and the mask of those that belong to each clip."""
        patches, mask = self.patches(waveforms, lengths)
        return patches.mean(2), mask

    def patches(
        self, waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch time mel feature"], Bool[Tensor, "batch time"]]:
        """Each time step's patches, low bands first, zero in the padding; and the mask of each clip's time steps."""
        raise NotImplementedError
