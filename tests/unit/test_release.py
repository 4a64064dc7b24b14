"""Fetching, checking and reporting a released data set, against a server on this machine that breaks in every way."""

import dataclasses
import errno
import functools
import hashlib
import io
import re
import runpy
import shutil
import socket
import sys
import threading
import warnings
from http.server import ThreadingHTTPServer

import numpy as np
import pytest
import soundfile

from lib import fetch as fetching
from lib.data import release, shared
from lib.data.layout import Tally, recordings, rows_of
from lib.data.release import File, Release, ReleaseError
from tests.unit import miniatures, test_fetch


def noise(seconds):
    """A recording that does not shrink."""
    buffer = io.BytesIO()
    soundfile.write(buffer, np.random.default_rng(0).uniform(-1, 1, int(8000 * seconds)), 8000, format="wav")
    return buffer.getvalue()


TEXTS = b"file_name,split\na,train\nb,train\nc,test\n"
ARCHIVE = miniatures.zipped(**{"sounds/a.wav": noise(10), "sounds/b.wav": noise(9), "sounds/c.wav": noise(1)})
CONTENTS = {"texts.csv": TEXTS, "sounds.zip": ARCHIVE}


class Handler(test_fetch.Handler):
    """/WAY/NAME: the file of that name, going wrong in that way."""

    def _fine(self, times, content=None, **named):
        super()._fine(times, CONTENTS[self.path.rpartition("/")[2]] if content is None else content, **named)


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.over, server.daemon_threads = [], threading.Event(), True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()


def read(root):
    tally, sounds = Tally(), recordings(root)
    for row in rows_of(root / "texts.csv", "file_name", "split"):
        tally.add(row["split"], sounds.get(row["file_name"]), {"clip_id": row["file_name"], "split": row["split"]})
    return tally.found("toy")


@pytest.fixture
def toy(server, monkeypatch, tmp_path):
    """A release of three clips whose archive goes wrong in a way, and the folder where it would lie."""
    quick = functools.partial(fetching.fetch, wait_s=0.0, timeout_s=0.3, progress=False)
    monkeypatch.setattr(release, "fetch", quick)
    monkeypatch.setenv("HEARSAY_DATA", str(tmp_path / "fetched"))
    monkeypatch.setenv("HEARSAY_SHARED_DATA", str(tmp_path / "given"))

    def toy(way="fine", **changed):
        def url(name, way):
            return (f"http://127.0.0.1:{server.server_port}/{way}/{name}",)

        files = (
            File("texts.csv", miniatures.md5(TEXTS), url("texts.csv", "fine")),
            File("sounds.zip", miniatures.md5(ARCHIVE), url("sounds.zip", way), "audio", "audio"),
        )
        clips = {"train": 2, "test": 1}
        return Release("toy", "Toy 1.0", "CC0", "https://example.org", files, clips, read, **changed)

    return toy


def names(root):
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file() and path.suffix != ".lock"}


WHOLE = {"texts.csv", "sounds.zip", "audio/sounds/a.wav", "audio/sounds/b.wav", "audio/sounds/c.wav", release.HERE}


def test_it_is_fetched_checked_unpacked_and_counted_licence_first(toy, tmp_path, capsys, monkeypatch):
    before = []
    monkeypatch.setattr(
        release, "acquire", lambda *a, f=release.acquire: before.append(capsys.readouterr().out) or f(*a)
    )
    assert release.main(toy(), []) == 0
    assert "licence: CC0\n" in before[0], "before the first byte"
    told, root = capsys.readouterr().out, tmp_path / "fetched" / "toy"
    assert names(root) == WHOLE
    assert "train: 2 recordings here, 2 clips listed, 2 in the release" in told
    assert "test: 1 recordings here, 1 clips listed, 1 in the release" in told
    assert f'DATA = "toy:{root}"' in told
    assert (root / release.HERE).read_text() == "clip_id,split\na,train\nb,train\nc,test\n"


def test_a_second_time_nothing_is_asked_for_and_no_network_needed(toy, server, tmp_path):
    assert release.main(toy(), [str(tmp_path / "x")]) == 0
    asked = len(server.asked)
    assert release.main(toy("missing"), [str(tmp_path / "x")]) == 0
    assert len(server.asked) == asked


