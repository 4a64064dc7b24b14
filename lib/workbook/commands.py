"""The ways of running the notebooks: for a reader, for the repository, to see whether anything has moved, for a log."""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat

from lib import run_log
from lib.workbook import (
    BUILD,
    METRICS,
    NOTEBOOKS,
    SOURCES,
    ledger,
    lint,
    names,
    prepare,
    provenance,
    runner,
    runtimes,
    teaching,
)  # fmt: skip
from lib.workbook.build import build, write


def locate(data: str) -> str:
    """A source of data with its path made absolute: kernels work in a folder of their own."""
    kind, colon, path = data.partition(":")
    return f"{kind}:{Path(path).expanduser().resolve()}" if colon and Path(path).expanduser().exists() else data


def session(
    select: str, profile: str, data: str = "soundscapes", seed: int = 0, out: Path | None = None
) -> list[runner.Run]:
    """Prepare, run, stamp and record; the executed copies and their metrics are in `out` (build/PROFILE)."""
    out = out or BUILD / profile
    wanted = {"PROFILE": profile, "DATA": locate(data), "SEED": seed}
    chosen = names(select)
    kinds = {kind for name in chosen for kind in build(name).metadata.hearsay.get("corpora", ())}
    if kinds:
        prepare.timed(profile, wanted["DATA"], seed, kinds)
    runs = runner.run(chosen, wanted, out)
    for done in runs:
        path, metrics = out / f"{done.name}.ipynb", out / "metrics" / f"{done.name}.json"
        metrics.unlink(missing_ok=True)
        if path.exists() and not done.problem:
            notebook = nbformat.read(path, 4)
            notebook.metadata["hearsay"] = {
                **notebook.metadata.get("hearsay", {}),
                **provenance.stamp(build(done.name), done, wanted),
            }
            write(notebook, path)
            ledger.record(notebook, done.name, metrics, {profile: _cost(done)})
    return runs


def _cost(done: runner.Run) -> dict:
    return {"seconds": round(done.seconds, 1), "peak_mib": round(done.peak_mib)}


def _failed(runs: list[runner.Run]) -> int:
    """1 when a notebook failed, else 0; says which."""
    bad = [r.name for r in runs if r.problem]
    if bad:
        print(f"failed: {', '.join(bad)}")
    return int(bool(bad))


def run(select: str, profile: str, data: str, seed: int) -> int:
    """`make run`: executed copies in build/PROFILE, the ledger in build/ledger.html."""
    start = time.monotonic()
    runs = session(select, profile, data, seed)
    table = ledger.publish(ledger.load(BUILD / profile / "metrics"), BUILD)
    print(f"{len(runs)} notebooks in {time.monotonic() - start:.0f} s; executed copies in build/{profile}/")
    print(f"the ledger is in build/ledger.html: {ledger.summary(table)}")
    return _failed(runs)


def notebooks(select: str, force: bool) -> int:
    """`make notebooks`: the only command that writes to notebooks/. What has not changed is not executed again."""
    chosen = names(select)
    stale = [n for n in chosen if force or _outdated(n)]
    runs = []
    if stale:
        small = session(",".join(stale), "smoke")
        if _failed(small):
            return 1
        runs = session(",".join(stale), "laptop")
        for done, smoke in zip(runs, small):
            if not done.problem:
                _publish(
                    done.name, BUILD / "laptop" / f"{done.name}.ipynb", {"smoke": _cost(smoke), "laptop": _cost(done)}
                )
    for name in set(chosen) - set(stale):
        entry = json.loads((METRICS / f"{name}.json").read_text())
        _publish(name, NOTEBOOKS / f"{name}.ipynb", entry["runs"])
    table = ledger.publish(ledger.load(METRICS), BUILD)
    (NOTEBOOKS / "LEDGER.md").write_text(ledger.markdown(table), encoding="utf-8")
    teaching.renew()
    print(f"{len(stale)} executed, {len(chosen) - len(stale)} unchanged; {ledger.summary(table)}")
    return _failed(runs)


