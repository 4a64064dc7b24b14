"""The benches for a GPU, in miniature on the CPU: the same functions, so that the command is known to run."""

import json
from dataclasses import replace

import pytest
import torch

from lib import parallel, recipe, train
from lib.encoders import passt, texts
from lib.systems import SYSTEMS
from tests.bench import frozen_epoch, on_gpu, primus_step
from tests.bench.__main__ import BENCHES
from tests.bench.__main__ import main as bench

TINY = passt.Settings(
    passt.FrontEnd(8000, n_fft=256, window=200, hop=80, n_mels=32, f_max=3500.0),
    segment_s=1.0, stride=16, dim=16, depth=1, heads=2, classes=0, patchout_time=2, patchout_mel=1,
)  # fmt: skip
ROBERTA = {"vocab_size": 30522, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
           "intermediate_size": 32}  # fmt: skip
PRIMUS = SYSTEMS["primus_2023"].stages[0]
WECK = SYSTEMS["weck_atae"].stages[0]


@pytest.fixture
def small(monkeypatch):
    """Four clips of a second or two, with a RoBERTa of one layer."""
    monkeypatch.setitem(texts.PRESETS, "tiny", texts.Preset("nobody/tiny", "roberta", ROBERTA, "first"))
    monkeypatch.setitem(primus_step.encoders.TEXT, "tiny", "texts")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    return primus_step.Size(replace(PRIMUS, batch_size=4, dim=8), TINY, "tiny", seconds=(1.0, 2.0), steps=2)


def test_both_sides_are_measured_in_the_precision_and_with_the_patches_named(small, monkeypatch):
    cast, taken = [], []
    monkeypatch.setattr(train.parallel, "autocast", _noting(parallel.autocast, cast, lambda precision: precision))
    how = lambda net, *_: (net.settings.patchout_time, net.training)  # noqa: E731
    monkeypatch.setattr(passt.PaSST, "tokens", _noting(passt.PaSST.tokens, taken, how))
    found = primus_step.measured(small)
    assert list(found) == ["bf16, patchout", "fp32, whole"]
    steps = small.steps + primus_step.WARM
    assert cast == ["bf16"] * steps + ["fp32"] * steps
    assert taken == [(2, True)] * steps + [(0, True)] * steps
    for side, patches in zip(found.values(), ((TINY.rows - 1) * (TINY.columns - 2), TINY.rows * TINY.columns)):
        assert side["steps per second"] > 0 and side["batch"] == 4 and side["patches"] == patches
        assert side["pieces"] == "one piece" and side["peak GiB"] is None
    json.dumps(found)


def _noting(function, calls, what):
    def noted(*args):
        calls.append(what(*args))
        return function(*args)

    return noted


def test_what_is_timed_is_the_projects_step_and_both_encoders_learn(small, monkeypatch):
    models = []
    monkeypatch.setattr(recipe, "untrained", _kept(recipe.untrained, models))
    primus_step._step(small, small.stage, 4)
    (model,) = models
    start = recipe.untrained(*model[1])
    moved = {name.partition(".encoder.")[0] for name, value in start.state_dict().items()
             if ".encoder." in name and not torch.equal(value, model[0].state_dict()[name])}  # fmt: skip
    assert moved == {"audio", "text"} and model[0].log_temperature is not None


def _kept(function, found):
    def kept(corpus, stage, generator):
        model = function(corpus, stage, generator)
        found.append((model, (corpus, stage, torch.Generator().manual_seed(0))))
        return model

    return kept


def test_what_does_not_fit_learns_in_pieces_and_the_result_says_so(small, monkeypatch):
    sizes = []

    def forward(self, waveforms, lengths):
        if len(waveforms) > 1:
            raise torch.cuda.OutOfMemoryError("no room")
        sizes.append(len(waveforms))
        return right(self, waveforms, lengths)

    right = passt.PaSST.forward
    monkeypatch.setattr(passt.PaSST, "forward", forward)
    side = primus_step._side(small, small.stage)
    assert side["pieces"] == "4 pieces" and set(sizes) == {1}
    monkeypatch.setattr(passt.PaSST, "forward", lambda *a: forward(None, [1, 2], None))
    with pytest.raises(torch.cuda.OutOfMemoryError):
        primus_step._side(small, small.stage)


def test_the_clips_are_of_the_lengths_named(small):
    batch = primus_step._batch(replace(small, seconds=(15.0, 30.0)), 800, 64)
    waveforms, lengths = batch.audio
    assert waveforms.shape == (64, int(lengths.max())) and 12000 <= int(lengths.min()) <= int(lengths.max()) <= 24000
    assert lengths.float().mean() / 800 == pytest.approx(22.5, abs=2) and len(batch.text[0]) == 64


def test_an_epoch_on_frozen_frames(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    stage = replace(WECK, batch_size=4, dim=8, hidden=8)
    size = frozen_epoch.Size(stage, (8, 4), 2, frames=6, tokens=5, widths=(16, 12), epochs=3)
    found = frozen_epoch.measured(size)
    assert found["steps"] == 4 and found["clips"] == 12 and found["epoch, seconds"] > 0
    assert found["steps per second"] * found["epoch, seconds"] > 1, "an epoch is longer than a step"
    made = frozen_epoch._made(size, 8)
    assert made.audio.shape == (8, 6, 16) and made.text.shape == (16, 5, 12) and not made.audio_mask.all()


def test_it_is_of_clothos_size():
    size = frozen_epoch.Size()
    assert size.clips == (3839, 1045) and size.captions == 5 and size.stage is WECK and size.widths == (2048, 768)
    assert primus_step.Size().stage is PRIMUS and PRIMUS.batch_size == 64 and PRIMUS.training.precision == "bf16"
    assert primus_step.Size().audio.patchout_time == 15 and primus_step.Size().text == "roberta_large"


def test_the_median_leaves_out_the_first_steps_and_the_last():
    assert on_gpu.median_step([0.0, 9.0, 18.0, 19.0, 20.0, 21.0, 99.0], 2) == 1.0


@pytest.mark.parametrize("name", ["primus_step", "frozen_epoch"])
def test_without_a_gpu_they_say_so_and_write_nothing(name, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(BENCHES[name], "measured", lambda size: pytest.fail("it began"))
    monkeypatch.setattr(on_gpu, "keep", lambda *a: pytest.fail("it wrote"))
    assert bench([name]) == 0
    assert f"no GPU here: not measured. Where there is one: make bench ONLY={name}" in capsys.readouterr().out


@pytest.mark.parametrize("name, found", [
    ("primus_step", {side: {"steps per second": 2.0, "peak GiB": 30.0, "pieces": "one piece"}
                     for side in ("bf16, patchout", "fp32, whole")}),
    ("frozen_epoch", {"epoch, seconds": 3.0, "steps per second": 200.0, "peak GiB": 1.0}),
])  # fmt: skip
def test_with_one_the_result_is_kept_with_date_and_card(name, found, monkeypatch, capsys, tmp_path):
    keep = on_gpu.keep
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(BENCHES[name], "measured", lambda size: found)
    monkeypatch.setattr(on_gpu, "card", lambda: "a card")
    monkeypatch.setattr(on_gpu, "keep", lambda *a: keep(*a, tmp_path))
    BENCHES[name].main()
    keep(name, {"x": 1}, "another", tmp_path)
    known = json.loads((tmp_path / f"{name}.json").read_text())
    assert list(known) == ["a card", "another"] and found.items() <= known["a card"].items()
    assert len(known["a card"]["date"]) == 10 and f"{name}.json" in capsys.readouterr().out
