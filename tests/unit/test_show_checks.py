"""Checkers must be right about right, kind about wrong, and never in the way."""

import json

import numpy as np
import pytest
import torch

from lib.show import bundle, checks
from lib.show.checks import NOT_TRIED, RIGHT, WRONG, Case, grade, same

CASES = [
    Case("two hits of four", ([1, 3, 9, 2], 2), 0.5, "count the ranks that are at most k",
         traps=((2, "divide by the number of queries"),)),
    Case("none", ([5], 1), 0.0, lambda got: f"{got} is more than no hit"),
]


def recall(ranks, k):
    return sum(r <= k for r in ranks) / len(ranks)


def test_right_wrong_and_not_tried():
    assert grade(recall, CASES).status == RIGHT
    assert grade(lambda ranks, k: ..., CASES).status == NOT_TRIED
    assert grade(..., [Case("value", (), 3)]).status == NOT_TRIED
    assert grade(3, [Case("value", (), 3)]).status == RIGHT
    report = grade(lambda ranks, k: sum(r <= k for r in ranks), CASES)
    assert report.status == WRONG
    assert report.rows[0].hint == "divide by the number of queries" and report.rows[1].right
    assert grade(lambda ranks, k: 0.5, CASES).rows[1].hint == "0.5 is more than no hit"


@pytest.mark.parametrize("value, shown", [
    (np.float64(1) / 3, "0.333333"), ([np.float64(0.1) + 0.2, np.int64(3)], "[0.3, 3]"), ((2 / 3,), "(0.666667,)"),
    ([[0.1 + 0.2], "dog", True], "[[0.3], 'dog', True]"), (np.float32([0.1, 2]), "[0.1, 2. ]"), ({"a": 1}, "{'a': 1}"),
    (list(range(10**6)), "[" + ", ".join(map(str, range(40)))[:118] + "…"), (torch.tensor(2.5), "2.5"),
])  # fmt: skip
def test_answers_are_shown_as_people_write_them(value, shown):
    assert checks._shown(value) == shown


def test_a_forgotten_return_is_named():
    assert "return" in grade(lambda ranks, k: None, CASES).rows[0].hint


def test_exceptions_are_short_with_the_line():
    def broken(ranks, k):
        return ranks / 0

    row = grade(broken, CASES).rows[0]
    assert row.got.startswith("TypeError") and "return ranks / 0" in row.got and "\n" not in row.got
    assert row.hint == checks.STOPPED  # a slip of Python: the case's hint would lead astray
    assert grade(lambda ranks, k: missing, CASES).rows[0].hint == checks.STOPPED
    assert grade(lambda ranks, k: 1 / 0, CASES).rows[0].hint == "count the ranks that are at most k"

    def leaves(ranks, k):
        raise SystemExit(3)

    assert grade(leaves, CASES).status == WRONG


def test_hostile_answers_never_raise():
    class Nasty:
        shape = (1,)

        def __eq__(self, other):
            raise RuntimeError("no")

        def __repr__(self):
            raise RuntimeError("no")

    for got in (Nasty(), object(), "text", float("nan"), np.ones((3, 3)), torch.zeros(2, requires_grad=True), [1, [2]]):
        assert grade(lambda ranks, k, got=got: got, CASES).status == WRONG
    bad_hint = Case("x", (), 1, lambda got: got["no"])
    assert grade(2, [bad_hint]).rows[0].hint == ""
    bad_test = Case("x", (), "any", passes=lambda got: got.missing)
    assert grade(2, [bad_test]).status == WRONG


def test_arguments_cannot_be_spoilt():
    def spoils(ranks, k):
        ranks.sort()
        del ranks[0]
        return 0

    grade(spoils, CASES)
    assert CASES[0].args[0] == [1, 3, 9, 2]


@pytest.mark.parametrize("expected, got, equal", [
    (0.5, 0.5 + 1e-9, True), (0.5, 0.51, False), (0.5, torch.tensor(0.5), True), (0.5, np.array([0.5]), False),
    ([1, 2], (1, 2), True), ([1, 2], torch.tensor([1, 2]), True), ([1, 2], [1, 2, 3], False), ("a", "a", True),
    ("a", 1, False), (["a"], ["a"], True), (["a"], ["b"], False), (None, 0, False), (0, None, False), (True, 1, True),
    (float("nan"), float("nan"), True), (np.inf, 1.0, False), ({1}, {1}, True), (np.eye(2), torch.eye(2), True),
])
def test_same(expected, got, equal):
    assert same(expected, got) is equal


def test_wrong_shape_is_told():
    report = grade(np.ones((2, 1)), [Case("x", (), np.ones(2), "squeeze")])
    assert report.rows[0].hint == "expected shape (2,), got (2, 1); squeeze"


def test_shown_in_html_text_and_json_escaped(monkeypatch):
    out = []
    monkeypatch.setattr(bundle, "emit", lambda data, metadata=None: out.append(data))
    checks.check("<script>alert(1)</script>", [Case("x", (), 3, "<b>hint</b>")], "Exercise 1")
    data = out[0]
    assert "<script>" not in data["text/html"] and "<b>" not in data["text/html"] and "hint" in data["text/html"]
    assert json.loads(json.dumps(data[checks.CHECK]))["status"] == WRONG
    assert "Exercise 1: 0 of 1 right." in data["text/plain"]


def test_check_returns_nothing_in_a_script(capsys):
    assert checks.check(recall, CASES) is None
    assert "2 of 2 right" in capsys.readouterr().out
