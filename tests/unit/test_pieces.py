"""An encoder that learns in pieces: the loss and the gradients of the whole batch, in the memory of a piece."""

import copy
import pickle
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn

from lib import parallel, retrieval
from lib.encoders import pieces, scratch
from lib.encoders.pieces import in_pieces
from tests.unit import toy_corpus as toy
from tests.unit.toy_corpus import RECIPE

BOTH = replace(RECIPE, tune=("audio", "text"), options={"temperature": 0.1})


class Dropping(toy.Ear):
    """Forgets some of what it heard while it learns; notes how many clips came at once."""

    def __init__(self):
        super().__init__()
        self.drop, self.seen = nn.Dropout(0.3), []

    def forward(self, waveforms, lengths):
        self.seen.append(len(waveforms))
        frames, mask = super().forward(waveforms, lengths)
        return self.drop(frames), mask


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))


def encoded(size=None, ear=toy.Ear):
    """The toy corpus; both encoders learn in pieces of this size, or whole."""
    towers = {"audio": ear().frozen(), "text": toy.Reader().frozen()}
    if size:
        towers = {side: in_pieces(encoder, size) for side, encoder in towers.items()}
    return retrieval.encode(toy.clips(), **towers)


def gradients(corpus, recipe=BOTH, rows=14):
    """Loss and gradients of the first clips' first captions, in double precision."""
    model = retrieval.untrained(corpus, recipe, torch.Generator().manual_seed(0)).train()
    batch = corpus.examples(["train"], recipe.tune).batch(torch.arange(rows) * 2)
    torch.manual_seed(3)
    value = retrieval.batch_loss(recipe)(model, batch)
    value.backward()
    return value.detach(), {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("size", [1, 4, 5, 14, 50])
@pytest.mark.parametrize("recipe", [
    BOTH, replace(BOTH, mixco=True), replace(BOTH, trainable_temperature=True),
    replace(BOTH, loss="triplet", options={}), replace(BOTH, tune=("text",)),
], ids=["nt_xent", "mixco", "temperature", "triplet", "text alone"])  # fmt: skip
def test_loss_and_gradients_are_those_of_the_whole_batch(size, recipe):
    whole, wanted = gradients(encoded(), recipe)
    value, found = gradients(encoded(size), recipe)
    torch.testing.assert_close(value, whole)
    assert found.keys() == wanted.keys() and any(".encoder." in name for name in found)
    for name in wanted:
        torch.testing.assert_close(found[name], wanted[name], msg=name)


def test_losses_of_pieces_by_themselves_would_be_others():
    """What plain gradient accumulation does: each clip meets the negatives of its own piece alone."""
    corpus, recipe = encoded(), BOTH
    model = retrieval.untrained(corpus, recipe, torch.Generator().manual_seed(0)).train()
    examples, loss = corpus.examples(["train"], recipe.tune), retrieval.batch_loss(recipe)
    parts = [loss(model, examples.batch(rows * 2)) for rows in torch.arange(14).split(7)]
    assert not torch.isclose(torch.stack(parts).mean(), gradients(corpus)[0], rtol=0.05)


def test_the_second_encoding_meets_the_same_chance():
    """Gradients fit the loss that was taken, dropout and all: against the same draws without a second encoding."""
    corpus = encoded(4, Dropping)
    value, found = gradients(corpus, replace(BOTH, tune=("audio",)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "checkpoint", lambda whole, *piece, use_reentrant: whole(*piece))
        kept_value, kept = gradients(corpus, replace(BOTH, tune=("audio",)))
        patch.setattr(pieces, "checkpoint", partial(pieces.torch.utils.checkpoint.checkpoint, preserve_rng_state=False))
        _, other = gradients(corpus, replace(BOTH, tune=("audio",)))
    assert value == kept_value
    for name in kept:
        torch.testing.assert_close(found[name], kept[name], msg=name)
    assert any(not torch.allclose(other[name], kept[name]) for name in kept)  # teeth: chance forgotten


def test_in_half_precision_the_second_encoding_is_in_half_precision_too():
    """As in training: the loss under autocast, the way back outside of it."""
    found = []
    for again in (pieces.checkpoint, lambda whole, *piece, use_reentrant: whole(*piece)):
        encoder = in_pieces(toy.Ear().eval(), 3)
        torch.manual_seed(0)
        waveforms, lengths = torch.rand(8, 800), torch.full((8,), 800)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pieces, "checkpoint", again)
            with parallel.autocast("bf16"):
                value = encoder(waveforms, lengths)[0].square().mean()
            value.backward()
        found.append(encoder.layer.weight.grad)
    torch.testing.assert_close(*found, rtol=0, atol=0)
    whole = toy.Ear().eval()  # teeth: in full precision it is another gradient
    whole(waveforms, lengths)[0].square().mean().backward()
    assert not torch.equal(whole.layer.weight.grad, found[0])


def test_no_more_than_a_piece_at_once_while_it_learns_and_all_at_once_when_it_does_not():
    encoder = in_pieces(Dropping(), 4)
    waveforms, lengths = torch.rand(10, 800), torch.full((10,), 800)
    encoder.norm.eval()
    encoder(waveforms, lengths)[0].sum().backward()
    assert encoder.seen == [4, 4, 2, 2, 4, 4]  # encoded, and, from the last one back, once more for the gradient
    with torch.no_grad():
        encoder(waveforms, lengths)
    encoder.requires_grad_(False)(waveforms, lengths)
    assert encoder.seen[6:] == [10, 10]


def test_copies_and_pickles_take_their_own_weights():
    encoder = in_pieces(toy.Ear().eval(), 2)
    waveforms, lengths = torch.rand(5, 800), torch.full((5,), 800)
    for other in (copy.deepcopy(encoder), pickle.loads(pickle.dumps(encoder))):
        before = other(waveforms, lengths)[0]
        with torch.no_grad():
            encoder.layer.weight.add_(1.0)
        torch.testing.assert_close(other(waveforms, lengths)[0], before, rtol=0, atol=0)
        assert other.piece_size == 2


def test_names_keys_and_weights_stay_what_they_are():
    encoder, plain = in_pieces(toy.Ear(), 2), toy.Ear()
    assert (encoder.name, encoder.key, type(encoder)) == (plain.name, plain.key, type(plain))
    assert encoder.state_dict().keys() == plain.state_dict().keys()
    assert encoded(2).notes == encoded().notes and encoded(2).key == encoded().key


def test_a_run_is_found_again_whatever_the_pieces():
    whole = retrieval.fit(encoded(), BOTH, seed=0, progress=False)
    again = retrieval.fit(encoded(3), BOTH, seed=0, progress=False)
    assert whole.new and not again.new


def test_what_learns_its_batch_norms_is_refused():
    with pytest.raises(ValueError, match="pieces of 1 or more; got 0"):
        in_pieces(toy.Ear(), 0)
    with pytest.raises(ValueError, match="batch norms that learn"):
        in_pieces(toy.Ear().train(), 2)(torch.rand(5, 800), torch.full((5,), 800))
    new = object.__new__(scratch.FromScratch)
    nn.Module.__init__(new)
    new.name = "ear from scratch"
    with pytest.raises(ValueError, match="learns from scratch"):
        in_pieces(new, 2)
