"""The loop: learns, stops, keeps the best, repeats itself to the bit, and survives being killed."""

import math
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from lib import books, losses, metrics, towers, train
from lib.adapters import MLPAdapter
from lib.examples import Examples

SETTINGS = train.Settings(learning_rate=1e-2, max_epochs=6, warmup_epochs=1, stop_after=10)
REPO = Path(__file__).parents[2]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def examples(n=24, seed=0):
    """Clips with a hidden meaning of four numbers that audio and text each show through a matrix of their own."""
    shown = generator(100)  # the same for every seed: what is learnt on one set holds on another
    to_audio, to_text, g = torch.randn(4, 6, generator=shown), torch.randn(4, 7, generator=shown), generator(seed)
    meaning = torch.randn(n, 4, generator=g)
    text = (meaning.repeat_interleave(2, 0) + 0.1 * torch.randn(2 * n, 4, generator=g)) @ to_text
    audio = meaning @ to_audio
    on = torch.ones(2 * n, 1, dtype=torch.bool)
    return Examples(audio[:, None], on[:n], text[:, None], on, torch.arange(n).repeat_interleave(2))


class WithDropout(MLPAdapter):
    def forward(self, x, mask):
        return nn.functional.dropout(super().forward(x, mask), 0.1, self.training)


def dual_encoder(seed=0):
    with train.lend_chance(generator(seed)):
        return towers.DualEncoder(
            towers.Tower(None, WithDropout(6, 5, hidden=8)), towers.Tower(None, WithDropout(7, 5, hidden=8))
        )


@torch.no_grad()
def average_precision(model, data):
    audio, text = model((data.audio, data.audio_mask), (data.text, data.text_mask))
    return metrics.average_precision(model.similarity(audio, text).numpy(), data.groups.numpy())


def loss(model, batch):
    return losses.nt_xent(*model(batch.audio, batch.text), groups=batch.groups)


def fit(model, data, settings=SETTINGS, *, validate=None, seed=1, checkpoint=None, loss=loss):
    return train.fit(
        model,
        lambda g: data.batches(g, batch_size=8),
        loss,
        validate or (lambda m: average_precision(m, data).mean()),
        settings,
        generator=generator(seed),
        checkpoint=checkpoint,
        checkpoint_s=0,
        progress=False,
    )


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def assert_equal_to_the_bit(a, b):
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name


def without_time(history):
    return history.frame.drop(columns="seconds")


def test_it_learns():
    data, model = examples(), dual_encoder()
    before = average_precision(model, data).mean()
    history = fit(model, data, replace(SETTINGS, max_epochs=30))
    assert history.best_score > before + 0.3
    assert history.frame.loss.iloc[-1] < history.frame.loss.iloc[0] / 2


def test_shuffled_captions_teach_nothing():
    """Teeth: on clips it has not seen, a model trained on the wrong captions scores chance."""
    data, held_out = examples(200), examples(400, seed=1)
    wrong = replace(data, text=data.text[torch.randperm(400, generator=generator())])
    scores = []
    for training in (data, wrong):
        fit(model := dual_encoder(), training)
        scores.append(average_precision(model, held_out).mean())
    chance = metrics.chance(400)
    assert scores[0] > 10 * chance
    assert scores[1] < 3 * chance


def test_constant_embeddings_score_chance():
    data, model = examples(), dual_encoder()
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    for tower in (model.audio, model.text):
        nn.init.ones_(tower.adapter.layers[-1].bias)
    assert average_precision(model.eval(), data).mean() == pytest.approx(metrics.chance(24))


def test_two_runs_with_one_seed_are_identical():
    runs = []
    for noise in range(2):
        torch.manual_seed(noise)  # the world's own generator stands elsewhere
        model = dual_encoder()
        history = fit(model, examples())
        runs.append((weights(model), without_time(history)))
    assert_equal_to_the_bit(runs[0][0], runs[1][0])
    pd.testing.assert_frame_equal(runs[0][1], runs[1][1], check_exact=True)
    other = fit(dual_encoder(), examples(), seed=2)
    assert not without_time(other).loss.equals(runs[0][1].loss)


def test_the_worlds_generator_is_left_as_it_was():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fit(dual_encoder(), examples())
    assert torch.equal(torch.rand(3), expected)


class Killed(Exception):
    pass


