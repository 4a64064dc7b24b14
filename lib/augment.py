"""What a training step may do to its inputs: hide parts of them, shift them, mix them. Nothing here runs at inference.

Spectrograms lose stripes (SpecAugment) and their mel bands wander: Primus' code trains with both, on top of patchout;
the paper names neither (notebook 11). Waveforms are mixed and text tokens masked: Munakata et al. 2024, section 4.2
(notebook 13). Without a generator the draws come from torch's global one, which `train.lend_chance` replaces by ours.
"""

import torch
from jaxtyping import Bool, Float, Int
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


def mix_waveforms(
    waveforms: Float[Tensor, "batch samples"],
    lengths: Int[Tensor, " batch"],
    partner: Int[Tensor, " batch"],
    share: Float[Tensor, " batch"],
) -> tuple[Float[Tensor, "batch samples"], Int[Tensor, " batch"]]:
    """Each clip mixed with another of its batch: share * clip + (1 - share) * partner (Munakata et al. 2024, eq. 8).

    Clips of different lengths begin together; the shorter is padded with silence, and the mixture is as long as the
    longer one (the paper, which cuts and pads all clips to 10 s, need not say). Levels are not evened out: a loud clip
    at share 0.5 may drown a quiet one. Taught in notebook 13.

    Args:
        lengths: of the clips, in samples; what lies beyond is not listened to.
        partner: row of the other clip; a row may be its own, and stays as it is.
        share: of the row's own clip, from 0 to 1.

    Raises:
        ValueError: these are not waveforms (spectrograms cannot be mixed: decibels do not add).
    """
    if waveforms.ndim != 2 or lengths.dtype == torch.bool:
        raise ValueError(f"expected waveforms (batch, samples) and their lengths; got shape {tuple(waveforms.shape)}. "
                         "Mixing needs an audio encoder that reads waveforms.")
    heard = torch.arange(waveforms.shape[1], device=waveforms.device) < lengths[:, None]
    clean, own = waveforms.masked_fill(~heard, 0.0), share.to(waveforms)[:, None]
    return own * clean + (1 - own) * clean[partner], torch.maximum(lengths, lengths[partner])


def mask_tokens(
    ids: Int[Tensor, "batch token"],
    maskable: Bool[Tensor, "batch token"],
    mask_id: int,
    share: float,
    generator: torch.Generator | None = None,
) -> Int[Tensor, "batch token"]:
    """Each maskable token replaced by `mask_id` with probability `share` (Munakata et al. 2024, section 4.2: 15 %).

    BERT's pretraining leaves a fifth of the tokens that it picks as they are, or swaps them at random; here the model
    is not asked to guess them, and all are masked. A short caption may lose all its words. Taught in notebook 13.

    Args:
        maskable: neither padding nor special tokens.
        share: from 0 (nothing happens, nothing is drawn) to 1.

    Raises:
        ValueError: a share out of range.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"expected a share of tokens from 0 to 1; got {share}. The paper's is 0.15.")
    if not share:
        return ids
    drawn = torch.rand(ids.shape, generator=generator).to(ids.device) < share
    return ids.masked_fill(drawn & maskable, mask_id)
