"""An encoder from scratch whose front end runs at every step, since it hears a clip otherwise each time.

`scratch.FromScratch` makes each clip's spectrogram once. That is no longer right where mel edges wander in training.
Taught in notebook 11.
"""

from collections.abc import Callable

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from lib.encoders.interface import AudioEncoder
from lib.encoders.scratch import FromScratch


class FromWaveforms(FromScratch):
    """As `FromScratch`, but what learns is given waveforms and their lengths."""

    def __init__(self, make: Callable[[], AudioEncoder]):
        super().__init__(make)
        del self.front_end
        self.front_end = None  # `lib.examples.Recordings` then keeps waveforms

    def fresh(self) -> nn.Module:
        """The whole encoder, its weights drawn now."""
        return Whole(self.make())


class Whole(nn.Module):
    """Front end and network; named as `scratch.Network` names its own, so that either can start from the other."""

    from_scratch = True

    def __init__(self, encoder: AudioEncoder):
        super().__init__()
        self.network = encoder

    def forward(
        self, waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch time feature"], Bool[Tensor, "batch time"]]:
        return self.network(waveforms, lengths)
