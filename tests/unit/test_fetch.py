"""Fetching from a server that breaks in every usual way."""

import hashlib
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lib import fetch as fetching
from lib.fetch import UNPUBLISHED, FetchError, fetch

CONTENT = bytes(range(256)) * 2000
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
MD5 = "md5:" + hashlib.md5(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT; the address says how it goes wrong. `server.asked` holds (address, Range) of every request."""

    def do_GET(self):
        way = self.path.strip("/").partition("/")[0]
        self.server.asked.append((way, self.headers["Range"]))
        times = sum(asked == way for asked, _ in self.server.asked)
        getattr(self, f"_{way}", self._fine)(times)

    def _fine(self, times, content=CONTENT, sent=None, status=200, ranges=True, **headers):
        start = int((self.headers["Range"] or "bytes=0-")[6:-1]) if ranges else 0
        if start >= len(content):
            return self.send_error(416)
        if start:
            status, headers["Content-Range"] = 206, f"bytes {start}-{len(content) - 1}/{len(content)}"
        self.send_response(status)
        self.send_header("Content-Length", headers.pop("length", len(content) - start))
        for name, value in {"Content-Type": "application/octet-stream", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[start:][:sent])
        self.close_connection = True

    def _drops(self, times):
        self._fine(times, sent=98_304)

    def _drops_and_ignores_range(self, times):
        self._fine(times, sent=98_304 if times == 1 else None, ranges=False)

    def _always_drops(self, times):
        self._fine(times, sent=1000, ranges=False)

    def _goes_on_elsewhere(self, times):
        if times == 2:
            return self._fine(
                times, status=206, ranges=False, **{"Content-Range": f"bytes 7-{len(CONTENT)}/{len(CONTENT)}"}
            )
        self._fine(times, sent=98_304)

    def _wrong(self, times):
        self._fine(times, content=CONTENT[::-1])

    def _wrong_once(self, times):
        self._fine(times, content=CONTENT[::-1] if times == 1 else CONTENT)

    def _truncated(self, times):
        self._fine(times, content=CONTENT[:-5])

    def _missing(self, times):
        self.send_error(404)

    def _busy(self, times):
        self.send_error(503) if times == 1 else self._fine(times)

    def _always_busy(self, times):
        self.send_error(503)

    def _hangs(self, times):
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:16_384])
        self.server.over.wait(10)

    def _page(self, times):
        self._fine(times, content=b"<html>Please log in</html>", **{"Content-Type": "text/html; charset=utf-8"})

    def _huge(self, times):
        self._fine(times, length=2**60)

    def _moved(self, times):
        self.send_response(302)
        self.send_header("Location", "/fine/file.bin")
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.over, server.daemon_threads = [], threading.Event(), True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def get(server, tmp_path):
    """Fetch by ways to go wrong: one address each."""

    def get(*ways, **options):
        urls = [f"http://127.0.0.1:{server.server_port}/{way}/file.bin" for way in ways]
        options = {"hash": SHA256, "wait_s": 0.0, "timeout_s": 5.0, "progress": False, **options}
        return fetch(urls, tmp_path / "data", **options)

    return get


def left(tmp_path):
    return sorted(path.name for path in (tmp_path / "data").iterdir() if path.suffix != ".lock")


@pytest.mark.parametrize("hash", [SHA256, MD5, MD5.upper().replace("MD5", "md5")])
def test_a_file_is_fetched_once(get, server, tmp_path, hash):
    for _ in range(2):
        assert get("fine", hash=hash).read_bytes() == CONTENT
    assert len(server.asked) == 1 and left(tmp_path) == ["file.bin"]


def test_a_name_of_its_own(get):
    assert get("fine", name="other.bin").name == "other.bin"


def test_a_redirect_is_followed(get):
    assert get("moved").read_bytes() == CONTENT


def test_what_had_arrived_before_a_break_is_not_asked_for_again(get, server, tmp_path):
    assert get("drops", attempts=9).read_bytes() == CONTENT
    expected = [None, *(f"bytes={n}-" for n in range(98_304, len(CONTENT), 98_304))]
    assert [range_ for _, range_ in server.asked] == expected and left(tmp_path) == ["file.bin"]


def test_it_goes_on_where_an_earlier_call_stopped(get, server, tmp_path):
    with pytest.raises(FetchError, match=r"broke before the end. What has arrived \(196,608 bytes\) is kept"):
        get("drops", attempts=2)
    assert left(tmp_path) == ["file.bin.part"]
    assert get("fine").read_bytes() == CONTENT
    assert server.asked[-1] == ("fine", "bytes=196608-")


@pytest.mark.parametrize("way", ["drops_and_ignores_range", "goes_on_elsewhere", "wrong_once", "busy"])
def test_it_recovers(get, way):
    assert get(way, attempts=8).read_bytes() == CONTENT


def test_a_part_of_something_else_is_dropped(get, tmp_path):
    (tmp_path / "data").mkdir()
    for wrong in (b"x" * 1000, CONTENT + b"too long", CONTENT[::-1]):
        (tmp_path / "data" / "file.bin.part").write_bytes(wrong)
        assert get("fine").read_bytes() == CONTENT
        (tmp_path / "data" / "file.bin").unlink()


def test_a_part_that_is_whole_is_taken(get, server, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file.bin.part").write_bytes(CONTENT)
    assert get("fine").read_bytes() == CONTENT
    assert server.asked == [("fine", f"bytes={len(CONTENT)}-")]


def test_an_older_version_is_replaced(get, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file.bin").write_bytes(b"an older version")
    assert get("fine").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("way", "why", "requests"),
    [
        ("wrong", "what it sends has another hash", 2),
        ("truncated", "what it sends has another hash", 2),
        ("always_drops", "the connection broke before the end", 2),
        ("missing", "the server answers 404", 1),
        ("always_busy", "the server answers 503", 2),
        ("page", "a web page instead of the file", 1),
        ("huge", "the disk has .* GiB free", 1),
    ],
)
def test_what_cannot_be_mended_is_explained_and_leaves_no_file(get, server, tmp_path, way, why, requests):
    with pytest.raises(
        FetchError, match=rf"could not fetch file.bin. Tried http://127.*{why}.*by hand: .*file.bin \(sha256:"
    ):
        get(way, attempts=2)
    assert len(server.asked) == requests
    assert not (tmp_path / "data" / "file.bin").exists()


def test_a_failed_fetch_leaves_the_old_file_alone(get, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file.bin").write_bytes(b"an older version")
    with pytest.raises(FetchError):
        get("wrong", attempts=1)
    assert (tmp_path / "data" / "file.bin").read_bytes() == b"an older version"


def test_a_server_that_goes_silent_is_given_up(get):
    with pytest.raises(FetchError, match="went silent for 0.2 s.*16,384 bytes. is kept"):
        get("hangs", timeout_s=0.2, attempts=1)


def test_mirrors_are_tried_in_order(get, server):
    assert get("missing", "page", "wrong", "fine", "busy", attempts=1).read_bytes() == CONTENT
    assert [way for way, _ in server.asked] == ["missing", "page", "wrong", "fine"]


def test_offline_is_said_plainly(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/file.bin"
    with pytest.raises(
        FetchError, match=r"no connection \(offline\?\). Try again later, or put the file there by hand"
    ):
        fetch(url, tmp_path, hash=SHA256, wait_s=0.0)


def test_a_certificate_that_is_not_trusted_is_not_offline(server, tmp_path):
    url = f"https://127.0.0.1:{server.server_port}/fine/file.bin"  # the server speaks http alone
    with pytest.raises(FetchError, match=r"no safe connection \(its certificate"):
        fetch(url, tmp_path, hash=SHA256, attempts=1)


def test_a_wrong_file_that_lies_there_is_told_of(get, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file.bin").write_bytes(CONTENT[:-5])
    with pytest.raises(FetchError, match=r"The file that lies there \(511,995 bytes\) has another hash. Try again"):
        get("missing")
    (tmp_path / "data" / "file.bin").unlink()
    with pytest.raises(FetchError) as error:
        get("missing")
    assert "lies there" not in str(error.value)


def test_a_file_that_is_there_needs_no_connection(tmp_path):
    (tmp_path / "file.bin").write_bytes(CONTENT)
    assert fetch("http://127.0.0.1:1/file.bin", tmp_path, hash=SHA256).read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["file.bin"]  # nothing is written beside it


NO_HASHES = ["", "sha256:", SHA256[:14], SHA256 + "0", MD5[:20], "sha1:" + "0" * 40, "0" * 64, None]


@pytest.mark.parametrize("hash", NO_HASHES)
def test_without_a_hash_nothing_is_fetched(get, server, hash):
    with pytest.raises(ValueError, match="a hash such as md5:... or sha256:"):
        get("fine", hash=hash)
    assert not server.asked


# Hashes of which little or nothing is published

BEGINNING = SHA256[: len("sha256:") + 8]


def test_the_first_digits_of_a_hash_will_do(get, server, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file.bin").write_bytes(b"an older version")
    for _ in range(2):
        assert get("fine", hash=BEGINNING).read_bytes() == CONTENT
    assert len(server.asked) == 1 and left(tmp_path) == ["file.bin"]


def test_other_first_digits_are_refused_and_leave_no_file(get, tmp_path):
    with pytest.raises(FetchError, match="what it sends has another hash"):
        get("wrong", hash=BEGINNING, attempts=2)
    assert left(tmp_path) == []


def test_it_recovers_from_a_wrong_file_with_the_first_digits_alone(get):
    assert get("wrong_once", hash=BEGINNING).read_bytes() == CONTENT


def test_without_a_published_hash_the_first_download_is_told_and_held_to(get, server, tmp_path, capsys):
    digits = SHA256.partition(":")[2]
    assert get("fine", hash=UNPUBLISHED).read_bytes() == CONTENT
    told = capsys.readouterr().out
    assert "nobody publishes its hash. This first copy is trusted" in told and digits in told
    assert left(tmp_path) == ["file.bin", "file.bin.sha256"]
    get("fine", hash=UNPUBLISHED)
    assert len(server.asked) == 1 and not capsys.readouterr().out
    (tmp_path / "data" / "file.bin").write_bytes(b"altered")
    with pytest.raises(FetchError, match="another hash"):
        get("wrong", hash=UNPUBLISHED, attempts=1)
    assert get("fine", hash=UNPUBLISHED).read_bytes() == CONTENT


def test_a_file_put_there_by_hand_is_trusted_too_and_held_to(get, server, tmp_path, capsys):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file.bin").write_bytes(b"by hand")
    assert get("fine", hash=UNPUBLISHED).read_bytes() == b"by hand"
    assert hashlib.sha256(b"by hand").hexdigest() in capsys.readouterr().out
    assert not server.asked and left(tmp_path) == ["file.bin", "file.bin.sha256"]


def test_a_note_of_the_hash_that_was_never_finished_is_written_again(get, server, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file.bin").write_bytes(b"by hand")
    (tmp_path / "data" / "file.bin.sha256").touch()
    assert get("fine", hash=UNPUBLISHED).read_bytes() == b"by hand"
    assert (tmp_path / "data" / "file.bin.sha256").read_text().startswith(hashlib.sha256(b"by hand").hexdigest())


def test_without_a_hash_a_part_of_an_earlier_call_is_not_built_upon(get, server, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file.bin.part").write_bytes(b"who knows")
    assert get("drops", hash=UNPUBLISHED, attempts=9).read_bytes() == CONTENT
    assert [range_ for _, range_ in server.asked][:2] == [None, "bytes=98304-"]  # within a call it goes on


def test_two_processes_fetch_once(server, tmp_path):
    call = f"fetch('http://127.0.0.1:{server.server_port}/fine/file.bin', {str(tmp_path)!r}, hash={SHA256!r})"
    root = str(Path(fetching.__file__).parents[1])
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {root!r}); from lib.fetch import fetch; {call}"]
    running = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]
    assert len(server.asked) == 1 and (tmp_path / "file.bin").read_bytes() == CONTENT
