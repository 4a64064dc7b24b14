"""One space for captions and changes: the loss by hand, batches, the ways to ask; towers that hear what they learnt."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lib import adapters, losses, one_space, promise, train
from lib.data.pairs import SCENES
from lib.difference import Pairs
from lib.examples import Examples
from lib.one_space import Material, Recipe

QUICK = Recipe(dim=32, batch_size=32, temperature=0.1, changes=1.0,
               training=train.Settings(learning_rate=3e-3, max_epochs=15, stop_after=15))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))


def toy(n=200, seed=0, shuffled=False):
    """Clips of two things each, captions that name them; pairs to which one thing is added, words that name it."""
    g, fixed = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(7)
    sounds, words, add = (torch.randn(8, width, generator=fixed) for width in (24, 16, 16))
    add = add[:1]  # one word for "add", the same whatever is added

    def draw(m):
        return torch.stack([torch.randperm(8, generator=g)[:2] for _ in range(m)])

    def split(m):
        things = draw(m)
        text = words[things].sum(1)
        text = text[torch.randperm(m, generator=g)] if shuffled else text
        one = torch.ones(m, 1, dtype=torch.bool)
        return Examples(sounds[things].sum(1)[:, None], one, text[:, None], one, torch.arange(m))

    things = draw(n)
    bed = 0.5 * torch.randn(n, 24, generator=g)
    before = sounds[things[:, 0]] + bed
    text = words[things[:, 1]] + add
    text = text[torch.randperm(n, generator=g)] if shuffled else text
    none = torch.zeros(n, 1)
    changes = Pairs(before[:, None], (before + sounds[things[:, 1]])[:, None], text[:, None], none, none, things[:, 1])
    return Material(split(n), split(50), changes, f"toy {n} {seed} {shuffled}")


def test_the_loss_is_the_sum_of_two_nt_xents_by_their_weights():
    known = toy(64)
    model = one_space.untrained(known, QUICK, torch.Generator().manual_seed(0)).eval()
    batch = one_space.batches(known.learnt, known.changes, 32, torch.Generator().manual_seed(0))[0]
    clips, texts, groups, _ = batch.captions
    hear, read = (lambda x, tower=tower: tower(*one_space.one_step(x[:, 0])) for tower in (model.audio, model.text))
    first = losses.nt_xent(model.audio(*clips), model.text(*texts), temperature=0.1, groups=groups)
    asked = hear(batch.changes.before) + read(batch.changes.text)
    second = losses.nt_xent(asked, hear(batch.changes.after), temperature=0.1)
    for captions, changes in ((1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.5, 0.3)):
        value = one_space.loss(model, batch, replace(QUICK, captions=captions, changes=changes))
        assert value.item() == pytest.approx((captions * first + changes * second).item(), rel=1e-5)


def test_an_epoch_has_each_clip_once_and_pairs_come_round_again():
    known = toy(100)
    fewer = known.changes[:30]
    epoch = one_space.batches(known.learnt, fewer, 32, torch.Generator().manual_seed(0))
    assert sorted(torch.cat([b.captions.groups for b in epoch]).tolist()) == list(range(100))
    assert [len(b.changes) for b in epoch] == [32, 32, 32]


def test_both_losses_teach_both_things_and_one_alone_teaches_one():
    known, tested = toy(), toy(80, seed=1)
    scores = {}
    arms = {"both": QUICK, "captions": replace(QUICK, changes=0.0), "changes": replace(QUICK, captions=0.0)}
    for name, recipe in arms.items():
        model, history = one_space.fit(known, recipe, seed=0)
        scores[name] = [one_space.search_score(model, tested.learnt)["AP@10"].mean(),
                        one_space.change_score(model, tested.changes)["AP@10"].mean()]
        assert len(history) == 15
    assert min(scores["both"]) > 0.3, scores
    assert scores["changes"][0] < scores["both"][0] and scores["captions"][1] < scores["both"][1], scores


def test_shuffled_words_teach_nothing():
    model, _ = one_space.fit(toy(shuffled=True), QUICK, seed=0)
    tested = toy(80, seed=1)
    by_both, by_sound = (one_space.change_score(model, tested.changes, asked)["AP@10"] for asked in ("both", "sound"))
    assert by_both.mean() < by_sound.mean() + 0.05
    assert one_space.search_score(model, tested.learnt)["AP@10"].mean() < 0.15


def test_towers_with_encoders_give_what_was_learnt_from_pooled_frames():
    known = Material(*(replace_width(x) for x in (toy(40).learnt, toy(40).validation)), wide(toy(40).changes), "wide")
    model = one_space.untrained(known, Recipe(dim=16), torch.Generator().manual_seed(0)).eval()
    whole = one_space.hearing(model)
    waves = torch.randn(2, 16000, generator=torch.Generator().manual_seed(0)) / 10
    lengths = torch.tensor([16000, 12000])
    with torch.no_grad():
        frames, mask = whole.audio.encoder(waves, lengths)
        pooled, there = adapters.pooled(frames, mask, one_space.POOL)
        torch.testing.assert_close(whole.audio(waves, lengths), model.audio(pooled, there))


def replace_width(split):
    n, m = len(split.audio), len(split.text)
    return replace(split, audio=torch.randn(n, 1, 256), text=torch.randn(m, 1, 384))


def wide(changes):
    n = len(changes)
    return Pairs(torch.randn(n, 1, 256), torch.randn(n, 1, 256), torch.randn(n, 1, 384), changes.before_labels,
                 changes.after_labels, changes.kinds)


def test_median_ranks_leave_the_example_out():
    scores = np.array([[9.0, 5.0, 8.0, 1.0, 7.0], [9.0, 5.0, 8.0, 1.0, 7.0]])
    wanted = np.array([True, False, False, True, True])
    assert promise.median_ranks(scores, wanted, [1, 2]).tolist() == [3.0, 2.0]  # 1, 3, 4; then 1, 2, 4
    assert promise.median_ranks(scores, np.array([False, True, False, False, True]), [0, 0]).tolist() == [2.5, 2.5]


def test_the_gallery_is_held_out_and_its_examples_are_plain():
    from lib import data, profiles

    clips = data.load("soundscapes", profile=profiles.get("smoke"), seed=0, needs=("captions",))
    held = promise.gallery(clips, 6, 0)
    assert len(held.table) == len(held.added) == 48
    assert all("/evaluate/" in path for path in held.table["path"][:36])
    assert all(held.added[i] == "" and held.table["path"][i].startswith("difference://1/rain/") for i in held.examples)
    assert {label for label in held.added if label} <= {*SCENES["rain"].events, *promise.STRANGE.events}
    trained = {label for scene in one_space.SCENES for label in SCENES[scene].events}
    assert promise.QUESTIONS["dog"].label in trained and promise.QUESTIONS["baby"].label not in trained