@pytest.mark.parametrize(
    ("way", "why"),
    [
        ("missing", "the server answers 404"),
        ("wrong", "another hash"),
        ("truncated", "another hash"),
        ("always_drops", "the connection broke before the end"),
        ("hangs", r"went silent for 0\.3 s"),
        ("page", "a web page instead of the file"),
        ("huge", "the disk has .* GiB free"),
        ("always_busy", "the server answers 503"),
    ],
)
def test_what_cannot_be_had_is_said_and_nothing_half_written_has_its_name(toy, tmp_path, capsys, way, why):
    assert release.main(toy(way), [str(tmp_path / "x")]) == 1
    told = capsys.readouterr().out
    assert len(re.findall(f"could not fetch sounds.zip. .*{why}", told)) == 1
    assert "train: 0 recordings here, 2 clips listed, 2 in the release; 2 missing: a, b" in told
    assert names(tmp_path / "x") - {"sounds.zip.part"} == {"texts.csv"}, "the other file came all the same"
    assert "DATA" not in told


def test_offline_is_said_plainly(toy, tmp_path, capsys):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dead = (f"http://127.0.0.1:{unused.getsockname()[1]}/x",)
    whole = toy()
    offline = dataclasses.replace(whole, files=tuple(dataclasses.replace(file, urls=dead) for file in whole.files))
    assert release.main(offline, [str(tmp_path / "x")]) == 1
    told = capsys.readouterr().out
    assert told.count("no connection (offline?)") == 2 and "put the file there by hand" in told
    assert all(name.endswith(".part") for name in names(tmp_path / "x"))
    (tmp_path / "x" / "texts.csv").write_bytes(TEXTS)
    (tmp_path / "x" / "sounds.zip").write_bytes(ARCHIVE)
    assert release.main(offline, [str(tmp_path / "x")]) == 0, "by hand, then"


def test_a_mirror_is_tried_after_the_first_address(toy, server, tmp_path):
    whole = toy("missing")
    mirrored = dataclasses.replace(whole.files[1], urls=(*whole.files[1].urls, *toy("fine").files[1].urls))
    assert release.main(dataclasses.replace(whole, files=(whole.files[0], mirrored)), [str(tmp_path / "x")]) == 0
    assert [way for way, _ in server.asked] == ["fine", "missing", "fine"]
    page, interface = release.zenodo("https://zenodo.org/records/1", "a.zip")
    assert page == "https://zenodo.org/records/1/files/a.zip?download=1"
    assert interface == "https://zenodo.org/api/records/1/files/a.zip/content"


def test_it_goes_on_where_it_was_interrupted(toy, server, tmp_path, capsys):
    release_, root = toy("drops"), tmp_path / "x"
    assert release.main(release_, [str(root)]) == 1 and "What has arrived" in capsys.readouterr().out
    assert "sounds.zip.part" in names(root) and "sounds.zip" not in names(root)
    arrived = (root / "sounds.zip.part").stat().st_size
    assert release.main(toy("fine"), [str(root)]) == 0 and names(root) == WHOLE
    assert server.asked[-1] == ("fine", f"bytes={arrived}-")


def test_a_disk_without_room_is_noticed_before_the_first_byte(toy, server, tmp_path, capsys, monkeypatch):
    whole = toy()
    large = dataclasses.replace(whole.files[1], gib=2.0, unpacked_gib=3.0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(2**33, 2**32, 2**32))
    whole = dataclasses.replace(whole, files=(whole.files[0], large))
    assert release.main(whole, [str(tmp_path / "x")]) == 1
    assert "sounds.zip: about 5.0 GiB with what is in it, the disk has 4.0 GiB free" in capsys.readouterr().out
    assert {way for way, _ in server.asked} == {"fine"} and len(server.asked) == 1  # the texts
    (tmp_path / "x" / "sounds.zip").write_bytes(ARCHIVE)
    assert release.main(whole, [str(tmp_path / "x")]) == 0, "the archive is there: 3 GiB will do"


def test_a_disk_that_fills_up_is_no_traceback(toy, tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)  # zipfile writes by it
    assert release.main(toy(), [str(tmp_path / "x")]) == 1
    assert "sounds.zip: [Errno 28] No space left on device" in capsys.readouterr().out
    assert names(tmp_path / "x") == {"texts.csv", "sounds.zip"}


def test_a_disk_that_refuses_amid_a_download_leaves_no_file(toy, tmp_path, capsys):
    resource = pytest.importorskip("resource", reason="Windows has no such limit")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))  # no file may grow larger
    try:
        assert release.main(toy(), [str(tmp_path / "x")]) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "sounds.zip: [Errno 27] File too large" in capsys.readouterr().out
    assert names(tmp_path / "x") == {"texts.csv", "sounds.zip.part"}
    assert release.main(toy(), [str(tmp_path / "x")]) == 0, "with room again it goes on"


