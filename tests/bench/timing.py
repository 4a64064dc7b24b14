"""Side by side in one run: the rivals take turns, so that whatever else the machine does hits them alike."""

import statistics
import time
from collections.abc import Callable


def race(rivals: dict[str, Callable[[], object]], *, seconds: float = 2.0, at_least: int = 5) -> dict[str, float]:
    """Median seconds of a call of each, in turns, after one call of each to warm up.

    Args:
        seconds: of timing in all; then the race ends, once each rival has run `at_least` times.
    """
    for call in rivals.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in rivals}
    started = time.perf_counter()
    while time.perf_counter() - started < seconds or len(next(iter(times.values()))) < at_least:
        for name, call in rivals.items():
            before = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - before)
    return {name: statistics.median(each) for name, each in times.items()}


def report(what: str, medians: dict[str, float], ours: str = "ours") -> None:
    """One line per rival: its median, and ours over it (below 1 we are faster)."""
    print(f"  {what}: ours {_show(medians[ours])}")
    for name, median in medians.items():
        if name != ours:
            print(f"    {name:<44} {_show(median)}   ours / it = {medians[ours] / median:.3f}")


def wanted(sentence: str, holds: bool) -> None:
    """What the issue asked for, and whether this run shows it."""
    print(f"    {'yes' if holds else 'NO '}  {sentence}")


def _show(seconds: float) -> str:
    return f"{seconds:8.2f} s " if seconds >= 1 else f"{seconds * 1e3:8.3f} ms"
