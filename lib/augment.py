"""What a training step may do to a spectrogram: hide stripes of it (SpecAugment), and let its mel bands wander.

Primus' code trains with both, on top of patchout; the paper names neither. Taught in notebook 11.
Without a generator the draws come from torch's global one, which `train.lend_chance` replaces by ours.
"""

import torch
from jaxtyping import Bool, Float
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
    for axis, name, most in ((2, "mel bands", mel), (1, "frames", time)):
        size = spectrogram.shape[axis]
        if not 0 <= most <= size:
            raise ValueError(f"expected stripes of at most {size} {name}, as many as there are; got {most}.")
        if most:
            stripes = _stripes(len(spectrogram), size, most, generator).unsqueeze(3 - axis)
            spectrogram = spectrogram.masked_fill(stripes.to(spectrogram.device), value)
    return spectrogram


def _stripes(n: int, size: int, most: int, generator: torch.Generator | None) -> Bool[Tensor, "{n} {size}"]:
    width = torch.rand(n, generator=generator) * most
    start = torch.rand(n, generator=generator) * (size - width)
    after = torch.arange(size) - start.long()[:, None]
    return (after >= 0) & (after < width.long()[:, None])


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
