"""The loss of a trained model without augmentation, on clips that it learnt from and on others; kept in the run log."""

from dataclasses import replace

import pytest
import torch

from lib import losses, retrieval, run_log
from lib.recipe import plain_loss, untrained
from tests.unit import toy_corpus as toy
from tests.unit.toy_corpus import RECIPE, SETTINGS


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(run_log, "LOGS", tmp_path / "logs")
    monkeypatch.delenv(run_log.RECORD, raising=False)


def fresh(corpus, recipe):
    return untrained(corpus, recipe, torch.Generator().manual_seed(0)).eval()


def test_it_is_the_loss_of_one_batch_where_there_is_one():
    corpus = toy.corpus((12, 12, 8))
    recipe = replace(RECIPE, options={"temperature": 0.3}, batch_size=12)
    model, split = fresh(corpus, recipe), corpus.examples(["validation"])
    (batch,) = split.batches(torch.Generator().manual_seed(0), 12)
    with torch.no_grad():
        expected = losses.nt_xent(*model(batch.audio, batch.text), temperature=0.3)
    assert plain_loss(model, split, recipe, 12) == pytest.approx(float(expected))


def test_what_the_recipe_does_in_training_is_no_part_of_it():
    """One measure for all arms: captions are their own, whatever they are swapped with, and the loss is one."""
    corpus = toy.corpus()
    strange = corpus.with_variants({"train": [["z"]] * len(corpus.rows["train"])})
    model, split = fresh(corpus, RECIPE), corpus.examples(["train"])
    plain = plain_loss(model, split, RECIPE, 16)
    swapped = replace(RECIPE, loss="triplet", swap=1.0)
    assert plain_loss(model, strange.examples(["train"]), swapped, 16) == plain
    assert plain != plain_loss(model, split, replace(RECIPE, options={"temperature": 0.5}), 16)
    drawn = next(iter(strange.examples(["train"]).batches(torch.Generator().manual_seed(0), 16, swap=1.0)))
    with torch.no_grad():  # teeth: those captions would have been another loss
        other = float(losses.nt_xent(*model(drawn.audio, drawn.text), groups=drawn.groups))
    assert other != pytest.approx(plain, abs=0.1)


def test_a_caption_learnt_with_holes_is_read_whole():
    class Forgetful(toy.Reader):
        masking = 0.0

        def forward(self, captions):
            values, mask = super().forward(captions)
            return (values * (torch.rand(values.shape[:2]) >= self.masking)[..., None], mask) if self.training else (
                values, mask)

    recipe = replace(RECIPE, tune=("text",), mask_tokens=0.9)
    corpus = retrieval.encode(toy.clips(), audio=toy.Ear().frozen(), text=Forgetful().frozen())
    model, split = untrained(corpus, recipe, torch.Generator().manual_seed(0)), corpus.examples(["train"], ("text",))
    assert model.text.encoder.masking == 0.9
    assert plain_loss(model.eval(), split, recipe, 16) == plain_loss(model, split, recipe, 16)
    assert plain_loss(model.train(), split, recipe, 16) != plain_loss(model.eval(), split, recipe, 16)


def test_a_model_that_learns_by_heart_has_a_gap(monkeypatch):
    corpora = {0: toy.corpus((8, 12, 8))}
    learns = replace(SETTINGS, learning_rate=0.03, max_epochs=60, stop_after=60)
    by_heart = replace(RECIPE, batch_size=8, training=learns)
    arms = {"by heart": by_heart, "not at all": replace(RECIPE, training=replace(SETTINGS, learning_rate=1e-9))}
    monkeypatch.setenv(run_log.RECORD, "1")
    trained = retrieval.compare(corpora, arms, log="toy")
    gaps = {arm: found[0].losses["validation"] - found[0].losses["learnt"] for arm, found in trained.items()}
    assert gaps["by heart"] > gaps["not at all"] + 1, gaps
    monkeypatch.delenv(run_log.RECORD)
    replayed = retrieval.compare(corpora, arms, log="toy")
    assert replayed["by heart"][0].losses == pytest.approx(trained["by heart"][0].losses)


def test_an_old_log_has_none():
    frame = toy.corpus().rows["test"][[]].assign(**{"AP@10": 0.5})
    outcome = run_log.Outcome("one", 0, {"test": frame}, frame[:1].assign(loss=1.0), ("early",))
    run_log.write("toy", {"k": outcome})
    assert run_log.read("toy")["k"].losses == {}
