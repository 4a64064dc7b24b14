"""`make rehearsal`: what a run on Clotho takes, shown on a stand-in of its size: time, memory and disk, stage by stage.

A folder in Clotho's layout (`lib.data.mock_clotho`) goes the way that `python -m lib.full_scale weck_atae --data
clotho:PATH` takes: its table, the frames of the small CNN and MiniLM's tokens into the cache, one epoch of adapters,
the challenge's metrics. Killed, it goes on where it was when it is called again.
"""

import contextlib
import io
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import Any

import pandas as pd
import psutil

from lib import cache, data, encoders, full_scale, metrics, profiles, retrieval, stats, store
from lib.data import clotho, mock_clotho
from lib.pooled import Pooled
from lib.systems import SYSTEMS, System
from lib.workbook.watch import Watch

SYSTEM = "weck_atae"  # Weck's simplest: frozen encoders, one stage
PROFILE = "laptop"  # of its stand-in's adapters
NEED_MIB = 64, 320  # on the disk: in any case, and for the whole of it
ASKED_MIN, ASKED_GIB = 15, 4


class Peak(Watch):
    """The memory that this process and its children hold at once, at most."""

    def __init__(self):
        super().__init__(float("inf"), float("inf"))

    def run(self) -> None:
        own = psutil.Process()
        while not self.done.wait(0.2):
            self.measure([own, *own.children(recursive=True)])


class Stages:
    """Wall time of each stage, told when it ends."""

    def __init__(self):
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        print(f"{name} ...", flush=True)
        started = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - started
        print(f"{name}: {self.seconds[name]:.1f} s", flush=True)


def main(share: float = 1.0, folder: str = "", processes: int = 2) -> int:
    """Rehearse with this share of Clotho's clips, and print what it took; 0 when all of it ran.

    Args:
        folder: where all of it goes; in the cache's folder if not given. Nothing of it is removed.
        processes: that fill the cache.

    Raises:
        ValueError: no such share or number, or too little room on the disk.
    """
    if not 0 < share <= 1 or processes < 1:
        raise ValueError(f"expected a share above 0, to 1, and a process; got {share:g}, {processes}.")
    root = Path(folder).expanduser() if folder else store.root() / "rehearsal" / f"{share:g}"
    print(room(root, share), flush=True)
    had, before = os.environ.get("HEARSAY_CACHE"), len(_chunks(root))
    os.environ["HEARSAY_CACHE"] = str(root / "cache")
    watch, stages = Peak(), Stages()
    watch.start()
    try:
        scores = rehearse(root, share, processes, stages)
    finally:
        watch.done.set()
        os.environ.pop("HEARSAY_CACHE") if had is None else os.environ.update(HEARSAY_CACHE=had)
    _report(root, stages, watch, processes, before)
    if share == 1 and not before:
        well = sum(stages.seconds.values()) < 60 * ASKED_MIN and watch.peak_mib < 1024 * ASKED_GIB
        print(f"within {ASKED_MIN} minutes and {ASKED_GIB} GiB: {'yes' if well else 'NO'}")
    print(scores)
    return 0


def room(root: Path, share: float) -> str:
    """What the disk has to have, and has.

    Raises:
        ValueError: it has less.
    """
    there = next(place for place in (root, *root.resolve().parents) if place.is_dir())
    free, used = shutil.disk_usage(there).free / 2**20, _bytes(root) / 2**20
    need = max(0.0, NEED_MIB[0] + share * NEED_MIB[1] - used)
    if free < need:
        hint = "Free some space, or name a folder on another disk: make rehearsal FOLDER=PATH"
        raise ValueError(f"{there}: the stand-in needs {need:,.0f} MiB more, {free:,.0f} MiB are free. {hint}.")
    whole = sum(file.gib + file.unpacked_gib for file in clotho.RELEASE.files)
    return (f"disk: {need:,.0f} MiB needed in {root}, {free / 1024:,.1f} GiB free "
            f"(Clotho itself: {whole:.1f} GiB, archives and recordings)")  # fmt: skip


