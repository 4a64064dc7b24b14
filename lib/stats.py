"""How sure can we be: intervals of a mean score, paired differences, and the verdict on a finding.

Five captions of one clip are not five independent queries, and five training seeds on one test set are not five test
sets. So each interval here says what it treats as independent: queries (`jackknife`, the challenge's), clips
(`bootstrap`), training seeds and clips (`paired`). Taught in notebook 02.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped
from scipy import stats as distributions

POWER = 0.8  # the chance of seeing an effect as large as `Verdict.detectable`


@dataclass(frozen=True)
class Interval:
    """A value and the range that holds the true one in `level` of all repetitions; `n` counts the queries behind it."""

    value: float
    low: float
    high: float
    n: int
    level: float = 0.95

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    def excludes(self, value: float) -> bool:
        """Whether `value` lies outside."""
        return value < self.low or value > self.high

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


def jackknife(x: Float[np.ndarray, " query"], level: float = 0.95) -> Interval:
    """Interval of the mean with each *query* independent: the challenge's.

    Leaving one value out at a time gives, for a mean, exactly mean +- z x s / sqrt(n) with s the sample deviation
    (Efron 1982), so no loop is needed. Too narrow where several queries ask for one clip.
    """
    x = _checked(x)
    if len(x) < 2:
        raise ValueError("expected at least 2 values to leave one out; got 1")
    return _around(x.mean(), _z(level) * x.std(ddof=1) / np.sqrt(len(x)), len(x), level)


def proportion(p: float, n: int, level: float = 0.95) -> Interval:
    """The jackknife's interval of a recall from its printed value and the number of (independent) queries alone.

    n answers that are 0 or 1 with mean p have the sample variance p (1 - p) n / (n - 1).
    """
    if not (0 <= p <= 1 and n > 1):
        raise ValueError(f"expected a share between 0 and 1 of at least 2 queries; got {p} of {n}")
    return _around(p, _z(level) * np.sqrt(p * (1 - p) / (n - 1)), n, level)


def bootstrap(
    x: Float[np.ndarray, " query"],
    clusters: Shaped[np.ndarray, " query"] | None = None,
    *,
    resamples: int = 2000,
    rng: np.random.Generator,
    level: float = 0.95,
) -> Interval:
    """Interval of the mean with each *cluster* (clip, source recording) independent: percentiles over `resamples`.

    Whole clusters are drawn with replacement, with all their queries; without `clusters` each query is its own.
    A resampled mean needs only each cluster's sum and size, so all of them are one gather (scipy.stats.bootstrap
    with `paired=True` on sums and sizes gives the same and is checked against it).
    """
    x = _checked(x)
    sums, sizes = _per_cluster(x, clusters)
    means = np.empty(resamples)
    for start in range(0, resamples, 500):  # 500 at a time bounds the memory
        drawn = rng.integers(len(sums), size=(min(500, resamples - start), len(sums)), dtype=np.int32)
        means[start : start + 500] = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(x.mean()), float(low), float(high), len(x), level)


def paired(
    a: Sequence | np.ndarray,
    b: Sequence | np.ndarray,
    clusters: Sequence | np.ndarray | None = None,
    *,
    resamples: int = 2000,
    rng: np.random.Generator,
    level: float = 0.95,
) -> Interval:
    """Interval of the mean difference a - b over seeds and clips; both hold per-query scores in one order.

    Args:
        a, b: (query,) for one seed, or one such array per seed (their lengths may differ where the corpus is redrawn).
        clusters: the clip of each query: (query,), the same clips for each seed, or one array per seed, other clips
            for each seed. None: each query is its own clip, other clips for each seed.

    One seed: a bootstrap over clips; it says nothing about training noise. Several seeds: Student's t over the seeds'
    differences, since resampling five of them would cover about 85 % where 95 % are promised (see tests). Where each
    seed has clips of its own, these differences contain the clips' noise; where the clips are the same for all, the
    variance between clips is added (Welch-Satterthwaite degrees of freedom).
    """
    differences = [x - y for x, y in zip(_seeds(a), _seeds(b), strict=True)]
    shared = clusters is not None and np.ndim(_first(clusters)) == 0
    groups = [clusters] * len(differences) if shared or clusters is None else list(clusters)
    if len(groups) != len(differences):
        raise ValueError(f"expected one array of clusters per seed, {len(differences)}; got {len(groups)}")
    n = sum(map(len, differences))
    if len(differences) == 1:
        return bootstrap(differences[0], groups[0], resamples=resamples, rng=rng, level=level)
    means = np.array([d.mean() for d in differences])
    seeds_share, freedom = means.var(ddof=1) / len(means), len(means) - 1
    clips_share = _clip_variance(np.mean(differences, axis=0), clusters) if shared else 0.0
    variance = seeds_share + clips_share
    if clips_share > 0:
        many = len(np.unique(np.asarray(clusters))) - 1
        freedom = variance**2 / (seeds_share**2 / freedom + clips_share**2 / many)
    return _around(means.mean(), distributions.t.ppf((1 + level) / 2, freedom) * np.sqrt(variance), n, level)


def mean(
    x: Sequence | np.ndarray, clusters: Sequence | np.ndarray | None = None, *, rng: np.random.Generator
) -> Interval:
    """Interval of the mean score itself over seeds and clips: `paired` against a system that scores 0 throughout."""
    nothing = np.zeros_like(x) if np.ndim(_first(x)) == 0 else [np.zeros_like(each) for each in x]
    return paired(x, nothing, clusters, rng=rng)


def difference(a: Interval, b: Interval, level: float = 0.95) -> Interval:
    """Interval of a - b for two systems known only by their means and intervals, taken as independent.

    Two systems that answered the same queries are not: they mostly find the same queries hard, which makes this
    interval too wide, so that a difference it shows is real. With both systems' answers at hand use `paired`.
    """
    spread = np.hypot(a.half_width / _z(a.level), b.half_width / _z(b.level))
    return _around(a.value - b.value, _z(level) * spread, min(a.n, b.n), level)


def p_value(effect: Interval) -> float:
    """Two-sided probability of an effect at least this far from 0 if there were none (normal approximation)."""
    if effect.half_width == 0:
        return float(effect.value == 0)
    return float(2 * distributions.norm.sf(abs(effect.value) / (effect.half_width / _z(effect.level))))


@dataclass(frozen=True)
class Verdict:
    """What the measured effect says about a paper's finding."""

    name: str  # replicates | equivalent within ±m | underpowered | does not replicate here
    detectable: float  # the smallest effect that such an interval would show in 80 % of runs
    reason: str


