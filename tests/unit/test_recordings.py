"""What a fine-tuned encoder reads: recordings, kept in half the space while there is room; captions; epochs of both."""

import numpy as np
import pytest
import torch

from lib import audio
from lib.examples import Epoch, Examples, Recordings, joined

RATE = 1000
SIZES = (300, 100, 200)  # samples of each clip


def sound(clip):
    return np.random.default_rng(clip).uniform(-1, 1, SIZES[clip]).astype(np.float32)


@pytest.fixture
def read(monkeypatch):
    """Clips that were rendered, in order."""
    calls = []

    def render(locator, sample_rate):
        calls.append(clip := int(locator.rpartition("/")[2]))
        assert sample_rate == RATE
        return sound(clip)

    monkeypatch.setitem(audio._RENDERERS, "recordings-test", render)
    return calls


def recordings(**named):
    return Recordings([f"recordings-test://{clip}" for clip in range(3)], RATE, **named)


def test_they_are_padded_to_the_longest_and_come_with_their_lengths(read):
    waves, lengths = recordings().read([1, 0, 2])
    assert waves.shape == (3, 300) and lengths.tolist() == [100, 300, 200] and waves.dtype == torch.float32
    for row, clip in zip(waves, (1, 0, 2)):
        np.testing.assert_allclose(row[: SIZES[clip]], sound(clip), rtol=2**-11, atol=2**-24)
        assert not row[SIZES[clip] :].any()


def test_nothing_is_read_before_it_is_asked_for_and_nothing_twice(read):
    known = recordings()
    assert read == []
    first = known.read([0, 1])
    assert read == [0, 1]
    again = known.read([0, 1])
    assert read == [0, 1] and torch.equal(first[0], again[0])


@pytest.mark.parametrize("keeps, read_again", [(1200, []), (1199, [2]), (799, [1, 2]), (0, [0, 1, 2])])
def test_memory_is_capped_and_what_has_no_room_is_read_again_to_the_same(read, keeps, read_again):
    known = recordings(keep_gib=keeps / 2**30)  # half precision: two bytes a sample
    first = known.read([0, 1, 2])
    assert sum(samples.nbytes for samples in known.kept.values()) <= keeps
    read.clear()
    again = known.read([0, 1, 2])
    assert read == read_again and torch.equal(first[0], again[0])


def test_a_clip_with_room_is_kept_though_a_longer_one_had_none(read):
    known = recordings(keep_gib=300 / 2**30)
    known.read([0, 1])
    assert list(known.kept) == [1]


class Loud(torch.nn.Module):
    """A front end: the loudness of each ten samples, in two bands."""

    def forward(self, waveforms, lengths):
        loud = waveforms.unflatten(1, (-1, 10)).abs().mean(2, keepdim=True).repeat(1, 1, 2)
        return loud, audio.length_mask(lengths // 10, loud.shape[1])


def test_with_a_front_end_its_spectrograms_are_kept_and_masked(read):
    known = recordings(front_end=Loud())
    log_mels, mask = known.read([1, 0])
    assert log_mels.shape == (2, 30, 2) and mask.sum(1).tolist() == [10, 30] and not log_mels[0, 10:].any()
    np.testing.assert_allclose(log_mels[1, :, 1], np.abs(sound(0)).reshape(30, 10).mean(1), rtol=1e-6)
    assert known.kept[0].dtype == np.float32 and known.read([0])[0].shape == (1, 30, 2) and read == [1, 0]
    both = joined([examples(recordings=known), examples(recordings=known)])
    assert both.recordings.front_end is known.front_end


def examples(n=3, offset=0, **named):
    """Feature of clip k is k; two captions each, of feature 10 k and 10 k + 1."""
    clips = torch.arange(n)
    text = (10 * clips[:, None] + torch.arange(2)).flatten()
    on, told = torch.ones(n, 1, dtype=torch.bool), torch.ones(2 * n, 1, dtype=torch.bool)
    values = [(x + offset).float()[:, None, None] for x in (clips, text)]
    return Examples(values[0], on, values[1], told, clips.repeat_interleave(2), **named)


def captions(n, word="caption"):
    return tuple(f"{word} {i}" for i in range(2 * n))


def test_the_first_clips_keep_their_captions_and_recordings(read):
    few = examples(3, recordings=recordings(), captions=captions(3)).first(2)
    assert len(few) == 2 and few.groups.tolist() == [0, 0, 1, 1] and few.text.flatten().tolist() == [0, 1, 10, 11]
    assert few.told(torch.tensor([3, 0])) == (["caption 3", "caption 0"],)
    assert few.heard(torch.tensor([1]))[1].tolist() == [100]
    frames, mask = examples(3).first(2).heard(torch.tensor([1, 0]))
    assert frames.flatten().tolist() == [1, 0] and mask.all()
    assert examples(3).first(9).groups.tolist() == examples(3).groups.tolist()


def test_splits_are_joined_in_order(read):
    a = examples(3, recordings=recordings(), captions=captions(3, "a")).first(2)
    b = examples(3, offset=100, recordings=recordings(), captions=captions(3, "b"))
    both = joined([a, b])
    assert len(both) == 5 and both.groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert both.audio.flatten().tolist() == [0, 1, 100, 101, 102]
    assert both.captions == (*captions(2, "a"), *captions(3, "b"))
    assert both.heard(torch.arange(5))[1].tolist() == [300, 100, 300, 100, 200]
    assert joined([a]) is a
    frozen = joined([examples(1), examples(1)])
    assert frozen.captions is None and frozen.recordings is None


def test_an_epoch_is_put_together_batch_by_batch(read):
    epoch = examples(3, recordings=recordings(), captions=captions(3)).batches(torch.Generator().manual_seed(0), 2)
    assert isinstance(epoch, Epoch) and len(epoch) == 2 and read == []
    batch = epoch[0]
    assert len(read) == len(batch.groups) == 2 and read == batch.groups.tolist()
    (told,) = batch.text
    assert [int(text.split()[1]) // 2 for text in told] == batch.groups.tolist()
    assert len(list(epoch)) == 2, "it ends"


@pytest.mark.parametrize("batch_size, sizes", [(4, [4, 4, 4]), (5, [6, 6]), (8, [6, 6]), (100, [12])])
def test_none_takes_every_pair_once_an_epoch(batch_size, sizes):
    known, generator = examples(6), torch.Generator().manual_seed(0)
    epochs = [list(known.batches(generator, batch_size, None)) for _ in range(2)]
    drawn = [torch.cat([batch.text[0].flatten() for batch in epoch]).tolist() for epoch in epochs]
    assert [len(batch.groups) for batch in epochs[0]] == sizes
    assert sorted(drawn[0]) == sorted(drawn[1]) == sorted(known.text.flatten().tolist()) and drawn[0] != drawn[1]
    for batch in epochs[0]:
        assert torch.equal(batch.audio[0].flatten().long(), batch.groups)
        assert torch.equal(batch.text[0].flatten().long() // 10, batch.groups)
