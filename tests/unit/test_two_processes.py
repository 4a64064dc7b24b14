"""Two processes that share a batch give the loss, the gradients and in the end the weights of one that has it alone.

And they share the work of filling the cache.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lib.workbook import ROOT
from tests.unit import parallel_cases as cases

SCRIPT = Path(cases.__file__)
# The rendezvous picks a free port; all of it stays on this machine.
RUN = ["-m", "torch.distributed.run", "--nnodes", "1", "--nproc-per-node", "2", "--rdzv-backend", "c10d",
       "--rdzv-endpoint", "127.0.0.1:0", "--local-addr", "127.0.0.1", str(SCRIPT)]  # fmt: skip


@pytest.fixture(scope="module")
def alone():
    return cases.outcomes()


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """The folder of trained runs that they share with this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEARSAY_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def together(tmp_path_factory, cache):
    """What each of two processes found, by rank."""
    out = tmp_path_factory.mktemp("two")
    assert cases.kept("begun by one", breaks_at=3) is None
    loopback = "lo0" if sys.platform == "darwin" else "lo"
    own = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": loopback, "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, *RUN, str(out)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | own, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return [torch.load(out / f"{rank}.pt") for rank in range(2)]


def differences(ours, theirs):
    """Names of the tensors that are not the same, up to the order of additions in float64."""
    assert ours.keys() == theirs.keys()
    return {
        name for name in ours
        if (ours[name] is None) != (theirs[name] is None)
        or (ours[name] is not None and not torch.allclose(ours[name], theirs[name], rtol=1e-9, atol=1e-11))
    }  # fmt: skip


@pytest.mark.parametrize("case", [f"{loss}, {groups}" for loss in cases.LOSSES for groups in cases.GROUPS])
def test_loss_and_gradients_are_those_of_one_process(alone, together, case):
    assert alone[case]["loss"] > 0 and all(g.abs().max() > 0 for g in alone[case].values()), "nothing to compare"
    for found in together:
        assert not differences(alone[case], found["right"][case])


@pytest.mark.parametrize("case", ["fit", "fit with encoders", "fit in pieces"])
def test_a_whole_training_gives_the_weights_of_one_process(alone, together, case):
    start = cases.model(encoders=case != "fit").state_dict()
    assert alone[case]["epochs"] == cases.SETTINGS.max_epochs
    moved = {name for name in start if not torch.equal(start[name], alone[case][name])}
    assert moved == {name for name in start if ".unused." not in name}
    assert len(alone[case]["losses"]) == cases.SETTINGS.max_epochs
    for found in together:
        assert not differences(alone[case], found["right"][case])


def test_encoders_that_learn_in_pieces_come_to_the_same_weights(alone):
    assert not differences(alone["fit with encoders"], alone["fit in pieces"])


def test_they_train_once_and_both_read_it(alone, together):
    for found in together:
        kept = found["kept"]
        assert (kept["whole"].pop("new"), kept["again"].pop("new")) == (True, False)
        assert not differences(alone["fit"], kept["whole"]) and not differences(kept["whole"], kept["again"])


def test_what_one_process_began_two_go_on_with_and_the_other_way_round(alone, together):
    by_one = cases.kept("begun by two")
    for found in (by_one, *(found["kept"]["begun by one"] for found in together)):
        assert found.pop("new") and int(found.pop("epochs")) == cases.SETTINGS.max_epochs - 2, "it began anew"
        assert not differences({name: alone["fit"][name] for name in found}, found)


def test_both_fill_one_cache_and_no_clip_is_encoded_twice(together, tmp_path, monkeypatch):
    first, second = (found["cached"]["right"] for found in together)
    assert len(first["heard"]) and len(second["heard"]), "one of them did it all"
    assert sorted(first["heard"] + second["heard"]) == sorted(first["all"])
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))
    alone = cases.encoded(0)
    assert alone["heard"] and first["key"] == second["key"] == alone["key"]
    for found in (first, second):
        assert all(torch.equal(found["frames"][name], frames) for name, frames in alone["frames"].items())


def test_processes_that_nothing_keeps_apart_would_do_so(together):
    heard = [path for found in together for path in found["cached"]["unclaimed"]["heard"]]
    assert len(heard) > len(set(heard)) == len(together[0]["cached"]["unclaimed"]["all"])


@pytest.mark.parametrize("loss", cases.LOSSES)
@pytest.mark.parametrize("fault", cases.FAULTS)
def test_a_gather_that_loses_gradients_or_rows_is_caught(alone, together, fault, loss):
    for found in together:
        wrong = differences(alone[f"{loss}, even"], found["wrong"][f"{fault}, {loss}"])
        assert "audio.adapter.layers.0.weight" in wrong and "text.adapter.layers.0.weight" in wrong
        assert ("loss" in wrong) == (fault == "forgotten"), "the loss itself does not show lost gradients"
