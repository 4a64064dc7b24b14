"""Drawing batches: each clip once an epoch, captions of its own, nothing left to chance but the generator."""

import torch

from lib.examples import Examples, draw_captions

GROUPS = torch.arange(10).repeat_interleave(5)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def examples():
    """Feature k of clip k is k; feature of caption j is j."""
    audio, text = torch.arange(10.0).reshape(10, 1, 1), torch.arange(50.0).reshape(50, 1, 1)
    return Examples(audio, torch.ones(10, 1, dtype=torch.bool), text, torch.ones(50, 1, dtype=torch.bool), GROUPS)


def test_each_clip_comes_once_with_a_caption_of_its_own():
    drawn = draw_captions(GROUPS, 1, generator())
    assert sorted(GROUPS[drawn].tolist()) == list(range(10))


def test_several_captions_of_a_clip_stand_side_by_side_and_differ():
    drawn = draw_captions(GROUPS, 3, generator())
    assert len(set(drawn.tolist())) == 30
    assert (GROUPS[drawn].reshape(10, 3) == GROUPS[drawn].reshape(10, 3)[:, :1]).all()


def test_a_clip_with_fewer_captions_gives_what_it_has_and_one_without_gives_none():
    groups = torch.tensor([0, 0, 0, 2, 3, 3])
    assert sorted(groups[draw_captions(groups, 2, generator())].tolist()) == [0, 0, 2, 3, 3]


def test_every_caption_and_order_comes_up():
    g = generator()
    first = [draw_captions(GROUPS, 1, g) for _ in range(200)]
    assert set(torch.cat(first).tolist()) == set(range(50))
    assert len({tuple(GROUPS[d].tolist()) for d in first}) > 190


def test_the_same_generator_draws_the_same():
    assert torch.equal(draw_captions(GROUPS, 2, generator(4)), draw_captions(GROUPS, 2, generator(4)))
    assert not torch.equal(draw_captions(GROUPS, 2, generator(4)), draw_captions(GROUPS, 2, generator(5)))


def test_batches_pair_each_caption_with_its_clip_and_have_one_size():
    batches = examples().batches(generator(), batch_size=3)
    assert [len(b.groups) for b in batches] == [4, 3, 3]
    for batch in batches:
        assert torch.equal(batch.audio[0].flatten().long(), batch.groups)
        assert torch.equal(GROUPS[batch.text[0].flatten().long()], batch.groups)


def test_fewer_clips_than_a_batch_make_one_batch():
    assert [len(b.groups) for b in examples().batches(generator(), batch_size=64)] == [10]
