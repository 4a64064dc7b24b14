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


def mixture(share, lengths=(4, 6, 3)):
    """Three short clips, padded, each mixed with the next."""
    rows = torch.tensor([[1.0, 2, 3, 4, 0, 0], [10, 20, 30, 40, 50, 60], [100, 200, 300, 0, 0, 0]])
    return augment.mix_waveforms(rows, torch.tensor(lengths), torch.tensor([1, 2, 2]), torch.tensor(share))


def test_a_mixture_is_both_clips_in_proportion_and_as_long_as_the_longer():
    mixed, lengths = mixture([0.75, 0.5, 0.2])
    assert lengths.tolist() == [6, 6, 3]
    by_hand = [[3.25, 6.5, 9.75, 13, 12.5, 15], [55, 110, 165, 20, 25, 30], [100, 200, 300, 0, 0, 0]]
    torch.testing.assert_close(mixed, torch.tensor(by_hand))


def test_share_one_is_the_clip_and_share_zero_its_partner():
    rows = mixture([1.0, 1.0, 1.0])[0]
    assert torch.equal(mixture([0.0, 0.0, 1.0])[0][:2], rows[1:]) and torch.equal(rows[0, 4:], torch.zeros(2))


def test_what_lies_beyond_a_clip_is_not_mixed_in():
    mixed, lengths = mixture([0.5, 0.5, 0.5], lengths=(2, 1, 3))
    assert lengths.tolist() == [2, 3, 3]
    torch.testing.assert_close(mixed[0], torch.tensor([5.5, 1, 0, 0, 0, 0]))


def test_a_swapped_share_is_caught():
    assert not torch.allclose(mixture([0.75, 0.5, 0.2])[0], mixture([0.25, 0.5, 0.8])[0])


@pytest.mark.bad_shapes
def test_spectrograms_are_not_mixed():
    shares, rows = torch.full((4,), 0.5), torch.arange(4)
    with pytest.raises(ValueError, match="reads waveforms"):
        augment.mix_waveforms(ones(), torch.ones(4, 200).bool(), rows, shares)


def captions_of_ids(rows=500, tokens=40):
    ids = torch.arange(rows * tokens).reshape(rows, tokens) + 1000
    maskable = torch.rand(rows, tokens, generator=generator(1)) < 0.7
    return ids, maskable


@pytest.mark.parametrize("share", [0.15, 0.5])
def test_the_share_is_kept_on_average_and_nothing_else_is_touched(share):
    ids, maskable = captions_of_ids()
    masked = augment.mask_tokens(ids, maskable, 103, share, generator())
    hidden = masked != ids
    assert (masked[hidden] == 103).all() and not (hidden & ~maskable).any()
    n, spread = int(maskable.sum()), (share * (1 - share) / int(maskable.sum())) ** 0.5
    assert abs(int(hidden.sum()) / n - share) < 4 * spread
    assert len(set(hidden.sum(1).tolist())) > 3  # token by token, not so many a caption


def test_the_generator_decides_which_tokens():
    ids, maskable = captions_of_ids()
    first, again, other = (augment.mask_tokens(ids, maskable, 103, 0.15, generator(s)) for s in (3, 3, 4))
    assert torch.equal(first, again) and not torch.equal(first, other)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        assert torch.equal(augment.mask_tokens(ids, maskable, 103, 0.15), first)


def test_none_and_all_of_the_tokens():
    ids, maskable = captions_of_ids()
    before = torch.random.get_rng_state()
    assert torch.equal(augment.mask_tokens(ids, maskable, 103, 0.0), ids)
    assert torch.equal(torch.random.get_rng_state(), before)  # whoever masks nothing draws as ever
    assert torch.equal(augment.mask_tokens(ids, maskable, 103, 1.0, generator()), ids.masked_fill(maskable, 103))
    with pytest.raises(ValueError, match="got 15"):
        augment.mask_tokens(ids, maskable, 103, 15.0)
