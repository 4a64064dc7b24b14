"""Runs a notebook's exercises without the notebook: the solution must pass, the stub must say "not tried yet",
and each listed wrong answer must fail with the hint meant for it.

An exercise in a source (`notebooks/source/NN_name.py`) is these cells in this order:

    # %% [markdown]
    # ### Exercise 1: <title> (5 minutes, easy)
    # %% tags=["exercise"]
    def answer(...):
        return ...
    # %% tags=["check"]
    checks.check(answer, [Case(...), ...])
    # %% [markdown]
    # <details><summary>Solution</summary>
    #
    # ```python
    # def answer(...): ...
    # ```
    # </details>

The check must stand on its own: it may use what the notebook imports, plus cells tagged `for-exercises`. A stub may
also be a value (`answer = ...`). In tests/exercises/test_NN.py:

    WRONG = [(1, "divides by k", "def answer(...): ...", "part of the hint"), ...]
    test_exercises = harness.suite("02_scoring_a_ranking", WRONG)
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import jupytext
import pytest

from lib.show import bundle, checks

SOURCES = Path(__file__).resolve().parents[2] / "notebooks" / "source"
HEADING = re.compile(r"^#{2,4} Exercise (\d+)", re.MULTILINE)
SOLUTION = re.compile(r"<details>\s*<summary>[^<]*[Ss]olution.*?```python\n(.*?)```.*?</details>", re.DOTALL)


@dataclass(frozen=True)
class Exercise:
    """One exercise, as code: what must run first, what the student sees, what checks it, what is right."""

    number: int
    preamble: str
    stub: str
    check: str
    solution: str

    def run(self, answer: str) -> list[dict]:
        """The reports that the check shows for this answer."""
        reports: list[dict] = []
        patch = pytest.MonkeyPatch()
        patch.setattr(bundle, "emit", lambda data, metadata=None: reports.append(data.get(checks.CHECK)))
        try:
            namespace: dict = {"__name__": "exercise"}
            exec(compile(self.preamble, "preamble", "exec"), namespace)
            exec(compile(answer, "answer", "exec"), namespace)
            reports.clear()
            exec(compile(self.check, "check", "exec"), namespace)
        finally:
            patch.undo()
        return [report for report in reports if report]


def exercises(name: str, sources: Path = SOURCES) -> list[Exercise]:
    """All exercises of a notebook's source.

    Raises:
        ValueError: an exercise lacks its stub, its check or its solution.
    """
    cells = jupytext.read(sources / f"{name}.py", fmt="py:percent").cells
    preamble = _preamble(cells)
    headings = [HEADING.search(c.source) if c.cell_type == "markdown" else None for c in cells]
    starts = [(i, int(heading[1])) for i, heading in enumerate(headings) if heading]
    ends = [i for i, _ in starts[1:]] + [len(cells)]
    return [_exercise(name, number, cells[start:end], preamble) for (start, number), end in zip(starts, ends)]


def suite(name: str, wrong: list[tuple[int, str, str, str]], sources: Path = SOURCES):
    """A pytest function for all of a notebook's exercises; `wrong`: (number, what is wrong, code, part of the hint)."""
    found = {e.number: e for e in exercises(name, sources)}
    missing = sorted(set(found) - {number for number, *_ in wrong})
    assert found and not missing, f"{name}: no wrong answer listed for exercises {missing or 'at all'}"
    runs = [(found[n], found[n].solution, checks.RIGHT, "") for n in found]
    runs += [(found[n], found[n].stub, checks.NOT_TRIED, "") for n in found]
    runs += [(found[n], code, checks.WRONG, hint) for n, _, code, hint in wrong]
    ids = [f"{n}-solution" for n in found] + [f"{n}-stub" for n in found] + [f"{n}-{what}" for n, what, *_ in wrong]

    @pytest.mark.parametrize("exercise, answer, status, hint", runs, ids=ids)
    def test_exercises(exercise, answer, status, hint):
        reports = exercise.run(answer)
        assert len(reports) == 1, f"expected one report from the check; got {len(reports)}"
        assert reports[0]["status"] == status, reports[0]
        assert hint in " ".join(row["hint"] for row in reports[0]["rows"]), reports[0]["rows"]

    return test_exercises


def _preamble(cells) -> str:
    """The notebook's imports (the setup cell's apart) and its cells tagged `for-exercises`."""
    lines = []
    for cell in cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code" or "setup" in tags:
            continue
        if "for-exercises" in tags:
            lines.append(cell.source)
            continue
        source = "\n".join(line for line in cell.source.splitlines() if not line.lstrip().startswith(("%", "!")))
        lines += [ast.unparse(n) for n in ast.parse(source).body if isinstance(n, (ast.Import, ast.ImportFrom))]
    return "\n".join(lines)


def _exercise(name: str, number: int, cells, preamble: str) -> Exercise:
    code = {tag: [c.source for c in cells if c.cell_type == "code" and tag in c.metadata.get("tags", [])]
            for tag in ("exercise", "check")}
    text = "\n\n".join(c.source for c in cells if c.cell_type == "markdown")
    solutions = SOLUTION.findall(text)
    if not (len(code["exercise"]) == len(code["check"]) == len(solutions) == 1):
        raise ValueError(
            f"{name}, exercise {number}: expected one cell tagged `exercise`, one tagged `check` and one folded "
            f"solution; got {len(code['exercise'])}, {len(code['check'])} and {len(solutions)}"
        )
    return Exercise(number, preamble, code["exercise"][0], code["check"][0], solutions[0])
