"""Stripes as torchaudio draws them, edges that wander within their range, and neither without being asked."""

import pytest
import torch
from torchaudio.transforms import FrequencyMasking, TimeMasking

from lib import augment


def ones(clips=4):
    return torch.ones(clips, 200, 64)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_same_seed_hides_what_torchaudio_hides():
    hidden = augment.hide_stripes(ones(), mel=24, time=90, generator=generator(7))
    with torch.random.fork_rng():
        torch.manual_seed(7)
        theirs = TimeMasking(90, iid_masks=True)(FrequencyMasking(24, iid_masks=True)(ones().transpose(1, 2)))
    assert torch.equal(hidden, theirs.transpose(1, 2)) and (hidden == 0).any()


def test_each_clip_has_its_own_stripe_narrower_than_asked():
    hidden = augment.hide_stripes(ones(400), time=50, value=-2.0, generator=generator())
    assert set(hidden.unique().tolist()) == {-2.0, 1.0}
    frames = (hidden == -2).all(2).sum(1)
    assert torch.equal(frames, (hidden == -2).any(2).sum(1)) and frames.max() == 49 and frames.min() == 0
    assert abs(frames.float().mean() - 24.5) < 2


def test_nothing_asked_nothing_hidden():
    assert torch.equal(augment.hide_stripes(ones()), ones())
    assert augment.jitter_edges(50.0, 7500.0) == (50.0, 7500.0)


@pytest.mark.parametrize("asked, said", [({"mel": 65}, "at most 64 mel bands"), ({"time": 201}, "at most 200 frames"),
                                         ({"time": -1}, "got -1")])  # fmt: skip
def test_a_stripe_wider_than_the_spectrogram_is_refused(asked, said):
    with pytest.raises(ValueError, match=said):
        augment.hide_stripes(ones(), **asked)


def test_edges_stay_in_their_range():
    random = generator()
    drawn = [augment.jitter_edges(0.0, 15000.0, low=10, high=2000, generator=random) for _ in range(2000)]
    low, high = zip(*drawn, strict=True)
    assert set(low) == set(range(10))
    assert 14001 <= min(high) < 14010 and 15990 < max(high) <= 16000
