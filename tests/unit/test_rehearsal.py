"""The rehearsal in small: Clotho's way from table to score on a stand-in, killed halfway, short of disk, measured."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from lib import audio, data, profiles
from lib.data import clotho, mock_clotho
from lib.workbook import ROOT, rehearsal
from lib.workbook.__main__ import main as workbook

SHARE = 0.005
COUNTS = {"train": 20, "validation": 6, "test": 6}
# Chunks so small that a kill finds some written and some not.
SMALL = "from lib import cache; cache.CHUNK = 4; from lib.workbook import rehearsal; rehearsal.main({}, {!r}, 2)"


@pytest.fixture(autouse=True)
def nothing_shared(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_SHARED_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setenv("HEARSAY_DATA", str(tmp_path / "nowhere"))


@pytest.fixture
def laid_out(tmp_path):
    mock_clotho.write(tmp_path / "clotho", SHARE, progress=False)
    return tmp_path / "clotho"


def start(*command):
    env = os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen([sys.executable, *command], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)


def killed(folder: Path) -> list[psutil.Process]:
    """A run, ended for good once it has written two files of frames; the processes that it had started."""
    run = start("-c", SMALL.format(SHARE, str(folder)))
    until = time.monotonic() + 120
    while len(rehearsal._chunks(folder)) < 2 and run.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    helpers = psutil.Process(run.pid).children(recursive=True)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    return helpers


def test_it_runs_from_table_to_score_and_goes_on_after_a_kill(tmp_path):
    helpers = killed(tmp_path)
    assert len(helpers) and not psutil.wait_procs(helpers, timeout=20)[1], "a helper outlives what it helps"
    before = len(rehearsal._chunks(tmp_path))
    assert before >= 2
    again = start("-m", "lib.workbook", "rehearsal", "--share", str(SHARE), "--folder", str(tmp_path))
    told = again.communicate(timeout=240)[0]
    assert again.returncode == 0, told
    for split, n in COUNTS.items():
        assert f"{split} {n} (captions by grammar)" in told
    encoded, known = map(int, re.search(r"frames: (\d+) encoded, (\d+) from cache", told).groups())
    assert encoded + known == 32 and known >= 8
    assert f"{before} files of frames were there from a run before" in told
    memory, disk = (float(re.search(rf"{name}: ([\d.]+) [GM]iB", told)[1]) for name in ("peak memory", "disk used"))
    assert 0.3 < memory < 4 and 1 < disk < sum(rehearsal.NEED_MIB)
    assert "frames, 2 processes" in told and "one epoch of adapters" in told
    score, chance = (float(re.search(rf"{name} ([\d.]+)", told)[1]) for name in ("mAP@10", "chance"))
    assert "scores of a stand-in, one epoch, no verdict" in told and 0 < score < 1 and chance == pytest.approx(0.4083)
    assert "within 15 minutes" not in told, "a part of it, and begun before, says nothing of that"



def test_too_little_room_stops_it_before_anything_is_written(tmp_path, monkeypatch, capsys):
    folder, free = tmp_path / "new", 300 * 2**20
    monkeypatch.setattr(shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(2 * free, free, free))
    monkeypatch.setattr(rehearsal, "rehearse", lambda *a: pytest.fail("it began"))
    assert workbook(["rehearsal", "--folder", str(folder)]) == 2
    said = capsys.readouterr().err
    assert "needs 384 MiB more, 300 MiB are free. Free some space, or name a folder on another disk" in said
    assert not folder.exists()
    monkeypatch.setattr(rehearsal, "rehearse", lambda *a: "scores")
    assert workbook(["rehearsal", "--folder", str(folder), "--share", "0.5"]) == 0


def test_what_is_there_already_needs_no_room_again(tmp_path):
    (tmp_path / "frames").write_bytes(bytes(30 * 2**20))
    assert "disk: 34 MiB needed" in rehearsal.room(tmp_path, 0.0)


@pytest.mark.parametrize("wrong", [["--share", "0"], ["--share", "1.1"], ["--processes", "0"]])
def test_what_cannot_be_meant_is_refused(wrong, capsys):
    assert workbook(["rehearsal", *wrong]) == 2
    assert "expected a share above 0, to 1, and a process" in capsys.readouterr().err


def test_memory_is_that_of_all_processes_at_once():
    watch = rehearsal.Peak()
    watch.start()
    time.sleep(0.5)
    alone, hold = watch.peak_mib, "x = bytearray(300 << 20); x[::4096] = x[::4096]; print(flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    child.stdout.readline()
    time.sleep(0.6)
    child.communicate("\n")
    watch.done.set()
    watch.join()
    assert 50 < alone and alone + 280 < watch.peak_mib < alone + 500


def test_the_layout_is_read_as_clothos(laid_out):
    found = clotho.RELEASE.read(laid_out)
    assert found.listed == COUNTS and not any(found.missing.values()) and not found.notes
    with pytest.warns(UserWarning, match="20 of 3,839 train"):
        clips = data.load(f"clotho:{laid_out}", profile=profiles.PROFILES["smoke"], needs=("audio", "captions"))
    assert set(clips["captions"].map(len)) == {5} and clips["duration_s"].between(15, 30).all()
    assert clips["recording"].is_unique and clips["recording"].str.fullmatch(r"\d{6}").all()


def test_a_clip_is_heard_though_silence_is_stored(laid_out):
    table = clotho.RELEASE.read(laid_out).table
    clips = mock_clotho.heard(table, laid_out)
    for row in (0, 19, 20, 31):
        quiet, sound = (audio.load(each["path"].iloc[row], 16000) for each in (table, clips))
        assert not quiet.any() and len(sound) == pytest.approx(len(quiet), abs=2)
        assert 0.01 < np.abs(sound).max() <= 1 and np.array_equal(sound, audio.load(clips["path"][row], 16000))
    assert clips["path"].is_unique and (clips["path"].str.startswith("mock-clotho://")).all()
    assert sum(file.stat().st_size for file in laid_out.rglob("*.wav")) < 32 * 5000


def test_writing_again_keeps_what_is_there_and_mends_what_is_not(laid_out):
    files = sorted(laid_out.rglob("*.wav"))
    files[0].unlink()
    times = {file: file.stat().st_mtime_ns for file in files[1:]}
    mock_clotho.write(laid_out, SHARE, progress=False)
    assert sorted(laid_out.rglob("*.wav")) == files
    assert {file: file.stat().st_mtime_ns for file in files[1:]} == times


def test_clothos_own_captions_where_they_are(tmp_path, shared_data, monkeypatch):
    monkeypatch.setenv("HEARSAY_SHARED_DATA", str(shared_data))
    whose = mock_clotho.write(tmp_path, 0.002, progress=False)
    assert whose == {"train": mock_clotho.CLOTHOS, "validation": mock_clotho.GRAMMAR, "test": mock_clotho.CLOTHOS}
    found = clotho.RELEASE.read(tmp_path)
    assert found.listed == {"train": 8, "validation": 3, "test": 3} and not any(found.missing.values())
    assert "Distorted AM Radio noise.wav" in set(found.table["clip_id"])