def kill_in_step(at, settings, checkpoint):
    """Begin a run, and break it off in the middle of that step."""
    calls = iter(range(100))

    def breaks(model, batch):
        if next(calls) == at:
            raise Killed
        return loss(model, batch)

    with pytest.raises(Killed):
        fit(dual_encoder(), examples(), settings, checkpoint=checkpoint, loss=breaks)


@pytest.mark.parametrize("schedule", ["cosine", "plateau"])
@pytest.mark.parametrize("at", [1, 8, 13])  # in the first epoch, in the third, in the fifth (three batches each)
def test_a_run_that_is_broken_off_goes_on_to_the_same_bits(tmp_path, at, schedule):
    settings, checkpoint = replace(SETTINGS, schedule=schedule), tmp_path / "run.pt"
    whole = dual_encoder()
    expected = fit(whole, examples(), settings)
    kill_in_step(at, settings, checkpoint)
    assert checkpoint.exists() == (at >= 3)
    again = dual_encoder(seed=99)  # whatever the new process starts from ...
    if at < 3:
        again = dual_encoder()  # ... unless no epoch was finished: then it is the same start
    history = fit(again, examples(), settings, seed=1 if at < 3 else 77, checkpoint=checkpoint)
    assert_equal_to_the_bit(weights(whole), weights(again))
    pd.testing.assert_frame_equal(without_time(history), without_time(expected), check_exact=True)
    assert not list(tmp_path.iterdir())


def test_a_killed_process_loses_no_finished_epoch(tmp_path):
    """SIGKILL in the fourth epoch, in a process of its own; then the run is finished here."""
    script = textwrap.dedent(f"""
        import os, signal, sys
        sys.path[:0] = [{str(REPO)!r}, {str(Path(__file__).parent)!r}]
        import torch; torch.set_num_threads(1)
        import test_train as t
        data, calls = t.examples(), iter(range(100))
        def loss(model, batch):
            if next(calls) == 10: os.kill(os.getpid(), signal.SIGKILL)
            return t.loss(model, batch)
        t.fit(t.dual_encoder(), data, checkpoint={str(tmp_path / "run.pt")!r}, loss=loss)
    """)
    done = subprocess.run([sys.executable, "-c", script], env=os.environ | {"OMP_NUM_THREADS": "1"}, timeout=120)
    assert done.returncode == -signal.SIGKILL
    assert [p.name for p in tmp_path.iterdir()] == ["run.pt"]
    steps = []

    def counted(model, batch):
        steps.append(1)
        return loss(model, batch)

    whole, again = dual_encoder(), dual_encoder(seed=99)
    fit(whole, examples())
    fit(again, examples(), checkpoint=tmp_path / "run.pt", loss=counted)
    assert len(steps) == 3 * 3  # epochs three, four and five; the first three were not lost
    assert_equal_to_the_bit(weights(whole), weights(again))


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    checkpoint = tmp_path / "run.pt"
    validate, _ = scripted(0.1, math.nan)
    with pytest.raises(ValueError, match="finite"):
        fit(dual_encoder(), examples(), checkpoint=checkpoint, validate=validate)
    with pytest.raises(ValueError, match="belongs to a run with other settings"):
        fit(dual_encoder(), examples(), replace(SETTINGS, learning_rate=0.5), checkpoint=checkpoint)
    checkpoint.write_bytes(b"not a checkpoint")
    with pytest.raises(ValueError, match="is not a checkpoint of ours"):
        fit(dual_encoder(), examples(), checkpoint=checkpoint)


def scripted(*scores):
    """A validation that answers with these scores, and a record of the weights it saw."""
    seen, rest = [], iter(scores)

    def validate(model):
        seen.append(weights(model))
        return next(rest)

    return validate, seen


def test_the_best_epochs_weights_are_restored():
    validate, seen = scripted(0.1, 0.5, 0.3, 0.5, 0.2, 0.1)
    model = dual_encoder()
    history = fit(model, examples(), validate=validate)
    assert (history.best_epoch, history.best_score, history.stopped) == (1, 0.5, "max_epochs")
    assert_equal_to_the_bit(weights(model), seen[1])
    assert not torch.equal(seen[1]["audio.adapter.layers.0.weight"], seen[5]["audio.adapter.layers.0.weight"])
    assert not model.training


def test_it_stops_early():
    validate, seen = scripted(*[0.5] + [0.1] * 50)
    history = fit(dual_encoder(), examples(), replace(SETTINGS, max_epochs=50, stop_after=3), validate=validate)
    assert history.stopped == "early" and len(history.frame) == len(seen) == 4