def rehearse(root: Path, share: float, processes: int, stages: Stages) -> str:
    """All stages; the scores as a sentence that says what they are worth."""
    system = full_scale.stand_in(SYSTEMS[SYSTEM], profile := profiles.get(PROFILE))
    with stages.stage("layout"):
        whose = mock_clotho.write(root / "clotho", share)
    with stages.stage("clip table"):
        clips = full_scale.clips(SYSTEMS[SYSTEM], profile=profile, target=f"clotho:{root / 'clotho'}")
        clips = mock_clotho.heard(clips, root / "clotho")
    hours, sizes = clips["duration_s"].sum() / 3600, clips["split"].value_counts(sort=False)
    counts = ", ".join(f"{split} {n:,} ({whose[split]})" for split, n in sizes.items())
    print(f"{hours:.1f} h of sound, none of it stored; {counts}", flush=True)
    with stages.stage(f"frames, {processes} processes"), _helped(_frames, processes - 1, system, clips):
        cache.frames(encoders.audio(system.audio), clips)
    with stages.stage(f"tokens, {processes} processes"), _helped(_tokens, processes - 1, system, clips):
        corpus = full_scale.encoded(system, clips)
    with stages.stage("one epoch of adapters"):
        fitted = retrieval.fit_stages(corpus, system.stages, seed=0)
    with stages.stage("scoring"):
        found = retrieval.scores(fitted[-1].model, corpus.examples(["test"]))
    return _told(found, len(corpus.splits["test"]), whose["test"])


@contextlib.contextmanager
def _helped(work: Callable, helpers: int, *what: Any) -> Iterator[None]:
    """Within it, so many further processes fill the same cache. They end with it, and hand their memory back."""
    start = get_context("spawn").Process
    running = [start(target=_work, args=(work, n, helpers, *what), daemon=True) for n in range(helpers)]
    for process in running:
        process.start()
    try:
        yield
        for process in running:
            process.join()
            if process.exitcode:
                print(f"a helping process ended early ({process.exitcode}); this one did its part", flush=True)
    finally:
        for process in running:
            process.terminate()


def _work(work: Callable, *what: Any) -> None:
    """In a process of its own, which leaves when its parent does."""
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    profiles.get(PROFILE)
    with contextlib.redirect_stdout(io.StringIO()):
        work(*what)


def _frames(number: int, helpers: int, system: System, clips: pd.DataFrame) -> None:
    """From the end, where the parent comes last, and file by file, so that it never holds all frames at once."""
    encoder = encoders.audio(system.audio)
    for start in reversed(range(0, len(clips), cache.CHUNK)[number::helpers]):
        cache.frames(encoder, clips[start : start + cache.CHUNK], progress=False)


def _tokens(number: int, helpers: int, system: System, clips: pd.DataFrame) -> None:
    """The captions as `lib.corpus` has them: the same texts make the same files, which are shared out."""
    captions = [text for split in clips["split"].unique() for text in data.caption_rows(clips, split)["caption"]]
    cache.tokens(Pooled(encoders.text(system.text)), captions, progress=False)


def _leave_with_parent() -> None:
    connection.wait([parent_process().sentinel])
    os._exit(1)


def _report(root: Path, stages: Stages, watch: Watch, processes: int, before: int) -> None:
    print("\nwall time of each stage" + f"; {before} files of frames were there from a run before" * bool(before))
    for name, seconds in (stages.seconds | {"all": sum(stages.seconds.values())}).items():
        print(f"  {name:<26} {seconds:8.1f} s")
    print(f"peak memory: {watch.peak_mib / 1024:.2f} GiB, {processes} processes together")
    print(f"disk used: {_bytes(root) / 2**20:,.0f} MiB in {root} (yours to remove)")
    print(f"machine: {os.cpu_count()} cores, {_usable()} of them for this, load {os.getloadavg()[0]:.1f}")


def _told(found: pd.DataFrame, clips: int, whose: str) -> str:
    known = {name: stats.jackknife(found[name].to_numpy()) for name in ("AP@10", "R@1", "R@5", "R@10")}
    values = ", ".join(f"{name.replace('AP', 'mAP')} {value}" for name, value in known.items())
    of = "not what is to be heard" if whose != mock_clotho.GRAMMAR else "what is to be heard, background and room aside"
    return (f"scores of a stand-in, one epoch, no verdict on anything: {values}\n"
            f"  {len(found):,} queries to {clips:,} clips, chance {metrics.chance(clips):.4f}; "
            f"{whose}: {of}")  # fmt: skip


def _usable() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _chunks(root: Path) -> list[Path]:
    return list((root / "cache").glob("frames/*/*.safetensors"))


def _bytes(root: Path) -> int:
    return sum(file.stat().st_size for file in root.rglob("*") if file.is_file())
