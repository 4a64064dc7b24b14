"""Run notebooks: papermill in process, two workers with one thread each, time and memory held to the profile's budget.

What `make run`, `make notebooks`, `make verify` and the notebook tests all use.
"""

import json
import multiprocessing
import os
import re
import sys
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import nbformat
import papermill
from nbformat import NotebookNode
from tqdm import tqdm

from lib.workbook import BUILD, PROFILES, SOURCES
from lib.workbook.build import KERNELSPEC, build, clean, identify, parameters, write
from lib.workbook.watch import Watch

PATIENCE = "HEARSAY_PATIENCE"  # multiplies the hard limits, for a machine that is slow or shared


@dataclass(frozen=True)
class Job:
    """One notebook to run, and how."""

    name: str
    parameters: dict
    out: str  # folder of the executed copy
    budget_s: float = 20
    budget_mib: float = 4096
    sources: str = str(SOURCES)
    threads: int = 1


@dataclass(frozen=True)
class Run:
    """What came of a job. `problem` is empty when all went well, else it says where, what and why."""

    name: str
    profile: str
    seconds: float  # wall
    cpu_seconds: float  # of the kernel's processes
    peak_mib: float  # their resident memory
    budget_s: float
    budget_mib: float
    problem: str = ""

    @property
    def over(self) -> bool:
        """Over the soft budget? Twice that is the hard limit, and a problem."""
        return self.seconds > self.budget_s or self.peak_mib > self.budget_mib

    def line(self) -> str:
        state = (
            "FAILED"
            if self.problem
            else f"over its budget of {self.budget_s:.0f} s, {self.budget_mib:.0f} MiB"
            if self.over
            else "ok"
        )
        return (
            f"{self.name:<28} {self.seconds:6.1f} s  (cpu {self.cpu_seconds:6.1f} s)  {self.peak_mib:6.0f} MiB  {state}"
        )


def budget(notebook: NotebookNode, profile_name: str) -> dict[str, float]:
    """Seconds and MiB that this notebook may take: the profile's, unless the notebook's own header asks for more."""
    from lib.profiles import PROFILES as sizes  # here, since only the parent needs it: it imports torch

    own, profile = notebook.metadata.get("hearsay", {}), sizes[profile_name]
    seconds = own.get("budget_s", {}).get(profile_name, profile.budget_s)
    return {"budget_s": seconds, "budget_mib": own.get("budget_mib", profile.budget_mib)}


def injected(notebook: NotebookNode, wanted: dict) -> dict:
    """Those of the wanted parameters that differ from the notebook's own values (so that defaults inject no cell).

    Raises:
        ValueError: a parameter that the notebook does not know; papermill would only warn.
    """
    known = parameters(notebook)
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise ValueError(
            f"expected parameters among {', '.join(known)}; got unknown {', '.join(unknown)}. Check the spelling."
        )
    return {key: value for key, value in wanted.items() if known[key] != value}