def test_the_plateau_is_pytorchs():
    """ReduceLROnPlateau counts the epochs it tolerates, the paper those it waits for: one less."""
    scores = np.random.default_rng(0).normal(size=60)
    settings = train.Settings(learning_rate=0.1, schedule="plateau", patience=5, factor=0.1)
    optimiser = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=0.1)
    peer = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, mode="max", factor=0.1, patience=4, threshold=0, eps=0)
    for epoch, score in enumerate(scores, start=1):
        peer.step(score)
        expected = pytest.approx(optimiser.param_groups[0]["lr"])
        assert train.plateau_rate(settings, epoch, list(scores[:epoch])) == expected


def test_the_cosine_rises_then_falls_to_zero():
    settings = train.Settings(learning_rate=0.2, warmup_epochs=2, max_epochs=10)
    rates = [train.cosine_rate(settings, epoch, []) for epoch in (0, 1, 2, 6, 10)]
    assert rates == pytest.approx([0, 0.1, 0.2, 0.1, 0], abs=1e-12)
    assert train.cosine_rate(replace(settings, warmup_epochs=0, max_epochs=0), 0.5, []) == pytest.approx(0, abs=1e-9)


def test_frozen_parameters_do_not_move_and_encoders_take_smaller_steps():
    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(6, 6)

        def forward(self, frames, mask):
            return self.layer(frames), mask

    def run(scale, frozen=False):
        with train.lend_chance(generator()):
            model = towers.DualEncoder(towers.Tower(Encoder(), MLPAdapter(6, 5)), towers.Tower(None, MLPAdapter(7, 5)))
        model.audio.encoder.requires_grad_(not frozen)
        before = weights(model)
        fit(model, examples(), replace(SETTINGS, encoder_scale=scale, max_epochs=1), validate=lambda m: 1.0)
        after = weights(model)
        return {name: (after[name] - before[name]).abs().max().item() for name in before}

    moved = {scale: run(scale) for scale in (1.0, 0.01)}
    name = "audio.encoder.layer.weight"
    assert moved[0.01][name] < 0.05 * moved[1.0][name]
    assert moved[0.01]["audio.adapter.layers.0.weight"] > 0.5 * moved[1.0]["audio.adapter.layers.0.weight"]
    still = run(1.0, frozen=True)
    assert still[name] == 0 and min(v for n, v in still.items() if "adapter.layers" in n) > 0


def test_a_loss_that_is_not_finite_stops_with_a_word():
    with pytest.raises(ValueError, match="expected a finite loss and score; got nan, .* Try a lower learning rate"):
        fit(dual_encoder(), examples(), loss=lambda m, b: loss(m, b) * math.nan, validate=lambda m: 0.5)


def test_an_unknown_schedule_is_named():
    with pytest.raises(ValueError, match="expected a schedule among cosine, plateau; got 'linear'"):
        fit(dual_encoder(), examples(), replace(SETTINGS, schedule="linear"))


def test_validations_are_spread_over_an_epoch_and_each_has_its_row():
    assert train.validation_steps(10, 5) == [2, 4, 6, 8, 10] and train.validation_steps(3, 5) == [1, 2, 3]
    validate, seen = scripted(*np.linspace(0.1, 0.9, 6))
    history = fit(dual_encoder(), examples(), replace(SETTINGS, max_epochs=2, validations=3), validate=validate)
    assert history.frame["epoch"].tolist() == [0, 0, 0, 1, 1, 1] and len(seen) == 6
    assert (history.best_epoch, history.best_score) == (1, 0.9)


def test_more_validations_change_no_step():
    """They look, and touch nothing: the weights after the last step are the same to the bit."""
    runs = []
    for validations in (1, 3):
        validate, seen = scripted(*np.linspace(0.1, 0.9, 20))
        fit(dual_encoder(), examples(), replace(SETTINGS, max_epochs=3, validations=validations), validate=validate)
        runs.append(seen[-1])
    assert_equal_to_the_bit(*runs)


def test_patience_counts_epochs_however_often_it_looks():
    scores = [0.5, 0.9, 0.5] + [0.4] * 90
    settings = replace(SETTINGS, schedule="plateau", patience=2, stop_after=4, max_epochs=30, validations=3)
    history = fit(dual_encoder(), examples(), settings, validate=scripted(*scores)[0])
    assert history.stopped == "early" and history.frame["epoch"].max() == 4
    assert history.frame.groupby("epoch")["learning_rate"].nunique().eq(1).all()
    assert history.frame.groupby("epoch")["learning_rate"].first().tolist() == pytest.approx([1e-2] * 3 + [1e-3] * 2)