@pytest.mark.parametrize("name", ["../evil.wav", "/tmp/evil.wav", "a/../../evil.wav"])
def test_an_archive_that_would_leave_its_folder_is_refused(toy, tmp_path, capsys, monkeypatch, name):
    evil = miniatures.zipped(**{"sounds/a.wav": noise(1), name: b"x"})
    monkeypatch.setitem(CONTENTS, "sounds.zip", evil)
    whole = toy()
    bad = dataclasses.replace(whole.files[1], hash=miniatures.md5(evil))
    assert release.main(dataclasses.replace(whole, files=(whole.files[0], bad)), [str(tmp_path / "x")]) == 1
    assert "would leave the folder; nothing was unpacked" in capsys.readouterr().out
    assert names(tmp_path) == {"x/texts.csv", "x/sounds.zip"}


def test_an_archive_in_parts_is_unpacked_when_all_of_them_are_there(toy, tmp_path, monkeypatch, capsys):
    from tests.unit.test_split_zip import split

    members = {f"{name}.wav": noise(2) for name in "abc"}
    last = split(tmp_path, members, 40_000, name="sounds")
    pieces = sorted(tmp_path.glob("sounds.z[0-9]*"))
    for file in (last, *pieces):
        monkeypatch.setitem(CONTENTS, file.name, file.read_bytes())
    whole = toy()

    def file(path, way, **named):
        url = whole.files[1].urls[0].replace("/fine/sounds.zip", f"/{way}/{path.name}")
        return File(path.name, miniatures.md5(path.read_bytes()), (url,), "audio", **named)

    for way, rc in (("missing", 1), ("fine", 0)):
        parts = tuple(file(piece, way if piece == pieces[1] else "fine") for piece in pieces)
        archive = file(last, "fine", folder="audio", parts=parts)
        whole = dataclasses.replace(whole, files=(whole.files[0], archive))
        assert release.main(whole, [str(tmp_path / "x")]) == rc
        assert (tmp_path / "x" / "audio").exists() == (rc == 0)
        assert ("could not fetch sounds.z02" in capsys.readouterr().out) == (rc == 1)


def test_what_comes_by_hand_is_unpacked_if_it_is_there(toy, tmp_path, capsys):
    whole = toy(by_hand="Ask the authors for sounds.zip.")
    by_hand = File("deep/sounds.zip", kind="audio", folder="audio")
    whole = dataclasses.replace(whole, files=(whole.files[0], by_hand))
    assert release.main(whole, [str(tmp_path / "x")]) == 1
    assert "Ask the authors for sounds.zip." in capsys.readouterr().out
    (tmp_path / "x" / "deep").mkdir()
    (tmp_path / "x" / "deep" / "sounds.zip").write_bytes(ARCHIVE)
    assert release.main(whole, [str(tmp_path / "x")]) == 0


def test_recordings_that_lie_in_other_folders_are_not_fetched_again(toy, server, tmp_path):
    for name in "abc":
        miniatures.tone(tmp_path / "x" / "mine" / f"{name}.wav")
    assert release.main(toy("missing"), [str(tmp_path / "x")]) == 0
    assert [way for way, _ in server.asked] == ["fine"], "the texts"


def test_the_texts_alone(toy, server, tmp_path):
    assert release.main(toy("missing"), [str(tmp_path / "x"), "--only", "texts"]) == 0
    assert [way for way, _ in server.asked] == ["fine"] and names(tmp_path / "x") == {"texts.csv"}
    more = dataclasses.replace(toy("missing"), clips={"train": 3, "test": 1})
    assert release.main(more, [str(tmp_path / "x"), "--only", "texts"]) == 1, "they list less than the release has"


def test_a_check_fetches_and_writes_nothing(toy, server, tmp_path, capsys):
    assert release.main(toy(), [str(tmp_path / "x"), "--check"]) == 1
    assert not server.asked and not (tmp_path / "x").exists()
    assert "train: 0 recordings here, 0 clips listed, 2 in the release" in capsys.readouterr().out
    release.main(toy(), [str(tmp_path / "x")])
    (tmp_path / "x" / release.HERE).unlink()
    assert release.main(toy(), [str(tmp_path / "x"), "--check"]) == 0
    assert names(tmp_path / "x") == WHOLE - {release.HERE}


def test_a_folder_that_may_not_be_written_has_its_clips_counted(toy, tmp_path, capsys):
    release.main(toy(), [str(tmp_path / "x")])
    (tmp_path / "x" / release.HERE).unlink()
    (tmp_path / "x" / release.HERE).mkdir()  # as good as read-only
    assert release.main(toy(), [str(tmp_path / "x")]) == 0
    assert "no list of the clips: " in capsys.readouterr().out


