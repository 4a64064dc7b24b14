"""Arrays of unequal length on disk, by content: chunks written whole or not at all, the least recently used out.

A chunk is one safetensors file: the keys of its items, their lengths, and their values one after another in half
precision. Reading runs no code. `lib.cache` stands on this.
"""

import contextlib
import functools
import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import platformdirs
import torch
from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

STALE_S = 3600.0  # a .part older than this was left by a process that was killed
FORMAT = "1"  # of a chunk; half precision is part of it, so another one is another folder
LARGEST = torch.finfo(torch.float16).max


def root() -> Path:
    """The folder of all caches: HEARSAY_CACHE, or the user's cache folder."""
    chosen = os.environ.get("HEARSAY_CACHE")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("hearsay", appauthor=False))


def limit_bytes() -> int:
    """The most that frames and tokens may take on disk, and again that trained runs may: HEARSAY_CACHE_GIB, or 10."""
    text = os.environ.get("HEARSAY_CACHE_GIB") or "10"
    try:
        return int(float(text) * 2**30)
    except ValueError:
        raise ValueError(f"expected HEARSAY_CACHE_GIB to be a number of GiB; got {text!r}. Try 10.") from None


def digest(*texts: str) -> str:
    """A short name (32 hexadecimal digits of sha256) for texts in this order."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:32]


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees half of it.

    Raises:
        OSError: the disk is full or read-only; the message says what to do.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        os.replace(part, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        hint = "Free some space, or set HEARSAY_CACHE to a folder on another disk"
        why = f"could not write {len(content) / 2**20:.1f} MiB: {error.strerror}. {hint}"
        raise OSError(error.errno, why, str(path)) from None


class Store:
    """The chunks of one encoder and crop, in one folder. Items are known by keys of 32 hexadecimal digits."""

    def __init__(self, kind: str, key: str):
        self.folder = root() / kind / f"{key}-{FORMAT}"

    def index(self) -> dict[str, tuple[Path, int, int]]:
        """Where each item is: chunk, first row, last row + 1. A chunk that cannot be read is removed and told of."""
        found = {}
        for path in sorted(self.folder.glob("*.safetensors")):
            try:
                stat = path.stat()
                found |= _contents(path, stat.st_size, stat.st_ino)
            except (SafetensorError, OSError) as error:
                if path.exists():
                    print(f"cache: {path.name} cannot be read ({error}); it is made again")
                    path.unlink(missing_ok=True)
        return found

    @contextlib.contextmanager
    def claim(self, keys: Sequence[str], *, wait: bool) -> Iterator[Path | None]:
        """The path at which a chunk of these items is to be written, ours alone for the while; None if it is there.

        Raises:
            filelock.Timeout: another process is at it, and `wait` is False.
        """
        path = self.folder / f"{digest(*keys)}.safetensors"
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = path.with_suffix(".lock")
        with FileLock(lock).acquire(timeout=-1 if wait else 0):
            yield None if path.exists() else path
        lock.unlink(missing_ok=True)  # whoever waits for it still finds the chunk

    def write(self, path: Path, keys: Sequence[str], items: Sequence[Tensor]) -> None:
        """Items (time, feature) as one chunk.

        Raises:
            ValueError: an item holds NaN, infinity, or what half precision cannot hold.
        """
        values = torch.cat(list(items)).detach().to("cpu", torch.float32)
        largest = float(values.abs().max()) if values.numel() else 0.0
        if not largest <= LARGEST:
            hint = "Look for broken clips, or scale the encoder's output down"
            raise ValueError(f"expected finite frames of at most {LARGEST:.0f}; got {largest}. {hint}.")
        raw = np.frombuffer(bytes.fromhex("".join(keys)), dtype=np.uint8).reshape(len(keys), -1)
        lengths = torch.tensor([len(item) for item in items])
        write_whole(path, save({"keys": torch.tensor(raw), "lengths": lengths, "values": values.half()}))

    def read(self, path: Path) -> Tensor:
        """Values of all items of a chunk (item x time, feature) in half precision; it counts as just used.

        Raises:
            FileNotFoundError: another process has removed it to keep to the size limit.
        """
        os.utime(path)
        with safe_open(path, "pt") as chunk:
            return chunk.get_tensor("values")


@functools.lru_cache(maxsize=4096)
def _contents(path: Path, size: int, inode: int) -> dict[str, tuple[Path, int, int]]:
    """What a chunk holds, read once in a process: a chunk never changes."""
    with safe_open(path, "pt") as chunk:
        keys, ends = chunk.get_tensor("keys").numpy(), chunk.get_tensor("lengths").cumsum(0).tolist()
    return {key.tobytes().hex(): (path, *span) for key, *span in zip(keys, [0, *ends], ends)}


def trim(limit: int | None = None) -> int:
    """Remove the least recently used chunks until the rest fits; the bytes removed."""
    limit = limit_bytes() if limit is None else limit
    files = []
    for path in (*root().glob("frames/*/*"), *root().glob("tokens/*/*")):
        with contextlib.suppress(FileNotFoundError):
            files.append((path.stat().st_mtime_ns, path.stat().st_size, path))
    total, removed = sum(size for _, size, _ in files), 0
    for used_ns, size, path in sorted(files):
        stale = path.suffix == ".part" and time.time() - used_ns / 1e9 > STALE_S
        if stale or (path.suffix == ".safetensors" and total - removed > limit):
            path.unlink(missing_ok=True)
            removed += size
    return removed