def test_the_best_checkpoints_are_averaged():
    validate, seen = scripted(0.1, 0.5, 0.3, 0.7, 0.7, 0.1)
    history = fit(model := dual_encoder(), examples(), replace(SETTINGS, average=3), validate=validate)
    assert (history.best_epoch, history.best_score) == (3, 0.7)
    for name, value in weights(model).items():
        torch.testing.assert_close(value, (seen[1][name] + seen[3][name] + seen[4][name]) / 3)


def test_the_average_of_one_checkpoint_with_itself_is_that_checkpoint():
    one = weights(dual_encoder()) | {"counter": torch.tensor(7)}
    assert_equal_to_the_bit(books.averaged([one]), one)
    for n in (2, 3, 10):
        assert_equal_to_the_bit(books.averaged([{name: value.clone() for name, value in one.items()}] * n), one)
    assert books.averaged([one, one | {"counter": torch.tensor(9)}])["counter"] == 7


class WithNorm(MLPAdapter):
    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.norm = nn.BatchNorm1d(sizes[0])

    def forward(self, x, mask):
        return super().forward(self.norm(x.transpose(1, 2)).transpose(1, 2), mask)


def with_norm(learns=True):
    with train.lend_chance(generator()):
        model = towers.DualEncoder(towers.Tower(None, WithNorm(6, 5)), towers.Tower(None, WithNorm(7, 5)))
    if learns:
        for tower in (model.audio, model.text):
            tower.train = lambda mode=True, tower=tower: nn.Module.train(tower, mode)
    return model


def test_batch_norms_that_learn_are_measured_anew_as_torch_does():
    batches = list(examples().batches(generator(4), 8))
    train.renew_statistics(model := with_norm(), batches, loss)
    peer = with_norm().audio
    peer.forward = lambda frames: peer.adapter(frames, torch.ones(frames.shape[:2], dtype=torch.bool))
    torch.optim.swa_utils.update_bn([batch.audio[0] for batch in batches], peer)
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        torch.testing.assert_close(getattr(model.audio.adapter.norm, name), getattr(peer.adapter.norm, name))
    assert model.audio.adapter.norm.momentum == 0.1 and not model.training
    assert model.audio.adapter.norm.running_mean.abs().max() > 0.01


def test_batch_norms_that_keep_their_statistics_are_left_alone():
    model = with_norm(learns=False)
    before = weights(model)
    train.renew_statistics(model, examples().batches(generator(4), 8), loss)
    assert_equal_to_the_bit(weights(model), before)


@pytest.mark.parametrize("at", [1, 8, 13])
def test_a_broken_run_that_averages_goes_on_to_the_same_bits(tmp_path, at):
    settings, checkpoint = replace(SETTINGS, validations=3, average=4), tmp_path / "run.pt"
    expected = fit(whole := dual_encoder(), examples(), settings)
    kill_in_step(at, settings, checkpoint)
    history = fit(again := dual_encoder(), examples(), settings, checkpoint=checkpoint)
    assert_equal_to_the_bit(weights(whole), weights(again))
    pd.testing.assert_frame_equal(without_time(history), without_time(expected), check_exact=True)


def test_a_kill_while_batch_norms_are_measured_loses_no_epoch(tmp_path, monkeypatch):
    settings, checkpoint = replace(SETTINGS, average=3), tmp_path / "run.pt"
    expected = fit(whole := with_norm(), examples(), settings)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(train, "renew_statistics", lambda *given: (_ for _ in ()).throw(Killed()))
        fit(with_norm(), examples(), settings, checkpoint=checkpoint)
    assert checkpoint.exists()
    steps = []
    history = fit(again := with_norm(), examples(), settings, checkpoint=checkpoint,
                  loss=lambda m, b: steps.append(m.training and torch.is_grad_enabled()) or loss(m, b))
    assert not any(steps) and not checkpoint.exists()  # no step was trained again
    assert_equal_to_the_bit(weights(whole), weights(again))
    pd.testing.assert_frame_equal(without_time(history), without_time(expected), check_exact=True)


@pytest.mark.parametrize("wrong", [{"validations": 0}, {"average": 0}])
def test_settings_that_keep_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match="at least one validation an epoch and one checkpoint"):
        replace(SETTINGS, **wrong)
