"""Answers on disk: written as they come, found after a kill, shared by two processes, never asked for twice."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib import llm
from lib.llm.answers import Answers
from lib.llm.instruction import request
from lib.workbook import ROOT
from tests.unit import llm_server

CAPTIONS = [f"well dog {k} barks." for k in range(60)]
ONE, TWO = request("A dog barks."), request("A cat meows.")


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))
    return tmp_path / "llm"


@pytest.fixture
def server(monkeypatch):
    with llm_server.chosen(monkeypatch) as server:
        yield server


def another_process():
    """A run of its own in the same cache, as a second notebook would be."""
    code = f"from lib import llm; found = llm.variants({CAPTIONS!r}, progress=False); print(sum(map(len, found)))"
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def whole_lines(folder):
    return [json.loads(line) for path in folder.glob("*.jsonl") for line in path.read_text().splitlines()]


def test_an_answer_is_found_again_by_model_and_question():
    Answers("toy").add(ONE, "1. …\n", "stop")
    assert Answers("toy").get(ONE) == {"answer": "1. …\n", "finish": "stop"}
    assert Answers("toy").get(TWO) is None
    assert all(Answers(other).get(ONE) is None for other in ("toy two", "toy/two", "Toy"))


def test_a_line_tells_what_was_asked_and_answered(folder):
    Answers("org/toy").add(ONE, "yes", "stop")
    (line,) = whole_lines(folder)
    assert line | {"model": "org/toy", "messages": ONE, "answer": "yes"} == line
    assert [path.name[:8] for path in folder.glob("*.jsonl")] == ["org-toy-"]  # a name is no folder


def test_what_another_process_adds_is_seen():
    ours, theirs = Answers("toy"), Answers("toy")
    assert ours.get(ONE) is None
    theirs.add(ONE, "yes", "stop")
    assert ours.get(ONE)["answer"] == "yes"
    ours.add(TWO, "no", "stop")
    assert theirs.get(TWO)["answer"] == "no"


@pytest.mark.parametrize("torn", [b'{"key": "ab', b"\xff\xfe", b"[1]", b'{"key": 1}\nnull'])
def test_half_a_line_is_told_of_and_harms_no_other(folder, capsys, torn):
    answers = Answers("toy")
    answers.add(ONE, "yes", "stop")
    with answers.path.open("ab") as file:
        file.write(torn)
    later = Answers("toy")
    assert later.get(ONE)["answer"] == "yes" and later.get(TWO) is None
    assert "cannot be read" in capsys.readouterr().out
    later.add(TWO, "no", "stop")
    assert Answers("toy").get(TWO)["answer"] == "no" and Answers("toy").get(ONE)["answer"] == "yes"


def test_a_file_that_was_removed_meanwhile_is_begun_again():
    answers = Answers("toy")
    answers.add(ONE, "yes", "stop")
    answers.path.unlink()
    answers.add(TWO, "no", "stop")
    assert Answers("toy").get(ONE) is None and Answers("toy").get(TWO)["answer"] == "no"


def test_a_full_disk_is_one_sentence(monkeypatch):
    answers = Answers("toy")
    monkeypatch.setattr(answers, "_read", lambda: None)
    answers.path.mkdir()  # no file can be written there
    with pytest.raises(OSError, match="could not keep an answer: .*HEARSAY_CACHE"):
        answers.add(ONE, "yes", "stop")


def test_a_run_that_was_killed_goes_on_where_it_stopped(server, folder):
    server.takes_s = 0.1
    process = another_process()
    deadline = time.monotonic() + 60
    while sum(server.answered.values()) < 20 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    time.sleep(0.3)  # the server has let go of what was under way
    path = next(folder.glob("*.jsonl"))
    kept = {line["messages"][0]["content"] for line in whole_lines(folder)}
    assert 12 <= len(kept) < 60, "killed midway"
    path.write_bytes(path.read_bytes() + b'{"key": "0123')  # at its worst
    before, server.takes_s = len(server.bodies), 0.0
    assert all(len(each) == 5 for each in llm.variants(CAPTIONS, progress=False))
    asked = [body["messages"][0]["content"] for body in server.bodies[before:]]
    assert len(asked) == len(set(asked)) == 60 - len(kept) and not kept & set(asked)


def test_two_processes_at_once_ask_everything_once(server, folder):
    server.takes_s = 0.05
    processes = [another_process(), another_process()]
    assert [int(process.communicate(timeout=120)[0].split()[-1]) for process in processes] == [300, 300]
    assert set(server.asked.values()) == {1} and len(server.asked) == len(whole_lines(folder)) == 60
    assert not [path for path in folder.glob("*.lock") if not path.name.startswith("toy")], "nothing is left lying"


def test_without_a_claim_two_askers_ask_twice(server, monkeypatch):
    """And with it they do not: threads stand for processes, since a claim knows no difference."""
    server.takes_s = 0.2
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: llm.variants(CAPTIONS[:1], progress=False), range(2)))
        assert len(server.bodies) == 1
        monkeypatch.setattr(Answers, "claim", lambda self, messages: contextlib.nullcontext())
        list(pool.map(lambda _: llm.variants(CAPTIONS[1:2], progress=False), range(2)))
        assert len(server.bodies) == 3
