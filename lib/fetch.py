"""Files from the internet, on pooch: known by their hash, resumed after a break, whole or not there at all.

Pooch downloads, checks the hash and puts the file in its place. What it lacks is here: going on from `NAME.part`,
several mirrors, several attempts, hashes of which little or nothing is published, and sentences a reader can act on.
`lib.unpack` opens archives.
"""

import contextlib
import os
import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import pooch
import requests
from filelock import FileLock
from tqdm.auto import tqdm

TIMEOUT_S = 30.0  # without a byte
ATTEMPTS = 3  # of each address
UNPUBLISHED = "unpublished"  # in place of a hash: the first download is trusted, and its sha256 holds from then on
_HTML = (".html", ".htm")
_HASH = f"md5:[0-9a-f]{{32}}|sha256:[0-9a-f]{{8,64}}|{UNPUBLISHED}"


class FetchError(OSError):
    """A file that could not be fetched: which, why at each address, and what to do."""


class _Useless(ValueError):
    """An answer that will not get better by asking the same address again."""


def fetch(
    urls: str | Sequence[str],
    folder: str | Path,
    *,
    hash: str,
    name: str | None = None,
    attempts: int = ATTEMPTS,
    timeout_s: float = TIMEOUT_S,
    wait_s: float = 1.0,
    progress: bool = True,
) -> Path:
    """The file, in `folder`: as it is there if its hash is right, else fetched. Two processes fetch it once.

    Args:
        urls: one address or several mirrors, tried in this order.
        hash: "md5:..." or "sha256:..." of the whole file; of a sha256 its first digits will do, 8 or more. Without one
            nothing is fetched, unless UNPUBLISHED says that there is none: then the sha256 of the first download is
            told, kept beside it as NAME.sha256, and asked for from then on.
        name: of the file in the folder; the address's last part if not given.
        attempts: at each address; what has arrived is kept in between as NAME.part, and between calls too where a
            hash can tell whether it fits.
        wait_s: before the second attempt; doubled before each further one.

    Raises:
        ValueError: no address, or no hash of a known kind.
        FetchError: no address gave the file.
    """
    urls = [urls] if isinstance(urls, str) else list(urls)
    if not urls or not re.fullmatch(_HASH, str(hash), re.IGNORECASE):
        raise ValueError(f"expected addresses and a hash such as md5:... or sha256:...; got {urls}, {hash!r}.")
    path = Path(folder).expanduser() / (name or urls[0].partition("?")[0].rpartition("/")[2])
    if is_there(path, hash):  # before anything is written: the folder may be one to read only
        return _kept(path, hash)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f"{path.name}.lock")):
        if is_there(path, hash):
            return path
        hash = recorded(path, hash)
        if hash == UNPUBLISHED:
            path.with_name(f"{path.name}.part").unlink(missing_ok=True)  # nothing could tell that it fits
        failures = {}
        for url in urls:
            for attempt in range(attempts):
                try:
                    return _once(url, path, hash, timeout_s, progress)
                except (_Useless, ValueError, requests.RequestException, FetchError) as error:
                    failures[url] = _why(error, timeout_s)
                    if isinstance(error, _Useless | FetchError):
                        break
                    if attempt + 1 < attempts:
                        time.sleep(wait_s * 2**attempt)
        raise FetchError(_sentence(path, hash, failures))


def is_there(path: Path, hash: str) -> bool:
    """Is the file there, with this hash (or the one recorded on its first download)?"""
    kind, _, digits = recorded(path, hash).partition(":")
    return path.is_file() and (not digits or pooch.file_hash(str(path), alg=kind).startswith(digits.lower()))


def recorded(path: Path, hash: str) -> str:
    """The hash that a file must have: the one given, or for UNPUBLISHED what NAME.sha256 beside it says."""
    beside = path.with_name(f"{path.name}.sha256")
    said = beside.read_text().split() if hash == UNPUBLISHED and beside.is_file() else []
    return f"sha256:{said[0]}" if said else hash


def _kept(path: Path, hash: str) -> Path:
    """The path; where nobody publishes the hash of what lies there, its sha256 is told and written beside it."""
    if recorded(path, hash) == UNPUBLISHED:
        digits = pooch.file_hash(str(path), alg="sha256")
        print(f"{path.name}: nobody publishes its hash. This first copy is trusted; from now on it must be {digits}")
        with contextlib.suppress(OSError):  # a folder to read only
            path.with_name(f"{path.name}.sha256").write_text(f"{digits}  {path.name}\n")
    return path


