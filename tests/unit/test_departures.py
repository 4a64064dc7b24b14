"""How a run departs from a paper's system, and that it is told."""

from dataclasses import replace

import pandas as pd
import pytest
import torch

from lib import departures, train
from lib.departures import cut_short, in_its_precision, lacking
from lib.systems import SYSTEMS

PRIMUS = SYSTEMS["primus_2023"]


def test_departures_are_none_of_a_system_from_itself():
    assert departures.departures(PRIMUS, PRIMUS).empty


def test_what_is_alike_in_all_stages_is_told_once():
    told = departures.departures(PRIMUS, cut_short(PRIMUS, 1))
    assert list(told.loc["stage 1, max_epochs"]) == [16, 1] and list(told.loc["stage 2, max_epochs"]) == [5, 1]
    same = SYSTEMS["weck_np_f"]
    assert list(departures.departures(same, cut_short(same, 1)).loc["each stage, max_epochs"]) == [200, 1]


def test_cut_short_shrinks_the_schedule_and_nothing_else():
    short = cut_short(PRIMUS, 2)
    assert [stage.training.max_epochs for stage in short.stages] == [2, 2]
    assert short.stages[0].training.warmup_epochs == pytest.approx(2 / 16)
    rates = [train.cosine_rate(short.stages[0].training, epoch, []) for epoch in (0.125, 1.0, 2.0)]
    assert rates[0] == pytest.approx(2e-5) and rates[0] > rates[1] > rates[2] == pytest.approx(0, abs=1e-9)
    told = departures.differing(PRIMUS.stages[0], short.stages[0])
    assert set(told) == {"max_epochs", "warmup_epochs"}
    assert cut_short(PRIMUS, None) is PRIMUS
    longer = cut_short(PRIMUS, 10)
    assert [stage.training.max_epochs for stage in longer.stages] == [10, 5]
    with pytest.raises(ValueError, match="expected 1 epoch or more; got 0"):
        cut_short(PRIMUS, 0)


@pytest.mark.parametrize("there, capability, wanted", [
    (False, (0, 0), "bf16"), (True, (7, 5), "fp32"), (True, (8, 0), "bf16"), (True, (9, 0), "bf16"),
])  # fmt: skip
def test_a_gpu_without_bf16_computes_in_fp32(monkeypatch, there, capability, wanted):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    assert {stage.training.precision for stage in in_its_precision(PRIMUS).stages} == {wanted}


def test_data_that_are_not_whole_are_told_of_and_what_is_left_out_on_purpose_is_not():
    atae = SYSTEMS["weck_atae"]
    sizes = {"train": 3836, "validation": 1043, "test": 1045}  # sounds of two splits left out
    table = pd.DataFrame({"split": [split for split, n in sizes.items() for _ in range(n)]})
    assert lacking(atae, table) == []
    assert lacking(atae, table[table["split"] != "test"]) == ["0 of 1,045 clips of clotho (test)"]
    assert lacking(atae, table.iloc[2000:])[0] == "1,836 of 3,839 clips of clotho (train)"


def test_settings_within_settings_are_told_apart():
    first, second = SYSTEMS["weck_atae"].stages[0], SYSTEMS["weck_et"].stages[0]
    assert departures.differing(first, second) == {"on": (("train",), ("train", "noisy"))}
    slower = replace(first, training=replace(train.WECK, learning_rate=1.0))
    assert departures.differing(first, slower) == {"learning_rate": (1e-4, 1.0)}
