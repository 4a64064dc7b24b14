"""What a training step may do to a spectrogram: hide stripes of it (SpecAugment), and let its mel bands wander.

Primus' code trains with both, on top of patchout; the paper names neither. Taught in notebook 11.
Without a generator the draws come from torch's global one, which `train.lend_chance` replaces by ours.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def hide_stripes(
    spectrogram: Float[Tensor, "batch time mel"], *, mel: int = 0, time: int = 0, value: float = 0.0,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "batch time mel"]:
    """SpecAugment (Park et al. 2019): in each clip one stripe of mel bands, then one of time frames, set to `value`.

    The same draws as torchaudio's FrequencyMasking and TimeMasking with `iid_masks`: a width uniform in [0, most),
    then a start uniform in [0, size - width), both rounded down.

    Args:
        mel, time: no stripe is as wide as this, in bands and in frames; 0 for none.

    Raises:
        ValueError: a stripe could be wider than the spectrogram.
    """
    for axis, most in ((2, mel), (1, time)):
        size = spectrogram.shape[axis]
        if not 0 <= most <= size:
            name = "mel bands" if axis == 2 else "frames"
            raise ValueError(f"expected stripes of at most {size} {name}, as many as there are; got {most}.")
        if most:
            width = torch.rand(len(spectrogram), generator=generator) * most
            start = torch.rand(len(spectrogram), generator=generator) * (size - width)
            after = torch.arange(size) - start.long()[:, None]
            stripe = ((after >= 0) & (after < width.long()[:, None])).unsqueeze(3 - axis)
            spectrogram = spectrogram.masked_fill(stripe.to(spectrogram.device), value)
    return spectrogram


def jitter_edges(
    f_min: float, f_max: float, *, low: int = 0, high: int = 0, generator: torch.Generator | None = None
) -> tuple[float, float]:
    """Edges of the mel bands, in hertz, for one training step: all bands shift a little, as if pitch did.

    The lower edge rises by 0 to `low` - 1, the upper one moves by -`high` / 2 + 1 to `high` / 2; whole hertz.
    """
    if low:
        f_min += int(torch.randint(low, (1,), generator=generator))
    if high:
        f_max += high // 2 - int(torch.randint(high, (1,), generator=generator))
    return f_min, f_max
