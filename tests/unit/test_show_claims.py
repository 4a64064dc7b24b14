"""Claims: what the reader sees, what the ledger gets, and what is refused."""

import json

import numpy as np
import pytest

from lib.show import bundle, claims
from lib.stats import Interval


@pytest.fixture
def shown(monkeypatch):
    out = []
    monkeypatch.setattr(bundle, "emit", lambda data, metadata=None: out.append(data))
    return out


def scores(gain, seeds=5, queries=400, sd=0.1, seed=0):
    rng = np.random.default_rng(seed)
    b = rng.random((seeds, queries))
    return b + gain + sd * rng.standard_normal(b.shape), b


def test_metric_bundle_survives_json(shown):
    claims.metric("00.map10", Interval(0.4123, 0.39, 0.43, 1000))
    record = json.loads(json.dumps(shown[0][claims.METRIC]))
    assert record == {"name": "00.map10", "value": 0.4123, "ci": [0.39, 0.43], "n": 1000}
    assert shown[0]["text/plain"] == "00.map10 = 0.412 [0.390, 0.430], n = 1,000"
    assert "0.412" in shown[0]["text/markdown"]


@pytest.mark.parametrize("value, ci", [(float("nan"), None), (0.1, (0.0, float("inf"))), (0.1, (0.0,))])
def test_metric_refuses_what_is_no_number(value, ci):
    with pytest.raises(ValueError, match="finite"):
        claims.metric("x", value, ci)


def test_verdict_follows_the_scores(shown):
    a, b = scores(0.05)
    claims.claim("W6", "a beats b", a, b, paper=".209 against .193")
    claims.claim("W6", "b beats a", b, a)  # the other direction is a result, not an error
    right, wrong = (s[claims.CLAIM] for s in shown)
    assert right["verdict"] == "replicates" and right["ci"][0] > 0
    assert wrong["verdict"] == "does not replicate here"
    assert right["effect"] == pytest.approx(-wrong["effect"])
    assert right["effect"] == pytest.approx(np.mean(a - b)) and right["n"] == 2000 and right["seeds"] == 5
    json.dumps(right)
    for text in (shown[0]["text/plain"], shown[0]["text/markdown"]):
        assert ".209 against .193" in text and "replicates" in text and "over 5 seeds" in text


def test_equal_needs_a_margin_and_knows_underpowered(shown):
    a, b = scores(0.0, sd=0.01)
    claims.claim("P8", "no difference", a, b, expect="equal", margin=0.02)
    assert shown[0][claims.CLAIM]["verdict"] == "equivalent within ±0.02"
    noisy, base = scores(0.0, seeds=1, queries=10, sd=1.0)
    assert claims.judge("P8", "no difference", noisy, base, expect="equal", margin=0.02).verdict == "underpowered"
    with pytest.raises(ValueError, match="margin"):
        claims.claim("P8", "no difference", a, b, expect="equal")


def test_queries_of_one_clip_are_not_independent():
    a, b = scores(0.02, seeds=1, queries=200)
    a, b = np.repeat(a, 5, axis=1), np.repeat(b, 5, axis=1)
    clip = np.repeat(np.arange(200), 5)
    alone, grouped = claims.judge("k", "s", a[0], b[0]), claims.judge("k", "s", a[0], b[0], clusters=clip)
    assert np.diff(grouped.ci) > 1.8 * np.diff(alone.ci)
    assert claims.judge("k", "s", a, b, clusters=[clip]).ci == grouped.ci


@pytest.mark.parametrize("a, b, match", [
    ([0.1, float("nan")], [0.1, 0.2], "NaN"),
    ([0.1, 0.2, 0.3], [0.1, 0.2], "same queries"),
    ([[0.1, 0.2]] * 2, [0.1, 0.2], "same queries"),
    (np.zeros((2, 3, 4)), np.zeros((2, 3, 4)), "shaped"),
])
def test_malformed_scores_are_errors(a, b, match):
    with pytest.raises(ValueError, match=match):
        claims.claim("k", "s", a, b)


def test_unknown_expectation():
    with pytest.raises(ValueError, match="greater, equal"):
        claims.claim("k", "s", [0.1, 0.2], [0.1, 0.1], expect="less")


def test_plain_script_prints(capsys):
    claims.metric("x", 1234.5)
    assert capsys.readouterr().out == "x = 1,234\n"


def test_markdown_is_escaped(shown):
    a, b = scores(0.05)
    claims.claim("k", "<img src=x onerror=alert(1)> | *b*", a, b)
    assert "<img" not in shown[0]["text/markdown"].replace("\\<", "")


def test_a_claim_of_no_paper_holds_and_n_has_its_unit(shown):
    a, b = scores(0.05)
    claims.claim("k", "a beats b", a, b, unit="words")
    claims.claim("k", "b beats a", b, a)
    for data, told, word in zip(shown, ("holds", "does not hold here"), ("replicates", "does not replicate here")):
        assert data[claims.CLAIM]["verdict"] == word
        assert told in data["text/plain"] and "replicate" not in data["text/plain"] + data["text/markdown"]
    assert "2,000 words over 5 seeds" in shown[0]["text/plain"] and "2,000 queries" in shown[1]["text/plain"]


@pytest.mark.parametrize("values, places", [((0.4, -0.2), 3), ((0.4, 0.0), 3), ((0.0004, 0.1), 4), ((-3e-5, 1.0), 5),
                                            ((1e-12,), 3), ((), 3)])
def test_small_values_are_not_printed_as_nothing(values, places):
    assert claims.decimals(*values) == places
