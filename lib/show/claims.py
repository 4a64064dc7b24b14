"""A number and a sentence that a cell has measured, as the reader sees them and as the ledger collects them.

`metric` and `claim` emit a bundle: Markdown (and plain text) for the reader, JSON for the ledger. The JSON:
metric: {name, value, ci: [low, high] | null, n}
claim:  {key, sentence, expect, effect, ci, n, seeds, a, b, margin, detectable, verdict, reason, paper, unit}
Where no paper states a claim, nothing is replicated: the reader is told that it "holds"; the JSON keeps one word.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from lib import stats
from lib.show import bundle

METRIC = "application/vnd.hearsay.metric+json"
CLAIM = "application/vnd.hearsay.claim+json"
EXPECTED = {"greater": 1, "equal": 0}


def metric(name: str, value: float | stats.Interval, ci: Sequence[float] | None = None, n: int | None = None) -> None:
    """Show a measured value under a name that prose and tests can refer to ("00.map10.test").

    Args:
        name: unique within a notebook; letters, digits, dots, hyphens.
        value: the number, or an `Interval`, which brings `ci` and `n` along.
        ci: its 95 % interval (low, high).
        n: queries (or clips) behind it.
    """
    if isinstance(value, stats.Interval):
        value, ci, n = value.value, (value.low, value.high), value.n
    numbers = [float(value), *(map(float, ci) if ci is not None else ())]
    if not np.isfinite(numbers).all() or (ci is not None and len(numbers) != 3):
        raise ValueError(f"metric {name!r}: expected finite numbers and an interval (low, high); got {value}, {ci}")
    places = decimals(*numbers[1:])
    interval = f" [{numbers[1]:.{places}f}, {numbers[2]:.{places}f}]" if ci is not None else ""
    count = f", n = {int(n):,}" if n is not None else ""
    record = {"name": name, "value": numbers[0], "ci": numbers[1:] or None, "n": None if n is None else int(n)}
    bundle.emit({
        METRIC: record,
        "text/markdown": f"**{bundle.escape_markdown(name)}** = {_figure(numbers[0])}{interval}{count}",
        "text/plain": f"{name} = {_figure(numbers[0])}{interval}{count}",
    })


@dataclass(frozen=True)
class Claim:
    """What one sentence of a conclusion rests on."""

    key: str
    sentence: str
    expect: str
    effect: float  # mean of a - b
    ci: tuple[float, float]  # 95 %
    n: int  # values (queries, mostly) over all seeds
    seeds: int
    a: float  # mean score of either side
    b: float
    margin: float | None
    detectable: float  # smallest effect that would be seen in 80 % of runs
    verdict: str
    reason: str
    paper: str | None
    unit: str = "queries"  # what n counts


def judge(key: str, sentence: str, a, b, *, clusters=None, margin=None, paper=None, expect="greater", seed=0,
          resamples=2000, unit="queries") -> Claim:
    """Measure a claim without showing it; arguments as in `claim`."""
    if expect not in EXPECTED:
        raise ValueError(f"claim {key}: expected one of {', '.join(EXPECTED)}; got expect={expect!r}")
    a, b = _scores(key, a), _scores(key, b)
    if [len(row) for row in a] != [len(row) for row in b]:
        raise ValueError(f"claim {key}: expected scores of the same queries, in one order, on both sides; got "
                         f"{[len(r) for r in a]} and {[len(r) for r in b]} per seed")
    rng = np.random.default_rng(seed)
    sides = (a, b) if len(a) > 1 else (a[0], b[0])
    groups = clusters[0] if len(a) == 1 and clusters is not None and np.ndim(clusters[0]) == 1 else clusters
    effect = stats.paired(*sides, groups, resamples=resamples, rng=rng)
    verdict = stats.verdict(effect, expected=EXPECTED[expect], margin=margin)
    name = f"equivalent within ±{margin:g}" if verdict.name == "equivalent" else verdict.name
    return Claim(key, sentence, expect, effect.value, (effect.low, effect.high), effect.n, len(a), _mean(a), _mean(b),
                 margin, float(verdict.detectable), name, verdict.reason, None if paper is None else str(paper), unit)


def claim(key: str, sentence: str, a, b, *, clusters=None, margin: float | None = None,
          paper: str | float | None = None, expect: str = "greater", seed: int = 0, resamples: int = 2000,
          unit: str = "queries") -> None:
    """Show whether the scores bear out a sentence, with the paper's number beside ours.

    A verdict against the sentence is a result and stops nothing; malformed scores are an error.

    Args:
        key: of the ledger ("W6"), or one of your own ("00.chance").
        sentence: what is claimed: a scores higher than b (or, with expect="equal", as high).
        a, b: per-query scores of both sides in one order: (query,) or (seed, query), or one array per seed.
        clusters: the clip of each query, (query,) or one array per seed; queries of one clip are not independent.
        margin: a difference smaller than this, stated before the runs, does not count; needed for "equal".
        paper: the paper's finding, as text or number.
        expect: "greater" or "equal".
        unit: what n counts, where it is not queries: "clips", "words", "draws".
    """
    result = judge(key, sentence, a, b, clusters=clusters, margin=margin, paper=paper, expect=expect, seed=seed,
                   resamples=resamples, unit=unit)
    bundle.emit({CLAIM: asdict(result), "text/markdown": _markdown(result), "text/plain": _plain(result)})


def _scores(key: str, scores) -> list[np.ndarray]:
    """One array of scores per seed."""
    rows = [scores] if np.ndim(scores[0]) == 0 else list(scores)
    rows = [np.asarray(row, dtype=float) for row in rows]
    for row in rows:
        if row.ndim != 1 or not np.isfinite(row).all():
            raise ValueError(f"claim {key}: expected finite scores shaped (query,) or (seed, query); got "
                             f"{np.count_nonzero(~np.isfinite(row))} NaN or infinite of shape {row.shape}")
    return rows


def _mean(rows: list[np.ndarray]) -> float:
    return float(np.mean([row.mean() for row in rows]))


def _figure(value: float) -> str:
    """As many digits as a reader can use."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3f}"


