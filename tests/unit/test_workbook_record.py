"""`make record`: the named notebook trains everything, however long it takes, writes its log, and all is as it was."""

import os

import pytest

from lib import run_log
from lib.workbook import __main__, build, commands, runner
from tests.unit import workbook_example as example

CELL = '''
# %%
import os
from lib import run_log
import pandas as pd
frame = pd.DataFrame({"AP@10": [1.0, 0.5]})
outcome = run_log.Outcome("arm", 0, {"test": frame}, pd.DataFrame({"epoch": [0], "loss": [0.5]}), ("early",))
if run_log.recording():
    run_log.LOGS = run_log.Path(os.environ["TEST_LOGS"])
    run_log.write("50_long", {"key": outcome})
'''


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """The example alone; `text` becomes its source."""
    sources, patience = tmp_path / "source", []
    monkeypatch.setenv("TEST_LOGS", str(tmp_path / "logs"))
    monkeypatch.delenv(run_log.RECORD, raising=False)
    monkeypatch.setenv(runner.PATIENCE, "2")
    for module, name, value in (
        (run_log, "LOGS", tmp_path / "logs"),
        (commands, "BUILD", tmp_path / "build"),
        (commands, "names", lambda select="": ["50_example"]),
        (commands, "build", lambda name: build.build(name, sources)),
    ):
        monkeypatch.setattr(module, name, value)

    def run(names, wanted, out):
        patience.append(float(os.environ[runner.PATIENCE]))
        (out / "scratch").mkdir(parents=True, exist_ok=True)
        return [runner.execute(runner.Job(n, wanted, str(out), 90, 4096, str(sources))) for n in names]

    monkeypatch.setattr(commands.runner, "run", run)
    return lambda text: example.sources(sources, text), tmp_path / "logs", patience


def test_it_writes_the_log_and_leaves_the_environment_alone(repository, capsys):
    write, logs, patience = repository
    write(example.GOOD + CELL)
    assert __main__.main(["record", "--nb", "50"]) == 0
    assert "run logs written to notebooks/logs: 50_long.npz" in capsys.readouterr().out
    assert patience == [1000] and os.environ[runner.PATIENCE] == "2" and run_log.RECORD not in os.environ
    assert run_log.read("50_long")["key"].scores["AP@10"].tolist() == [1.0, 0.5]
    assert [path.name for path in logs.iterdir()] == ["50_long.npz"]


def test_a_notebook_without_a_log_and_one_that_fails_are_told(repository, capsys):
    write, *_ = repository
    write(example.GOOD)
    assert commands.record("50") == 1
    assert "written to notebooks/logs: none\nno cell of these notebooks asks for one" in capsys.readouterr().out
    write(example.GOOD + "\n# %%\n1 / 0\n")
    assert commands.record("50") == 1
    said = capsys.readouterr().out
    assert "failed: 50_example" in said and "no cell" not in said and run_log.RECORD not in os.environ


def test_it_wants_to_know_which(capsys):
    assert __main__.main(["record"]) == 2
    assert "expected the notebook whose run log is to be written; got none" in capsys.readouterr().err


@pytest.mark.parametrize("verb, asked", [("run", "openai"), ("notebooks", ""), ("verify", ""), ("record", ""),
                                         ("rebaseline", "")])  # fmt: skip
def test_what_the_repository_keeps_is_no_language_models(verb, asked, monkeypatch):
    seen = []
    monkeypatch.setenv("HEARSAY_LLM", "openai")
    monkeypatch.setattr(__main__, "_verb", lambda args: seen.append(os.environ["HEARSAY_LLM"]) or 0)
    __main__.main([verb, "--nb", "50", *(["--reason", "a test"] if verb == "rebaseline" else [])])
    assert seen == [asked]