def environment(threads: int) -> dict[str, str]:
    """What a kernel is told: its threads, and a kernel that is this very interpreter, whatever else is installed."""
    spec = BUILD / "jupyter" / "kernels" / "python3" / "kernel.json"
    text = json.dumps({**KERNELSPEC, "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]})
    if not spec.exists() or spec.read_text() != text:
        spec.parent.mkdir(parents=True, exist_ok=True)
        part = spec.with_suffix(f".{os.getpid()}")
        part.write_text(text)
        part.replace(spec)
    counts = {f"{kind}_NUM_THREADS": str(threads) for kind in ("OMP", "MKL", "NUMBA", "OPENBLAS")}
    rest = {
        "JUPYTER_PATH": str(BUILD / "jupyter"),
        "IPYTHONDIR": str(BUILD / "ipython"),
        "TOKENIZERS_PARALLELISM": "false",
    }
    return {**counts, **rest, "HEARSAY_THREADS": str(threads), "PYDEVD_DISABLE_FILE_VALIDATION": "1", "COLUMNS": "120"}


def execute(job: Job, tell=None) -> Run:
    """Run one notebook in this process; its executed copy goes to `job.out`, whatever happens.

    `tell(name, cells)` is called as cells finish.
    """
    profile, patience = job.parameters.get("PROFILE", "laptop"), 2 * float(os.environ.get(PATIENCE, "1"))
    target = Path(job.out) / f"{job.name}.ipynb"
    target.unlink(missing_ok=True)
    os.environ.update(environment(job.threads))
    os.environ.pop("MPLBACKEND", None)  # the kernel's own inline backend shows the figures
    watch = Watch(patience * job.budget_s, patience * job.budget_mib)
    watch.start()
    problem = _papermill(job, target, watch, tell)
    seconds = time.monotonic() - watch.start_s
    watch.done.set()
    if target.exists():
        executed = identify(clean(nbformat.read(target, 4)), job.name)
        problem = problem or wrong_profile(executed, profile)
        write(executed, target)
    cost = (seconds, sum(watch.cpu.values()), watch.peak_mib)
    return Run(job.name, profile, *cost, job.budget_s, job.budget_mib, problem)


def _papermill(job: Job, target: Path, watch: Watch, tell) -> str:
    """Empty when the notebook ran through, else what went wrong; never raises: the other notebooks still run."""
    scratch = target.parent / "scratch" / job.name
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        notebook = build(job.name, Path(job.sources))
        papermill.execute_notebook(
            notebook, target, injected(notebook, job.parameters), kernel_name="python3", cwd=scratch,
            progress_bar=False, store_widget_state=False, coalesce_streams=True,
            on_cell_executed=(lambda cell, **_: tell(job.name, 1)) if tell else None,
        )  # fmt: skip
    except papermill.PapermillExecutionError as error:
        return _failure(error)
    except Exception as error:  # a dead kernel (perhaps because of the watch), a bad parameter
        return watch.broken or f"{type(error).__name__}: {error}"
    return ""


def _failure(error: papermill.PapermillExecutionError) -> str:
    """The failing cell and its error, short: the cell's source, the last lines of the traceback."""
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in "\n".join(error.traceback).splitlines()]
    source = "\n".join(f"    | {line}" for line in error.source.splitlines()[:30])
    where = "\n".join(f"    {line}" for line in plain[-12:] if line.strip())
    return f"cell {error.exec_count} raised {error.ename}: {error.evalue}\n{source}\n{where}"


def wrong_profile(notebook: NotebookNode, wanted: str) -> str:
    """Empty when the notebook printed the profile that was asked for, else a sentence."""
    text = "\n".join(_texts(notebook))
    printed = set(re.findall(r"\bprofile\W{1,4}(\w+)", text, flags=re.IGNORECASE)) & set(PROFILES)
    if printed == {wanted}:
        return ""
    return f"expected the notebook to print `profile {wanted}`, got {', '.join(sorted(printed)) or 'no profile at all'}"


def _texts(notebook: NotebookNode):
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            yield output.get("text") or output.get("data", {}).get("text/plain", "")


_queue = None  # in a worker: where it tells the parent of finished cells


def _listen(queue) -> None:
    global _queue
    _queue = queue


def _worker(job: Job) -> Run:
    """In a process of its own. What the kernel says on stderr (it is chatty) goes to a log beside the executed copy."""
    log = Path(job.out) / f"{job.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "w") as stream:
        os.dup2(stream.fileno(), 2)
    return execute(job, lambda name, cells: _queue.put((name, cells)))


def run(names: list[str], wanted: dict, out: Path, sources: Path = SOURCES, workers: int = 2) -> list[Run]:
    """Run notebooks, two at once; those whose header says `hearsay: {alone: true}` come after, with both cores.

    Raises:
        ValueError: a parameter that a notebook does not know; before anything has run.
    """
    notebooks = {name: build(name, sources) for name in names}
    cells = 0
    for notebook in notebooks.values():
        cells += bool(injected(notebook, wanted)) + sum(c.cell_type == "code" for c in notebook.cells)
    alone = [n for n in names if notebooks[n].metadata.hearsay.get("alone")]
    runs: list[Run] = []
    quiet = 0.2 if sys.stderr.isatty() else 20
    with tqdm(total=cells, unit="cell", desc="notebooks", mininterval=quiet, dynamic_ncols=True) as bar:
        for batch, count in (([n for n in names if n not in alone], workers), (alone, 1)):
            threads = 1 if batch is not alone else workers
            limits = {n: budget(notebooks[n], wanted.get("PROFILE", "laptop")) for n in batch}
            jobs = [Job(n, wanted, str(out), sources=str(sources), threads=threads, **limits[n]) for n in batch]
            runs += _pool(jobs, count, bar) if jobs else []
    return sorted(runs, key=lambda r: r.name)


def _pool(jobs: list[Job], workers: int, bar: tqdm) -> list[Run]:
    """Each job in a fresh process; a line as each ends, the bar as cells end."""
    spawn, runs = multiprocessing.get_context("spawn"), []
    queue = spawn.Queue()
    with ProcessPoolExecutor(workers, spawn, _listen, (queue,), max_tasks_per_child=1) as pool:
        waiting = {pool.submit(_worker, job) for job in jobs}
        while waiting:
            ended, waiting = wait(waiting, timeout=0.3, return_when=FIRST_COMPLETED)
            while not queue.empty():
                name, cells = queue.get()
                bar.set_postfix_str(name, refresh=False)
                bar.update(cells)
            for future in ended:
                runs.append(future.result())
                bar.write(runs[-1].line())
                if runs[-1].problem:
                    bar.write(f"  {runs[-1].problem}\n  executed so far: {Path(jobs[0].out) / runs[-1].name}.ipynb")
    return runs