def _outdated(name: str) -> bool:
    """Would executing this notebook again run other code than its committed outputs came from?"""
    path = NOTEBOOKS / f"{name}.ipynb"
    if not path.exists() or not (METRICS / f"{name}.json").exists():
        return True
    stamped, built = nbformat.read(path, 4).metadata.get("hearsay", {}), build(name)
    return (stamped.get("source"), stamped.get("lib")) != (provenance.code_hash(built), provenance.lib_hash(built))


def _publish(name: str, executed: Path, runs: dict) -> None:
    """Put the outputs of an executed copy under the source's present prose, with the measured run times."""
    done, fresh = nbformat.read(executed, 4), build(name)
    code = iter([c for c in done.cells if c.cell_type == "code"])
    for cell in fresh.cells:
        if cell.cell_type == "code":
            ran = next(code)
            cell.outputs, cell.execution_count = ran.outputs, ran.execution_count
    fresh.metadata["hearsay"] = done.metadata["hearsay"]
    runtimes.fill(fresh, runs)
    write(fresh, NOTEBOOKS / f"{name}.ipynb")
    ledger.record(fresh, name, METRICS / f"{name}.json", runs)


def numbers(select: str) -> int:
    """Put the committed measurements into the prose of the sources, and of TEACHING.md; whether the sentences still
    hold, you must read."""
    entries = {name: json.loads((METRICS / f"{name}.json").read_text(encoding="utf-8")) for name in names(select)}
    pages = [(SOURCES / f"{name}.py", entry) for name, entry in entries.items()]
    for path, entry in [*pages, (teaching.PAGE, teaching.entry())]:
        before = path.read_text(encoding="utf-8")
        after = lint.refill(before, entry)
        path.write_text(after, encoding="utf-8")
        changed = [(a, b) for a, b in zip(before.splitlines(), after.splitlines()) if a != b]
        print("\n".join([f"{path.stem}: {len(changed)} lines", *(f"  - {a}\n  + {b}" for a, b in changed)]))
    return 0


def verify(select: str) -> int:
    """`make verify`: 1 when a notebook failed or a verdict has moved from the committed one; says which and why."""
    chosen = names(select)
    runs = session(select, "laptop", out=BUILD / "verify")
    committed = [e for e in ledger.load(METRICS) if e["notebook"] in chosen]
    fresh = [e for e in ledger.load(BUILD / "verify" / "metrics") if e["notebook"] in chosen]
    old = [e["notebook"] for e in committed if e.get("lib") != provenance.lib_hash(build(e["notebook"]))]
    if old:
        print(f"what they import of lib has changed since these outputs were made: {', '.join(old)} "
              "(`make notebooks` renews them)")
    moved, near = ledger.moved(committed, fresh)
    if near:
        print("\n".join(["on a line, which rounding crosses (committed -> now):", *near]))
    if moved:
        print("\n".join(["verdicts that moved (committed -> now):", *moved]))
    else:
        print(f"{len(ledger.verdicts(fresh))} verdicts, none has moved")
    return max(_failed(runs), int(bool(moved)))


def record(select: str) -> int:
    """`make record`: train all arms of the named notebooks at laptop, however long it takes, and write their run logs.

    Raises:
        ValueError: no notebook is named.
    """
    if not select.strip():
        raise ValueError("expected the notebook whose run log is to be written; got none. Try make record NB=10.")
    before = _logs()
    with _environment({run_log.RECORD: "1", runner.PATIENCE: "1000"}):
        runs = session(select, "laptop", out=BUILD / "record")
    written = sorted(path.name for path, when in _logs().items() if before.get(path) != when)
    print(f"run logs written to notebooks/logs: {', '.join(written) or 'none'}")
    if not written and not any(done.problem for done in runs):
        print("no cell of these notebooks asks for one: compare(..., log=NAME)")
    return max(_failed(runs), int(not written))


def _logs() -> dict[Path, int]:
    """The run logs that there are, and when each was written."""
    return {path: path.stat().st_mtime_ns for path in run_log.LOGS.glob("*.npz")}


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Workers and kernels inherit these; afterwards all is as before."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
