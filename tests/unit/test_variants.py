"""Variants of captions: aligned, filled up with the caption itself, drawn with their chance, averaged as views."""

import pickle
from dataclasses import replace
from functools import partial, partialmethod

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional as F

from lib import retrieval
from lib.data import SourceError
from lib.variants import completed
from tests.unit import toy_corpus as toy
from tests.unit.toy_corpus import RECIPE


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))


def turned(caption, by):
    """The same letters in another order: what a toy caption means does not change."""
    return caption[by % len(caption) :] + caption[: by % len(caption)]


def variants(corpus, name, n=3):
    """Of every other caption n, of the others none."""
    return [[turned(text, k) for k in range(1, n + 1)] if i % 2 == 0 else []
            for i, text in enumerate(corpus.rows[name]["caption"])]


def with_variants(corpus, *names, n=3):
    return corpus.with_variants({name: variants(corpus, name, n) for name in names})


def test_each_variant_is_what_the_encoder_says_of_its_text():
    corpus = with_variants(toy.corpus(), "train")
    known, captions = corpus.splits["train"].variants, list(corpus.rows["train"]["caption"])
    assert known.most == 3 and known.text.shape == (96, 4, 1, 16)
    tokens, mask = toy.Reader()([turned(captions[4], 2)])
    torch.testing.assert_close(known.text[4, 2, 0], tokens[0][mask[0]].mean(0), atol=1e-2, rtol=1e-2)
    assert known.captions[4] == (captions[4], *(turned(captions[4], k) for k in (1, 2, 3)))
    assert known.captions[5] == (captions[5],) * 4  # where there is none, the caption itself
    torch.testing.assert_close(known.text[:, 0], corpus.splits["train"].text)


def test_other_variants_are_another_corpus():
    plain = toy.corpus()
    one, same, other = (with_variants(plain, "train", n=n) for n in (3, 3, 2))
    assert one.key == same.key and one.notes["identity"] == same.notes["identity"]
    assert len({plain.key, one.key, other.key}) == len({c.notes["identity"] for c in (plain, one, other)}) == 3


@pytest.mark.parametrize("given, match", [
    ([["a"]], "variants of 96 captions, in their order; got 1"), ([[]] * 96, "at least one variant"),
])  # fmt: skip
def test_what_is_not_aligned_is_refused(given, match):
    with pytest.raises(ValueError, match=match):
        toy.corpus().with_variants({"train": given})
    with pytest.raises(SourceError, match="expected a split among train, validation, test; got 'exam'"):
        toy.corpus().with_variants({"exam": given})
    with pytest.raises(ValueError, match="2 captions, in their order; got 1"):
        completed(["one", "two"], [["uno"]])


@pytest.mark.parametrize("tune", [(), ("text",)])
@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
def test_swapping_draws_variants_with_its_chance_evenly(tune, chance):
    corpus = toy.corpus()
    everywhere = [[turned(text, k) + "z" * k for k in (1, 2, 3)] for text in corpus.rows["train"]["caption"]]
    examples = corpus.with_variants({"train": everywhere}).examples(["train"], tune)
    generator, seen = torch.Generator().manual_seed(0), np.zeros(4)
    for _ in range(60):
        for batch in examples.batches(generator, 16, swap=chance):
            for place, row in enumerate(batch.rows.tolist()):
                told = examples.variants.captions[row]
                if tune:
                    seen[told.index(batch.text[0][place])] += 1
                else:
                    same = (examples.variants.text[row] == batch.text[0][place]).flatten(1).all(1)
                    seen[int(same.nonzero()[0])] += 1
            assert torch.equal(examples.groups[batch.rows], batch.groups)
    share = seen / seen.sum()
    assert share[0] == pytest.approx(1 - chance, abs=0.03)
    np.testing.assert_allclose(share[1:], chance / 3, atol=0.03)


def test_without_swapping_nothing_is_drawn_anew():
    """Old runs repeat to the bit: the draws of a corpus with variants are those without."""
    plain = toy.corpus()
    drawn = [[b.rows for b in c.splits["train"].batches(torch.Generator().manual_seed(3), 16)]
             for c in (plain, with_variants(plain, "train"))]
    assert all(torch.equal(a, b) for a, b in zip(*drawn))


def test_swapping_without_variants_says_so():
    with pytest.raises(ValueError, match="swap=0.3 needs captions with variants"):
        retrieval.fit(toy.corpus(), replace(RECIPE, swap=0.3), seed=0, progress=False)


