"""Checkers of exercises: what was asked, what came back, and a hint; they never raise and never stop Run All.

    def recall(ranks, k):
        return ...                                    # the stub: "not tried yet"

    checks.check(recall, [
        Case("one of four in front", ([1, 3, 9, 2], 1), 0.25, "count the ranks that are at most k",
             traps=((1.0, "you count the hits; divide by the number of queries"),)),
    ])
"""

import copy
import reprlib
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from lib.show import bundle

CHECK = "application/vnd.hearsay.check+json"  # {exercise, status, rows: [{case, expected, got, right, hint}]}
RIGHT, WRONG, NOT_TRIED = "right", "wrong", "not tried yet"
SLIPS = ("NameError", "UnboundLocalError", "TypeError", "AttributeError", "ImportError", "ModuleNotFoundError")
STOPPED = "your code stopped before it gave an answer: see the error under \"got\""


@dataclass(frozen=True)
class Case:
    """One question to an answer, and what to say when it goes wrong.

    `args` are handed to the student's function (copies, so nothing leaks between cases); for an answer that is a
    value, not a function, leave them empty. `passes` replaces the comparison with `expected` where many answers are
    right; `expected` is then the description that is shown. The hint: that of the first of `traps` whose wrong value
    came back, or else `hint`, a text or a function of what came back.
    """

    name: str
    args: tuple = ()
    expected: object = None
    hint: str | Callable[[object], str] = ""
    traps: tuple[tuple[object, str], ...] = ()
    passes: Callable[[object], bool] | None = None
    tolerance: float = 1e-6


@dataclass(frozen=True)
class Row:
    """One case, answered."""

    case: str
    expected: str
    got: str
    right: bool
    hint: str


@dataclass(frozen=True)
class Report:
    """All cases of one exercise."""

    exercise: str
    status: str
    rows: tuple[Row, ...]


def check(answer: object, cases: list[Case], exercise: str = "") -> None:
    """Show how an answer, a function or a value, does on the cases."""
    report = grade(answer, cases, exercise)
    bundle.emit({CHECK: asdict(report), "text/html": _html(report), "text/plain": _plain(report)})


def grade(answer: object, cases: list[Case], exercise: str = "") -> Report:
    """The same, not shown."""
    exercise = exercise or getattr(answer, "__name__", "your answer")
    rows = []
    for case in cases:
        got, error = _ask(answer, case)
        if error is None and got is ...:
            return Report(exercise, NOT_TRIED, ())
        rows.append(Row(case.name, _shown(case.expected), error, False, _hint(case, None, error)) if error
                    else _compare(case, got))
    return Report(exercise, RIGHT if all(row.right for row in rows) else WRONG, tuple(rows))


def same(expected: object, got: object, tolerance: float = 1e-6) -> bool:
    """Equal, with numbers and arrays to a tolerance (relative and absolute), shapes exactly; never raises."""
    try:
        if isinstance(expected, (str, set, dict)) or expected is None:
            return bool(type(expected) is type(got) and expected == got)
        left, right = _array(expected), _array(got)
        if left.shape != right.shape:
            return False
        if left.dtype.kind in "biufc" and right.dtype.kind in "biufc":
            return bool(np.allclose(right, left, rtol=tolerance, atol=tolerance, equal_nan=True))
        return bool((left == right).all())
    except Exception:
        return False


def _ask(answer: object, case: Case) -> tuple[object, str | None]:
    """The answer to one case, or its error in one line."""
    if not callable(answer):
        return answer, None
    try:
        return answer(*_copied(case.args)), None
    except (Exception, SystemExit) as error:
        return None, _short_error(answer, error)


def _copied(args: tuple) -> tuple:
    try:
        return copy.deepcopy(args)
    except Exception:  # a tensor inside a graph cannot be copied
        return args


def _short_error(answer: object, error: BaseException) -> str:
    """Kind, message, and the student's own last line."""
    home = getattr(getattr(answer, "__code__", None), "co_filename", None)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == home]
    where = f" (line {frames[-1].lineno}: {frames[-1].line})" if frames and frames[-1].line else ""
    message = str(error).split("\n")[0]
    return f"{type(error).__name__}: {message[:120]}{where}"