def decimals(*values: float) -> int:
    """Three, or as many more (up to six) as keep a small value from being printed as 0.000."""
    small = [abs(value) for value in values if 5e-7 <= abs(value)]
    return next((places for places in range(3, 6) if all(round(v, places) for v in small)), 6)


def wording(verdict: str, paper: object) -> str:
    """A verdict as the reader is told it: without a paper's number beside it, a claim holds or does not."""
    if paper and paper != "-":
        return verdict
    return verdict.replace("does not replicate here", "does not hold here").replace("replicates", "holds")


def _facts(c: Claim) -> dict[str, str]:
    seeds = f" over {c.seeds} seeds" if c.seeds > 1 else ", one seed"
    places = decimals(c.effect, *c.ci)
    facts = {
        "effect": f"{c.effect:+.{places}f} ({c.a:.3f} against {c.b:.3f})",
        "95 % interval": f"[{c.ci[0]:+.{places}f}, {c.ci[1]:+.{places}f}]",
        "n": f"{c.n:,} {c.unit}{seeds}",
        "paper": c.paper or "-",
        "verdict": wording(c.verdict, c.paper),
    }
    if c.verdict == "underpowered":
        facts["verdict"] += f" (smallest effect visible: {c.detectable:.3f})"
    return facts


def _plain(c: Claim) -> str:
    return f"claim {c.key}: {c.sentence}\n" + "\n".join(f"  {k}: {v}" for k, v in _facts(c).items())


def _markdown(c: Claim) -> str:
    facts = _facts(c)
    facts["verdict"] = f"**{facts['verdict']}**"
    cells = [" | ".join(row) for row in (facts, ["---"] * len(facts), facts.values())]
    title = f"**Claim {bundle.escape_markdown(c.key)}**: {bundle.escape_markdown(c.sentence)}"
    return title + "\n\n" + "\n".join(f"| {row} |" for row in cells)