def test_nothing_that_was_there_is_removed_or_replaced(toy, tmp_path):
    mine = miniatures.tone(tmp_path / "x" / "mine" / "a.wav")
    kept = hashlib.md5(mine.read_bytes()).hexdigest()
    (tmp_path / "x" / "audio").mkdir()
    (tmp_path / "x" / "audio" / "b.wav").write_bytes(noise(1))  # unpacked before, in part
    assert release.main(toy("missing"), [str(tmp_path / "x")]) == 1
    assert hashlib.md5(mine.read_bytes()).hexdigest() == kept
    assert names(tmp_path / "x") == {"texts.csv", "mine/a.wav", "audio/b.wav", release.HERE}


def test_a_damaged_table_ends_it_in_one_sentence(toy, tmp_path, capsys):
    whole = dataclasses.replace(toy(), files=())
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "texts.csv").write_text("name\na")
    assert release.main(whole, [str(tmp_path / "x")]) == 1
    assert "texts.csv: expected the columns file_name, split; got name. Fetch it again." in capsys.readouterr().out


# Loading


def test_what_is_not_here_says_how_to_come_by_it(toy, tmp_path):
    with pytest.raises(ReleaseError, match=r"Toy 1.0 is not here: no folder .*fetched/toy. Try: python data_scr"):
        release.load(toy())
    (tmp_path / "x").mkdir()
    with pytest.raises(ReleaseError, match=r"no recording of Toy 1.0 \(none of its texts\). Try: python data_scr"):
        release.load(toy(), str(tmp_path / "x"))
    (tmp_path / "x" / "texts.csv").write_bytes(TEXTS)
    with pytest.raises(ReleaseError, match=r"no recording of Toy 1.0 \(its texts name 3 clips\). Try"):
        release.load(toy(), str(tmp_path / "x"))


def test_what_is_whole_loads_without_a_word(toy, tmp_path):
    release.main(toy(), [])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = release.load(toy())
    assert found.table["clip_id"].tolist() == ["a", "b", "c"] and release.complete(toy(), found)


@pytest.mark.parametrize(
    ("name", "content", "counts"),
    [("b", None, "1 of 2 train, 1 of 1 test"), ("c", b"", "2 of 2 train, 0 of 1 test"),
     ("a", b"not audio", "1 of 2 train, 1 of 1 test")],
)  # fmt: skip
def test_what_is_missing_is_one_line_of_warning(toy, tmp_path, capsys, name, content, counts):
    release.main(toy(), [])
    file = tmp_path / "fetched" / "toy" / "audio" / "sounds" / f"{name}.wav"
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.warns(UserWarning) as caught:
        found = release.load(toy())
    (only,) = caught
    assert f"{counts}. python data_scripts/toy.py --check names the missing." in str(only.message)
    assert "\n" not in str(only.message) and len(found.table) == 2
    capsys.readouterr()
    assert release.main(toy(), ["--check"]) == 1
    assert f"1 missing: {name}{'' if content is None else ' (empty or no audio)'}" in capsys.readouterr().out


def test_of_two_places_the_fuller_one_is_taken(toy, tmp_path):
    release.main(toy(), [])
    shutil.copytree(tmp_path / "fetched" / "toy", tmp_path / "given" / "toy")
    assert release.load(toy()).table["path"][0].startswith(str(tmp_path / "given")), (
        "as full: what was put there by hand"
    )
    shutil.rmtree(tmp_path / "given" / "toy" / "audio")
    assert release.load(toy()).table["path"][0].startswith(str(tmp_path / "fetched"))


# The scripts


@pytest.mark.parametrize("name", ["clotho", "clotho_hidden", "fsd50k", "esc50", "audiocaps", "audiocaps_v2", "wavcaps",
                                  "macs", "auto_acd", "apwd"])  # fmt: skip
def test_every_data_set_has_a_script_that_shows_its_licence(name, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HEARSAY_DATA", str(tmp_path))
    monkeypatch.setenv("HEARSAY_SHARED_DATA", str(tmp_path))
    known = release.named(name)
    assert known.name == name and known.licence and known.page.startswith("https://")
    assert all(url.startswith("https://") for file in known.files for url in file.urls)
    assert len({file.name for file in known.files}) == len(known.files)
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--check"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(shared.ROOT / "data_scripts" / f"{name}.py"), run_name="__main__")
    assert ended.value.code == 1
    head = f"{known.title}\nlicence: {known.licence}\nsee {known.page}\nfolder: {tmp_path / name}\n"
    assert capsys.readouterr().out.startswith(head)
    assert not list(tmp_path.iterdir())
