"""Metrics with intervals for 5,225 queries x 1,045 clips: ours, one argsort per query, and plain Python.

The second is in the manner of the 2022 challenge's evaluation: rank each query by itself, then leave out one query
after the other for the jackknife. Plain Python takes the same steps without a library, and in a last run fewer.
"""

import math

import numpy as np

from lib import metrics, stats
from tests.bench.timing import race, report, wanted

QUERIES, CLIPS, KS = 5225, 1045, (1, 5, 10)


def main() -> None:
    rng = np.random.default_rng(0)
    target = np.repeat(np.arange(CLIPS), QUERIES // CLIPS)
    similarity = rng.normal(size=(QUERIES, CLIPS)).astype(np.float32)
    similarity[np.arange(QUERIES), target] += 2
    lists, wants = similarity.tolist(), target.tolist()
    agree(ours(similarity, target), per_query(similarity, target))
    agree(ours(similarity, target), plain(lists, wants, leave_one_out))
    agree(ours(similarity, target), plain(lists, wants, running_sums))
    medians = race(
        {
            "ours": lambda: ours(similarity, target),
            "ours, and a bootstrap per clip": lambda: with_bootstrap(similarity, target),
            "one argsort per query, then a jackknife": lambda: per_query(similarity, target),
        },
        at_least=3,
    )
    medians |= race(
        {
            "plain Python": lambda: plain(lists, wants, leave_one_out),
            "plain Python, with the jackknife by sums": lambda: plain(lists, wants, running_sums),
        },
        at_least=3,
    )
    report("AP@10, R@1, R@5, R@10 and their intervals", medians)
    ratios = [1 / (medians["ours"] / medians[name]) for name in list(medians)[2:]]
    wanted(f"at least 5 times as fast as one argsort per query: {ratios[0]:.1f}", ratios[0] >= 5)
    wanted(f"at least 50 times as fast as plain Python: {ratios[1]:.0f}", ratios[1] >= 50)


def ours(similarity, target):
    scores = metrics.score(similarity, target)
    return [(i.value, i.low, i.high) for i in (stats.jackknife(scores[name].to_numpy()) for name in scores)]


def with_bootstrap(similarity, target):
    scores, rng = metrics.score(similarity, target), np.random.default_rng(0)
    return [stats.bootstrap(scores[name].to_numpy(), target, rng=rng) for name in scores]


def per_query(similarity, target):
    values = []
    for row, wanted_clip in zip(similarity, target):
        ranked = np.argsort(row)[::-1]
        relevant = ranked == wanted_clip
        hits = np.flatnonzero(relevant[:10])
        precisions = [np.sum(relevant[: hit + 1]) / (hit + 1) for hit in hits]
        values.append([np.sum(precisions), *(np.sum(relevant[:k]) for k in KS)])
    return [jackknife_loop(column) for column in np.array(values, dtype=float).T]


def jackknife_loop(x):
    left_out = np.array([np.mean(np.delete(x, i)) for i in range(len(x))])
    error = np.sqrt((len(x) - 1) * np.mean((left_out - left_out.mean()) ** 2))
    return x.mean(), x.mean() - 1.959964 * error, x.mean() + 1.959964 * error


def plain(lists, target, interval):
    columns = [[], [], [], []]
    for row, wanted_clip in zip(lists, target):
        ranked = sorted(range(len(row)), key=row.__getitem__, reverse=True)
        rank = ranked.index(wanted_clip) + 1
        columns[0].append(1 / rank if rank <= 10 else 0.0)
        for column, k in zip(columns[1:], KS):
            column.append(1.0 if rank <= k else 0.0)
    return [interval(column) for column in columns]


def leave_one_out(x):
    return spread(x, [sum(x[:i] + x[i + 1 :]) / (len(x) - 1) for i in range(len(x))])


def running_sums(x):
    total = sum(x)
    return spread(x, [(total - value) / (len(x) - 1) for value in x])


def spread(x, left_out):
    value, mean = sum(x) / len(x), sum(left_out) / len(x)
    error = 1.959964 * math.sqrt((len(x) - 1) / len(x) * sum((each - mean) ** 2 for each in left_out))
    return value, value - error, value + error


def agree(a, b) -> None:
    np.testing.assert_allclose(a, b, atol=1e-6)
