"""The runner refuses what it does not know, says which cell failed, stops what is over its limits."""

import json
import os
import subprocess
import sys
import time

import nbformat
import psutil
import pytest

from lib import profiles
from lib.workbook import PROFILES, build, runner, watch
from tests.unit import workbook_example as example

SMOKE = {"PROFILE": "smoke", "DATA": "soundscapes", "SEED": 0}


def job(tmp_path, text=example.GOOD, parameters=SMOKE, **settings):
    return runner.Job(
        "50_example",
        parameters,
        str(tmp_path / "out"),
        sources=str(example.sources(tmp_path / "src", text)),
        **settings,
    )


@pytest.fixture(autouse=True)
def the_same_environment_after(monkeypatch):
    monkeypatch.setattr(runner.os, "environ", runner.os.environ.copy())
    for name, value in dict(runner.os.environ).items():
        monkeypatch.setenv(name, value)


def executed(tmp_path):
    return nbformat.read(tmp_path / "out" / "50_example.ipynb", 4)


def test_a_run_keeps_its_outputs_and_measures_itself(tmp_path):
    cells = []
    done = runner.execute(job(tmp_path), lambda name, n: cells.append(name))
    notebook = executed(tmp_path)
    assert done.problem == "" and not done.over and done.line().endswith("ok")
    assert 0 < done.seconds < 60 and done.peak_mib > 20 and len(cells) == 5  # setup, parameters, injected, two more
    assert "profile smoke" in notebook.cells[4].outputs[0].text
    assert "papermill" not in json.dumps(notebook) and "widgets" not in notebook.metadata


def test_an_unknown_parameter_is_refused_before_anything_runs(tmp_path):
    wanted, sources = {"PROFIL": "smoke"}, example.sources(tmp_path / "src")
    with pytest.raises(ValueError, match="unknown PROFIL"):
        runner.run(["50_example"], wanted, tmp_path / "out", sources)
    assert not (tmp_path / "out").exists()
    assert "unknown PROFIL" in runner.execute(job(tmp_path, parameters=wanted)).problem


def test_default_values_inject_no_cell(tmp_path):
    notebook = build.build("50_example", example.sources(tmp_path))
    assert runner.injected(notebook, {"PROFILE": "laptop", "SEED": 0}) == {}
    assert runner.injected(notebook, {"PROFILE": "laptop", "SEED": 3}) == {"SEED": 3}


def test_a_failing_cell_is_shown_with_its_source_and_error(tmp_path):
    text = example.GOOD + "\n# %%\nchosen = {}\nchosen['a clip']  # the culprit\n"
    problem = runner.execute(job(tmp_path, text)).problem
    assert "KeyError: 'a clip'" in problem and "the culprit" in problem and "cell 6" in problem
    assert len(problem.splitlines()) < 30 and "\x1b" not in problem


def test_over_the_hard_limit_the_kernel_is_stopped(tmp_path):
    start = time.monotonic()
    done = runner.execute(job(tmp_path, example.GOOD + "\n# %%\nimport time; time.sleep(120)\n", budget_s=3))
    assert "hard limit is 6 s" in done.problem and time.monotonic() - start < 60
    assert not any("ipykernel_launcher" in " ".join(p.cmdline()) for p in _children())


def test_over_the_memory_limit_too(tmp_path):
    text = example.GOOD + "\n# %%\nimport time; big = bytearray(400_000_000); time.sleep(60)\n"
    assert "MiB; the hard limit is 300 MiB" in runner.execute(job(tmp_path, text, budget_mib=150)).problem


FORKING = """
import os, sys, time
held = bytearray(os.urandom(1)) * 200_000_000
if not os.fork():
    own = bytearray(os.urandom(1)) * 100_000_000
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_memory_that_processes_share_is_counted_once():
    with subprocess.Popen([sys.executable, "-c", FORKING], stdout=subprocess.PIPE) as parent:
        for _ in range(2):
            parent.stdout.readline()
        both = [psutil.Process(parent.pid), *psutil.Process(parent.pid).children()]
        seen = watch.Watch(60, 4096)
        seen.measure(both)
        summed = sum(process.memory_info().rss for process in both) / 2**20
        for process in both:
            process.kill()
    assert 286 < seen.peak_mib < 340 and summed > 470  # 300 million bytes are 286 MiB


def _children():

    return [p for p in psutil.Process().children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE]


def test_over_the_soft_budget_it_says_so():
    done = runner.Run("50_example", "smoke", 25.0, 20.0, 100.0, 20.0, 4096.0)
    assert done.over and "over its budget of 20 s" in done.line()


@pytest.mark.parametrize("said", ['"profile laptop"', '"nothing"', 'f"profile {PROFILE}, profile laptop"'])
def test_a_notebook_that_ignores_its_profile_is_caught(tmp_path, said):
    text = example.broken('print(f"profile {PROFILE}, data {DATA}")', f"print({said})")
    assert "print `profile smoke`" in runner.execute(job(tmp_path, text)).problem


def test_two_at_once_each_in_a_process_of_its_own_and_the_greedy_one_alone(tmp_path):
    sources = example.sources(tmp_path / "src")
    pid = '\n# %%\nimport os; print("threads", os.environ["OMP_NUM_THREADS"], "python", os.sys.executable)\n'
    head = "# ---\n# jupyter:\n#   hearsay:\n#     alone: true\n# ---\n"
    for name, text in (("51_two", example.GOOD + pid), ("52_alone", head + example.GOOD + pid)):
        (sources / f"{name}.py").write_text(text)
    runs = runner.run(["50_example", "51_two", "52_alone"], SMOKE, tmp_path / "out", sources)
    assert [r.name for r in runs] == ["50_example", "51_two", "52_alone"] and not any(r.problem for r in runs)
    said = {
        n: nbformat.read(tmp_path / "out" / f"{n}.ipynb", 4).cells[-1].outputs[0].text for n in ("51_two", "52_alone")
    }
    assert said["51_two"] == f"threads 1 python {sys.executable}\n" and said["52_alone"].startswith("threads 2 ")


def test_a_notebook_may_ask_for_a_longer_budget(tmp_path):
    text = "# ---\n# jupyter:\n#   hearsay:\n#     budget_s:\n#       smoke: 45\n# ---\n" + example.GOOD
    notebook = build.build("50_example", example.sources(tmp_path, text))
    assert runner.budget(notebook, "smoke") == {"budget_s": 45, "budget_mib": 4096}
    assert runner.budget(notebook, "laptop")["budget_s"] == profiles.PROFILES["laptop"].budget_s


def test_the_names_of_the_profiles_are_those_of_lib_profiles():
    assert PROFILES == tuple(profiles.PROFILES)
