"""Trained runs, kept: settings -> weights and history. Later notebooks reuse what earlier ones trained."""

import contextlib
import functools
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import safetensors.torch
from filelock import FileLock, Timeout
from torch import Tensor

from lib import parallel, store
from lib.fingerprint import code

TRAINING = ("lib.adapters", "lib.losses", "lib.towers", "lib.train")  # a change there voids trained runs


@dataclass(frozen=True)
class Run:
    """What training leaves behind: weights, the history of its epochs, and whatever else JSON can hold."""

    weights: dict[str, Tensor]
    history: pd.DataFrame
    extras: dict[str, Any] = field(default_factory=dict)
    new: bool = True  # trained now, not read


def trained(settings: dict, train: Callable[[Path], Run], *, uses: Sequence[Any] = (), tell: bool = True) -> Run:
    """The run that these settings give: trained now, or read. Two processes never train the same one twice.

    Under `torchrun` the processes that share a batch train it together; the first looks, saves, and keeps others out.

    Args:
        settings: all that the result depends on, as JSON can hold it: source, seed, sizes, encoders' keys, loss. The
            code of `lib`'s training and the versions of torch and others count without being named. "name" is shown.
        train: given the path of a checkpoint for `lib.train.fit`, so that a run killed halfway goes on from there.
        uses: functions or classes whose code counts too, such as a loss defined in a notebook.
        tell: print whether it was trained now.

    Raises:
        TypeError: settings that JSON cannot hold.
    """
    try:
        text = json.dumps(settings, sort_keys=True)
    except TypeError as error:
        wanted = "settings of numbers, text, lists and dicts with text as keys"
        raise TypeError(f"expected {wanted}; got: {error}. Try dataclasses.asdict, or tolist.") from None
    folder = store.root() / "trained" / store.digest(text, code(*TRAINING, *uses))
    folder.parent.mkdir(parents=True, exist_ok=True)
    name, leads = settings.get("name", folder.name[:8]), parallel.rank() == 0
    lock = _alone(folder.with_suffix(".lock"), f"trained: waiting for another process that is training {name}")
    with lock if leads else contextlib.nullcontext():
        was_there = parallel.agreed(folder.exists())
        if not was_there:
            run = train(folder.with_suffix(".checkpoint"))
            if leads:
                _save(folder, run, text)
                _tidy(store.root(), store.limit_bytes())
            parallel.agreed("saved")  # nobody reads it before
        if tell and leads:
            print(f"trained: {name} {'from cache' if was_there else 'now'}")
        return _load(folder, new=not was_there)


@contextlib.contextmanager
def _alone(path: Path, waiting: str) -> Iterator[None]:
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(waiting)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _save(folder: Path, run: Run, settings: str) -> None:
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    weights = {name: value.detach().cpu().contiguous().clone() for name, value in run.weights.items()}
    history = {str(column): run.history[column].tolist() for column in run.history}
    store.write_whole(part / "weights.safetensors", safetensors.torch.save(weights))
    for name, content in (("history", json.dumps(history)), ("extras", json.dumps(run.extras)), ("settings", settings)):
        store.write_whole(part / f"{name}.json", content.encode())
    part.rename(folder)


def _load(folder: Path, new: bool) -> Run:
    os.utime(folder)  # it counts as just used
    history, extras = (json.loads((folder / f"{name}.json").read_text()) for name in ("history", "extras"))
    return Run(safetensors.torch.load_file(folder / "weights.safetensors"), pd.DataFrame(history), extras, new)


@functools.cache
def _tidy(root: Path, limit: int) -> None:
    """Once in a process: a folder of thousands of runs takes a while to look through."""
    trim(limit)


def trim(limit: int | None = None) -> int:
    """Remove the least recently used runs, and checkpoints of those broken off, until the rest fits; the bytes removed.
    What a process trains or reads at the moment stays: it holds the lock.
    """
    limit, found, removed = store.limit_bytes() if limit is None else limit, [], 0
    for path in (store.root() / "trained").glob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.suffix != ".lock":  # those are empty, and another process may be waiting at one
                found.append((path.stat().st_mtime_ns, _bytes(path), path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total - removed <= limit:
            break
        lock = FileLock(path.with_name(path.name.partition(".")[0]).with_suffix(".lock"))
        with contextlib.suppress(Timeout, FileNotFoundError), lock.acquire(timeout=0):
            gone = path.rename(path.with_name(f"{path.name}.part"))  # in one step: nobody finds half a run
            shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
            removed += size
    return removed


def _bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in path.glob("*")) if path.is_dir() else path.stat().st_size