def verdict(effect: Interval, *, expected: int = 1, margin: float | None = None) -> Verdict:
    """The verdict on a finding from the interval of its effect (FINDINGS' definitions).

    Args:
        effect: interval of the paired difference.
        expected: +1 or -1, the sign the finding states; 0 for a finding of no difference (needs `margin`).
        margin: differences smaller than this, stated before the runs, do not count.

    A stated difference replicates when the interval excludes 0 on the stated side. No difference is "equivalent" when
    the whole interval lies within +-margin. An interval that shows neither is "underpowered".
    """
    if expected not in (-1, 0, 1) or (expected == 0 and margin is None) or (margin is not None and margin <= 0):
        raise ValueError(f"expected the sign -1, 0 or 1 and a margin > 0 (needed for 0); got {expected}, {margin}")
    detectable = effect.half_width * (1 + distributions.norm.ppf(POWER) / _z(effect.level))
    low, high = sorted((effect.low * (expected or 1), effect.high * (expected or 1)))
    within = margin is not None and -margin < low and high < margin
    if expected and low > 0:
        return Verdict("replicates", detectable, f"the interval {effect} excludes 0 on the stated side")
    if within:
        return Verdict(f"equivalent within ±{margin:g}", detectable, f"the interval {effect} lies within ±{margin:g}")
    if high < 0 or (expected == 0 and low > 0):
        return Verdict("does not replicate here", detectable, f"the interval {effect} excludes what was stated")
    return Verdict("underpowered", detectable, f"{effect}; an effect of {detectable:.3f} could have been seen")


def _z(level):
    return distributions.norm.ppf((1 + level) / 2)


def _around(value, half, n, level):
    return Interval(float(value), float(value - half), float(value + half), int(n), level)


def _first(x):
    return x[0] if isinstance(x, (list, tuple)) else np.asarray(x)[0]


def _seeds(x):
    """Scores as a list with one checked array per seed."""
    return [_checked(x)] if np.ndim(_first(x)) == 0 else [_checked(row) for row in x]


def _checked(x):
    x = np.asarray(x, dtype=float)
    if x.ndim != 1 or len(x) == 0:
        raise ValueError(f"expected one score per query; got shape {x.shape}")
    if not np.isfinite(x).all():
        raise ValueError(f"expected finite scores; {np.count_nonzero(~np.isfinite(x))} of {len(x)} are not")
    return x


def _per_cluster(x, clusters):
    """Sum and size of each cluster."""
    if clusters is None:
        return x, np.ones(len(x))
    if len(clusters) != len(x):
        raise ValueError(f"expected a cluster for each of {len(x)} scores; got {len(clusters)}")
    _, index = np.unique(np.asarray(clusters), return_inverse=True)
    return np.bincount(index, weights=x), np.bincount(index).astype(float)


def _clip_variance(x, clusters):
    """Variance of the mean with clusters independent (the bootstrap's, linearised, in closed form)."""
    sums, sizes = _per_cluster(x, clusters)
    residual = sums - sizes * x.mean()
    return len(sums) / max(len(sums) - 1, 1) * (residual**2).sum() / len(x) ** 2
