"""A clip table, encoded once: what each side is given, in whatever pooling, and what it is known by."""

import numpy as np
import pytest
import torch

from lib import adapters, encoders, pooling
from lib.data import SourceError
from tests.unit import toy_corpus as toy

SIZES = (6, 4, 5)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))


@pytest.fixture
def corpus():
    return toy.corpus(SIZES)


def waves(split, clips):
    """What these clips of a split sound like."""
    paths = toy.clips(SIZES).query("split == @split")["path"].tolist()
    return [torch.from_numpy(toy.render(paths[clip], toy.RATE)) for clip in clips]


# Poolings


@pytest.mark.parametrize("name", pooling.POOLINGS)
def test_frames_and_tokens_are_pooled_as_the_adapter_would(name):
    pooled, whole = toy.corpus(SIZES, pool=name, text_pool=name), toy.corpus(SIZES, pool=None, text_pool=None)
    for side, mask in (("audio", "audio_mask"), ("text", "text_mask")):
        few, all_of_them = (getattr(c.splits["test"], side) for c in (pooled, whole))
        masks = [getattr(c.splits["test"], mask) for c in (pooled, whole)]
        assert few.shape[1] == 1 and masks[0].all() and all_of_them.shape[1] > 1 and not masks[1].all()
        expected = adapters.pooled(all_of_them, masks[1], name)[0]
        torch.testing.assert_close(few, expected, atol=4e-3, rtol=4e-3)  # pooled before or after half precision


def test_each_pooling_is_another_corpus_and_none_is_encoded_twice(capsys):
    corpora = [toy.corpus(SIZES, pool=name, text_pool=name) for name in pooling.POOLINGS]
    assert len({c.key for c in corpora}) == len({c.notes["identity"] for c in corpora}) == 3
    told = capsys.readouterr().out
    assert told.count("frames: 0 encoded, 15 from cache") == told.count("tokens: 0 encoded, 30 from cache") == 2
    assert [c.encoded for c in corpora] == [15 + 30, 0, 0]


def test_an_unknown_pooling_is_named():
    with pytest.raises(ValueError, match="expected a pooling among mean, max.mean, first; got 'sum'"):
        toy.corpus(SIZES, pool="sum")


# Fewer clips, several splits


def test_the_first_clips_come_with_their_captions(corpus):
    few = corpus.first(4)
    assert {name: (len(s), len(s.groups)) for name, s in few.splits.items()} == {
        "train": (4, 8), "validation": (4, 8), "test": (5, 10),
    }  # fmt: skip
    assert few.splits["test"] is corpus.splits["test"]
    tuned = few.examples(["train"], ("text", "audio"))
    assert tuned.captions == tuple(corpus.rows["train"]["caption"][:8])
    assert tuned.heard(torch.arange(4))[1].tolist() == [len(wave) for wave in waves("train", range(4))]


def test_the_first_clips_are_a_corpus_of_their_own(corpus):
    keys = [(c.key, c.notes["identity"]) for c in (corpus, corpus.first(4), corpus.first(3))]
    assert len(set(keys)) == len({identity for _, identity in keys}) == 3
    assert corpus.first(4).key == toy.corpus(SIZES).first(4).key


def test_several_splits_are_one_and_captions_follow_their_clips(corpus):
    both = corpus.examples(["validation", "test"], ("text", "audio"))
    clips, captions = (4, 5), (8, 10)
    assert len(both) == sum(clips) and len(both.groups) == len(both.captions) == sum(captions)
    assert both.groups[8:].tolist() == (corpus.splits["test"].groups + 4).tolist()
    assert torch.equal(both.audio[4:], corpus.splits["test"].audio)
    assert both.captions[8:] == tuple(corpus.rows["test"]["caption"])
    heard, lengths = both.heard(torch.tensor([1, 7]))
    for row, length, wave in zip(heard, lengths, waves("validation", [1]) + waves("test", [3]), strict=True):
        assert length == len(wave)
        torch.testing.assert_close(row[:length], wave, atol=1e-3, rtol=1e-3)


def test_frozen_sides_keep_their_frames_and_tuned_ones_read(corpus):
    rows = torch.tensor([3, 0])
    frozen, text, audio = (corpus.examples(["test"], tune) for tune in ((), ("text",), ("audio",)))
    assert frozen is corpus.splits["test"] and frozen.recordings is None and frozen.captions is None
    assert text.told(rows) == ([corpus.rows["test"]["caption"][3], corpus.rows["test"]["caption"][0]],)
    assert torch.equal(text.heard(rows)[0], frozen.audio[rows]) and torch.equal(audio.told(rows)[0], frozen.text[rows])
    assert audio.heard(rows)[0].shape[0] == 2 and audio.heard(rows)[0].dim() == 2


def test_a_split_that_is_not_there_is_told(corpus):
    with pytest.raises(SourceError, match="expected a split among train, validation, test; got 'noisy'"):
        corpus.examples(["train", "noisy"])


# Encoders and identity


def test_an_encoder_that_learns_is_a_copy(corpus):
    for side, known in zip(("audio", "text"), corpus.encoders):
        one, other = corpus.encoder(side), corpus.encoder(side)
        assert one.key == known.key and one is not other and one is not known
        assert all(p.requires_grad for p in one.parameters()) and not any(p.requires_grad for p in known.parameters())
        with torch.no_grad():
            next(one.parameters()).add_(1)
        assert one.key != known.key == corpus.encoder(side).key == other.key


def test_encoders_by_name_are_loaded_to_learn(monkeypatch):
    asked = []

    def load(name, *, trainable=False):
        asked.append((name, trainable))
        return {"ear": toy.Ear, "reader": toy.Reader}[name]().requires_grad_(trainable)

    monkeypatch.setattr(encoders, "audio", load)
    monkeypatch.setattr(encoders, "text", load)
    from lib import retrieval

    corpus = retrieval.encode(toy.clips(SIZES), audio="ear", text="reader")
    assert all(p.requires_grad for p in corpus.encoder("text").parameters())
    assert asked == [("ear", False), ("reader", False), ("reader", True)]


def test_it_is_known_by_what_was_encoded_and_its_key_by_what_came_out(corpus, monkeypatch):
    again, other = toy.corpus(SIZES), toy.corpus(SIZES, seed=1)
    assert (again.key, again.notes["identity"]) == (corpus.key, corpus.notes["identity"])
    assert other.key != corpus.key and other.notes["identity"] != corpus.notes["identity"]
    louder = toy.Ear().frozen()
    with torch.no_grad():
        louder.layer.bias.add_(0.5)
    from lib import retrieval

    changed = retrieval.encode(toy.clips(SIZES), audio=louder, text=toy.Reader().frozen())
    assert changed.notes["identity"] != corpus.notes["identity"], "other weights are another identity"
    assert np.isfinite(changed.splits["test"].audio.numpy()).all()
