"""`make check`, before class: one line for each thing that has spoilt a class before."""

import io
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib import metadata

import psutil

from lib.workbook import ROOT

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "firefox", "open", "xdg-open")


def python() -> str:
    return f"{sys.version.split()[0]}, {sys.executable}"  # an old one never comes this far: see preflight.py


def disk() -> str:
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < 2:
        raise RuntimeError(f"{free:.1f} GB free; the caches need 2 GB")
    return f"{free:.0f} GB free"


def memory() -> str:
    free = psutil.virtual_memory().available / 2**30
    if free < 4:
        raise RuntimeError(f"{free:.1f} GiB available; two notebooks at once need 4 GiB, so close something")
    return f"{free:.0f} GiB available, {psutil.cpu_count()} cores"


def packages() -> str:
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split() if "==" in line)
    there = {d.metadata["Name"].lower(): d.version for d in metadata.distributions()}
    other = [f"{n} {there[n.lower()]}" for n, v in pins.items() if n.lower() in there and there[n.lower()] != v]
    if other:
        raise RuntimeError(f"{len(other)} differ from the tested set: {', '.join(other[:5])}; remove .venv, make again")
    return f"{len(there)}, as tested"


def torch_pair() -> str:
    import torch
    import torchaudio

    device = "a GPU" if torch.cuda.is_available() else "the CPU"
    return f"torch {torch.__version__}, torchaudio {torchaudio.__version__}, on {device}"


def sound() -> str:
    """Half a second of 440 Hz written as Opus and read back: the notebooks' players need just that."""
    import numpy as np
    import soundfile

    samples = 0.3 * np.sin(2 * np.pi * 440 * np.arange(24000) / 48000)
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, 48000, format="OGG", subtype="OPUS")
    again, rate = soundfile.read(io.BytesIO(buffer.getvalue()))
    loudest = np.abs(np.fft.rfft(again)).argmax() * rate / len(again)
    if abs(loudest - 440) > 10:
        raise RuntimeError(f"wrote 440 Hz as Opus, read back {loudest:.0f} Hz; reinstall soundfile")
    return f"Opus written and read back, {len(buffer.getvalue()):,} bytes"


def browser() -> str:
    found = next((b for b in BROWSERS if shutil.which(b)), None)
    if found is None:
        raise RuntimeError("none found; install chromium or firefox, or open the address that `make lab` prints")
    return found


CHECKS = {
    "Python": python,
    "disk": disk,
    "memory": memory,
    "packages": packages,
    "torch": torch_pair,
    "sound": sound,
    "browser": browser,
}


def lines(checks: dict[str, Callable[[], str]] = CHECKS) -> Iterator[tuple[bool, str]]:
    """Whether each thing is well, and the line that says so."""
    for name, check in checks.items():
        try:
            yield True, f"ok       {name:<9} {check()}"
        except Exception as error:
            yield False, f"PROBLEM  {name:<9} {error}"


def main() -> int:
    """Print the lines; 1 when something is amiss."""
    results = []
    for well, line in lines():
        print(line, flush=True)
        results.append(well)
    return int(not all(results))