def _once(url: str, path: Path, hash: str, timeout_s: float, progress: bool) -> Path:
    pooch.get_logger().setLevel("WARNING")  # the progress bar says the same
    downloader = _Resuming(path.with_name(f"{path.name}.part"), timeout_s, progress)
    whole = len(hash) in (len("md5:") + 32, len("sha256:") + 64)  # else pooch cannot check it, and we do
    new = path if whole else path.with_name(f"{path.name}.new")
    pooch.retrieve(url, hash if whole else None, fname=new.name, path=str(path.parent), downloader=downloader)
    if not is_there(new, hash):
        got = pooch.file_hash(str(new), alg="sha256")
        new.unlink()
        raise ValueError(f"what it sends has another hash ({got})")
    os.replace(new, path)
    return _kept(path, hash)


class _NothingLeft(Exception):
    """The server has no more to send: what has arrived is whole, or wrong; its hash will tell."""


class _Resuming:
    """A downloader for pooch that keeps what has arrived and asks for the rest only.

    Pooch checks the hash afterwards and drops a file that fails, so that a wrong start is never built upon.
    """

    def __init__(self, part: Path, timeout_s: float, progress: bool):
        self.part, self.timeout_s, self.progress = part, timeout_s, progress

    def __call__(self, url: str, output_file: str, pooch_: object) -> None:
        with open(self.part, "ab") as file:
            file.seek(0, os.SEEK_END)
            self.got = file.tell()

            def look(answer: requests.Response, **_) -> None:
                self._look(answer, file)

            headers = {"Accept-Encoding": "identity", "User-Agent": "hearsay"}
            if self.got:
                headers["Range"] = f"bytes={self.got}-"
            options = {"chunk_size": 2**13, "timeout": self.timeout_s, "headers": headers, "hooks": {"response": look}}
            shown = {"unit": "B", "unit_scale": True, "leave": False}
            shown["disable"] = None if self.progress else True  # None: shown on a screen or in a notebook, not in a log
            with contextlib.suppress(_NothingLeft), tqdm(total=1, desc=self.part.stem, **shown) as bar:
                pooch.HTTPDownloader(progressbar=bar, **options)(url, file, None)
        os.replace(self.part, output_file)

    def _look(self, answer: requests.Response, file) -> None:
        """Before a byte is written: is this the rest of our file, the whole of it, or something else?"""
        if answer.is_redirect:
            return
        if answer.status_code == 416:
            raise _NothingLeft
        if 400 <= answer.status_code < 500 and answer.status_code not in (408, 425, 429):
            raise _Useless(f"the server answers {answer.status_code} ({answer.reason})")
        answer.raise_for_status()
        sent = answer.headers.get("content-type", "")
        if sent.startswith("text/html") and not self.part.stem.lower().endswith(_HTML):
            raise _Useless("the server sends a web page instead of the file (a login or an error page?)")
        start = answer.headers.get("content-range", "").removeprefix("bytes ").partition("-")[0]
        if self.got and (answer.status_code != 206 or start != str(self.got)):
            file.truncate(0)  # it sends the whole file, whatever we asked for
            if answer.status_code == 206:
                raise requests.ConnectionError(f"the server goes on from byte {start}, not {self.got}")
        need, free = int(answer.headers.get("content-length", 0)), shutil.disk_usage(self.part.parent).free
        if need > free:
            raise FetchError(f"it needs {need / 2**30:.2f} GiB, the disk has {free / 2**30:.2f} GiB free")


def _why(error: Exception, timeout_s: float) -> str:
    """One clause for the reader, without the library's tower of names."""
    text = str(error)
    if isinstance(error, requests.ReadTimeout) or "Read timed out" in text:
        return f"the server went silent for {timeout_s:g} s"
    if isinstance(error, requests.HTTPError):
        return f"the server answers {error.response.status_code} ({error.response.reason})"
    if isinstance(error, requests.exceptions.ChunkedEncodingError) or "IncompleteRead" in text:
        return "the connection broke before the end"
    if "hash of downloaded file" in text:
        return f"what it sends has another hash ({text.partition('but got ')[2].partition('.')[0]})"
    if isinstance(error, requests.exceptions.SSLError):
        return "no safe connection (its certificate is not trusted here: a proxy in between, or a wrong clock?)"
    if isinstance(error, requests.ConnectionError) and "HTTPConnectionPool" in text.replace("HTTPS", "HTTP"):
        return "no connection (offline?)"
    return text


def _sentence(path: Path, hash: str, failures: dict[str, str]) -> str:
    tried = "; ".join(f"{url}: {why}" for url, why in failures.items())
    part = path.with_name(f"{path.name}.part")
    arrived = part.stat().st_size if part.exists() else 0
    kept = f" What has arrived ({arrived:,} bytes) is kept." if arrived else ""
    other = f" The file that lies there ({path.stat().st_size:,} bytes) has another hash." if path.is_file() else ""
    return (
        f"could not fetch {path.name}. Tried {tried}.{kept}{other} "
        f"Try again later, or put the file there by hand: {path} "
        f"({'nobody publishes its hash' if hash == UNPUBLISHED else hash})."
    )
