"""What every audio encoder promises, whatever its network: a clip's frames depend on the clip alone."""

import numpy as np
import torch

from lib import audio


def clips_at_16_khz() -> list[np.ndarray]:
    """29.7 s, one sample, 0.5 s, 10 s, silence, and one spectrogram frame over a piece of 1,024."""
    rng = np.random.default_rng(0)
    clips = [rng.normal(0, 0.1, n).astype(np.float32) for n in (475_200, 1, 8000, 160_000, 30_000, 164_240)]
    clips[4] *= 0
    return clips


@torch.inference_mode()
def alone_equals_together(encoder, clips, steps: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Each clip has so many steps, the same alone and in the batch (to 1e-5 of the largest value; the batch changes
    the order of sums), and zeros after them. Gives the batch's frames and mask.
    """
    together, mask = encoder(*audio.pad(clips))
    assert mask.sum(1).tolist() == steps
    assert together.shape == (len(clips), max(steps), encoder.feature_dim)
    assert together.isfinite().all() and (together[~mask] == 0).all()
    for row, clip in enumerate(clips):
        alone, alone_mask = encoder(*audio.pad([clip]))
        assert alone_mask.all() and alone.shape[1] == steps[row]
        atol = 1e-5 * float(alone.abs().max())
        torch.testing.assert_close(together[row][mask[row]], alone[0], rtol=0, atol=atol)
    return together, mask


@torch.inference_mode()
def what_follows_is_not_heard(encoder, clips) -> None:
    """Whatever lies in a clip's row of the batch after its end."""
    waveforms, lengths = audio.pad(clips)
    loud = waveforms.masked_fill(~audio.length_mask(lengths, waveforms.shape[1]), 0.9)
    assert torch.equal(encoder(waveforms, lengths)[0], encoder(loud, lengths)[0])
