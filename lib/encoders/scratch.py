"""An audio encoder that has learnt nothing yet: random weights, drawn when a run begins, and trained with the adapters.

Its front end learns nothing, so each clip's log-mel spectrogram is made once and kept; the network behind it learns.
Taught in notebook 03.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from lib.encoders.interface import AudioEncoder


class FromScratch(AudioEncoder):
    """Any encoder with a `log_mel` and a `from_log_mel`, before its weights are drawn.

    Args:
        make: gives the encoder with random weights from torch's global generator: a class, or a `functools.partial` of
            one (what can be sent to another process).
    """

    def __init__(self, make: Callable[[], AudioEncoder]):
        with torch.random.fork_rng(devices=[]):
            known = make()
        super().__init__(f"{known.name} from scratch", known.sample_rate, known.feature_dim, known.settings)
        self.make, self.front_end, self.kind = make, known.log_mel, type(known)

    def fresh(self) -> nn.Module:
        """The network behind the front end, its weights drawn now (`lib.train.lend_chance` says by which generator)."""
        return Network(self.make(), self.name)

    def forward(
        self, waveforms: Float[Tensor, "batch samples"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch time mel"], Bool[Tensor, "batch time"]]:
        """Log-mel spectrograms: all that it can say before it has learnt."""
        return self.front_end(waveforms, lengths)


class Network(nn.Module):
    """From log-mel spectrograms to frames. Its batch norms have no statistics yet: they learn them (`lib.towers`)."""

    from_scratch = True

    def __init__(self, encoder: AudioEncoder, name: str):
        super().__init__()
        self.network, self.name = encoder, name

    def forward(
        self, log_mels: Float[Tensor, "batch time mel"], mask: Bool[Tensor, "batch time"]
    ) -> tuple[Float[Tensor, "batch less_time feature"], Bool[Tensor, "batch less_time"]]:
        return self.network.from_log_mel(log_mels, mask)