def _compare(case: Case, got: object) -> Row:
    try:
        right = bool(case.passes(got)) if case.passes else same(case.expected, got, case.tolerance)
    except Exception:
        right = False
    return Row(case.name, _shown(case.expected), _shown(got), right, "" if right else _hint(case, got))


def _hint(case: Case, got: object, error: str | None = None) -> str:
    """The first trap that was stepped into, an obvious slip, or the case's own hint."""
    if error is None:
        if got is None:
            return "your function gave back None: is its `return` missing?"
        for wrong, hint in case.traps:
            if same(wrong, got, max(case.tolerance, 1e-4)):
                return hint
    elif error.split(":")[0] in SLIPS:  # of Python, not of the idea: the case's hint would lead astray
        return STOPPED
    try:
        hint = case.hint(got) if callable(case.hint) else case.hint
    except Exception:  # a hint that expected another shape of answer
        hint = ""
    slip = _shape_slip(case, got) if error is None else ""
    return "; ".join(filter(None, (slip, str(hint or ""))))


def _shape_slip(case: Case, got: object) -> str:
    """Right kind of thing, wrong shape."""
    if case.passes or isinstance(case.expected, (str, set, dict)) or case.expected is None:
        return ""
    try:
        expected, found = _array(case.expected).shape, _array(got).shape
    except Exception:
        return ""
    return f"expected shape {expected}, got {found}" if expected != found else ""


def _array(value: object) -> np.ndarray:
    if hasattr(value, "detach"):
        value = value.detach().cpu().float() if value.is_floating_point() else value.detach().cpu()
    return np.asarray(value)


def _shown(value: object, width: int = 120) -> str:
    """A value in one short line."""
    if isinstance(value, str):
        return reprlib.Repr(maxstring=width).repr(value) if len(value) > width else value
    try:
        text = _line(value)
    except Exception:
        text = f"<{type(value).__name__} that cannot be shown>"
    return text if len(text) <= width else text[: width - 1] + "…"


def _line(value: object) -> str:
    """Numbers to six digits, whoever's they are, and so in lists of them; arrays cut short."""
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    if isinstance(value, np.generic):
        return repr(value.item())
    if type(value) in (list, tuple):
        inside = ", ".join(map(_line, value[:100])) + "," * (type(value) is tuple and len(value) == 1)
        return f"[{inside}]" if type(value) is list else f"({inside})"
    if hasattr(value, "shape"):
        text = np.array2string(_array(value), precision=4, threshold=12, edgeitems=2, separator=", ")
        return " ".join(text.split())
    return repr(value)


def _headline(report: Report) -> str:
    if report.status == NOT_TRIED:
        return f"{report.exercise}: {NOT_TRIED}. Replace the ... and run the cell again."
    right = sum(row.right for row in report.rows)
    praise = ". Well done." if report.status == RIGHT else "."
    return f"{report.exercise}: {right} of {len(report.rows)} right{praise}"


def _plain(report: Report) -> str:
    lines = [_headline(report)]
    for row in report.rows:
        lines.append(f"  {'✓' if row.right else '✗'} {row.case}: expected {row.expected}, got {row.got}")
        lines += [f"    hint: {row.hint}"] if row.hint else []
    return "\n".join(lines)


def _html(report: Report) -> str:
    head = f"<p><strong>{bundle.escape(_headline(report))}</strong></p>"
    if not report.rows:
        return head
    rows = "".join(
        f"<tr><td>{'✓ right' if r.right else '✗ wrong'}</td>"
        + "".join(f'<td style="text-align:left">{bundle.escape(c)}</td>' for c in (r.case, r.expected, r.got, r.hint))
        + "</tr>"
        for r in report.rows
    )
    columns = ("", "case", "expected", "got", "hint")
    titles = "".join(f'<th scope="col" style="text-align:left">{t}</th>' for t in columns)
    return f"{head}<table><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table>"
