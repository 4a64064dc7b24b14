"""Device, precision, shares. What several processes come to together is in `test_two_processes.py`."""

import os

import pytest
import torch
from torch import nn

from lib import parallel
from lib.examples import Batch


def batch(n):
    """A batch of frames for one side, and of captions as text for the other."""
    frames, mask = torch.arange(n, dtype=torch.float32)[:, None, None], torch.ones(n, 1, dtype=torch.bool)
    return Batch((frames, mask), ([f"caption {i}" for i in range(n)],), torch.arange(n))


def shares(monkeypatch, n, processes):
    monkeypatch.setattr(parallel, "processes", lambda: processes)
    found = []
    for rank in range(processes):
        monkeypatch.setattr(parallel, "rank", lambda rank=rank: rank)
        found.append(parallel.share(batch(n)))
    return found


@pytest.mark.parametrize("n, processes, sizes", [(8, 2, [4, 4]), (7, 2, [4, 3]), (7, 3, [3, 2, 2]), (1, 2, [1, 0])])
def test_shares_make_up_the_batch_in_order_of_rank(monkeypatch, n, processes, sizes):
    found = shares(monkeypatch, n, processes)
    assert [len(share.groups) for share in found] == sizes
    for share in found:
        (frames, mask), (captions,) = share.audio, share.text
        assert frames.flatten().long().tolist() == share.groups.tolist() and len(mask) == len(frames)
        assert captions == [f"caption {i}" for i in share.groups.tolist()]
    assert torch.equal(torch.cat([share.groups for share in found]), torch.arange(n))


def test_one_process_takes_the_batch_as_it_is():
    whole = batch(3)
    assert (parallel.rank(), parallel.processes()) == (0, 1)
    assert parallel.share(whole) is whole and parallel.gather(whole.groups) is whole.groups
    assert parallel.replicate(model := nn.Linear(1, 1)) is model


def test_tensors_move_and_all_else_stays_as_it_is():
    moved = parallel.to({"batch": batch(2), "list": [torch.zeros(1), "text"], "number": 3}, torch.device("meta"))
    kept = moved["batch"]
    assert isinstance(kept, Batch) and kept.text == (["caption 0", "caption 1"],)
    assert {x.device.type for x in (*kept.audio, kept.groups, moved["list"][0])} == {"meta"}
    assert moved["list"][1] == "text" and moved["number"] == 3


def test_precision_is_a_choice_of_two():
    layer, x = nn.Linear(4, 4), torch.ones(1, 4)
    with parallel.autocast("fp32"):
        assert layer(x).dtype == torch.float32
    with parallel.autocast("bf16"):
        assert layer(x).dtype == torch.bfloat16
    with pytest.raises(ValueError, match="expected a precision among fp32, bf16; got 'fp16'"):
        parallel.autocast("fp16")


@pytest.fixture
def joined(monkeypatch):
    """What `join` asks for, on a machine with so many GPUs."""
    asked = []
    monkeypatch.setattr(parallel.distributed, "init_process_group", asked.append)
    monkeypatch.setattr(torch.cuda, "set_device", asked.append)

    def on(gpus, **environment):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
        for name in ("WORLD_SIZE", "LOCAL_RANK"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setitem(os.environ, name, value)
        asked.clear()
        parallel.join()
        return list(asked)

    return on


def test_processes_meet_each_at_its_own_gpu_and_alone_there_is_nobody_to_meet(joined):
    assert joined(gpus=0) == [] and joined(gpus=2) == []
    assert joined(gpus=0, WORLD_SIZE="2", LOCAL_RANK="1") == ["gloo"]
    assert joined(gpus=2, WORLD_SIZE="2", LOCAL_RANK="1") == [1, "nccl"]