def test_views_are_averages_of_normalised_embeddings():
    corpus = with_variants(toy.corpus(), "test")
    model = retrieval.untrained(corpus, RECIPE, torch.Generator().manual_seed(0)).eval()
    split = corpus.splits["test"]
    with torch.no_grad():
        each = [F.normalize(model.text(split.variants.text[:, k], split.variants.mask[:, k]), dim=-1) for k in range(3)]
        audio = F.normalize(model.audio(split.audio, split.audio_mask), dim=-1)
    expected = F.normalize(sum(each) / 3, dim=-1) @ audio.T
    np.testing.assert_allclose(retrieval.similarity(model, split, views=2), expected, atol=1e-5)
    with pytest.raises(ValueError, match="expected captions with 4 variants each; got 3"):
        retrieval.similarity(model, split, views=4)


def test_a_caption_beside_itself_is_no_new_view():
    corpus = toy.corpus()
    corpus = corpus.with_variants({"test": [[text] * 5 for text in corpus.rows["test"]["caption"]]})
    model = retrieval.untrained(corpus, RECIPE, torch.Generator().manual_seed(0)).eval()
    split = corpus.splits["test"]
    np.testing.assert_allclose(
        retrieval.similarity(model, split, views=5), retrieval.similarity(model, split), atol=1e-5
    )


def test_splits_with_and_without_variants_go_together():
    corpus = with_variants(toy.corpus(), "train")
    both = corpus.examples(["validation", "train"], tune=("text",))
    assert both.variants.text.shape[:2] == (24 + 96, 4) and both.sources.tolist() == [0] * 12 + [1] * 48
    captions = [*corpus.rows["validation"]["caption"], *corpus.rows["train"]["caption"]]
    assert [texts[0] for texts in both.variants.captions] == captions == list(both.captions)
    assert both.variants.captions[3] == (captions[3],) * 4


def test_fewer_clips_keep_their_own_variants():
    corpus = with_variants(toy.corpus(), "train").first(5)
    assert corpus.splits["train"].variants.captions == with_variants(toy.corpus(), "train").splits[
        "train"].variants.captions[:10]


def test_arms_are_scored_with_further_views():
    corpus = toy.corpus()
    corpus = corpus.with_variants({"test": [[text[:1], text[:1]] for text in corpus.rows["test"]["caption"]]})
    found = retrieval.compare({0: corpus}, {"arm": RECIPE}, views=(0, 2))["arm"][0]
    assert list(found.splits) == ["test", "test +2"]
    model = retrieval.fit(corpus, RECIPE, seed=0, progress=False).model
    expected = retrieval.scores(model, corpus.splits["test"], views=2)
    np.testing.assert_allclose(found.splits["test +2"], expected)
    assert not np.allclose(found.splits["test"], expected)


def test_nothing_is_read_before_a_frozen_encoder_is_asked(monkeypatch):
    """Arms that are replayed, or that tune the text encoder, need the texts alone: 125,000 of them at laptop."""
    plain, read = toy.corpus(), []
    monkeypatch.setattr(toy.Reader, "forward", lambda self, captions: read.append(captions))
    corpus = with_variants(plain, "train", "test").first(20)
    examples = corpus.examples(["train", "test"], ("text",))
    told = examples.told(torch.tensor([0, 4]), torch.tensor([2, 1]))
    assert told[0] == [examples.variants.captions[0][2], examples.variants.captions[4][1]] and not read
    sent = pickle.loads(pickle.dumps(corpus))  # to a process of its own
    assert sent.splits["train"].variants.captions == corpus.splits["train"].variants.captions
    with pytest.raises(TypeError):  # here it would have been asked
        _ = corpus.splits["test"].variants.text
    assert read


def test_compare_scores_each_view_as_scores_does_and_embeds_once(monkeypatch):
    corpus = with_variants(toy.corpus(), "test")
    live = replace(RECIPE, tune=("text", "audio"))
    told, heard = [], []
    outcome = retrieval.compare({0: corpus}, {"one": live}, views=(0, 2))["one"][0]
    model, split = retrieval.fit(corpus, live, seed=0, progress=False).model, corpus.examples(["test"], live.tune)
    for name, n in (("test", 0), ("test +2", 2)):
        pd.testing.assert_frame_equal(outcome.splits[name], retrieval.scores(model, split, n))
    for module, seen in ((toy.Reader, told), (toy.Ear, heard)):
        counted = partial(lambda own, seen, self, x, *rest: (seen.append(len(x)), own(self, x, *rest))[1],
                          module.forward, seen)
        monkeypatch.setattr(module, "forward", partialmethod(counted))
    retrieval._scores(model, split, (0, 2))
    assert sum(told) == 3 * len(split.groups) and sum(heard) == len(split)
