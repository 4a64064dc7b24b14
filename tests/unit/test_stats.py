"""Intervals: closed forms, agreement with SciPy, and whether they cover the truth as often as they promise."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from lib import stats
from lib.stats import Interval


def clustered(rng, clips=60, captions=5, between=1.0, within=1.0):
    """Scores of five captions a clip that share the clip's difficulty, and the clip of each; the true mean is 0."""
    clip = np.repeat(np.arange(clips), captions)
    return rng.normal(0, between, clips)[clip] + rng.normal(0, within, len(clip)), clip


def coverage(interval, repetitions, seed=0):
    """How often the interval of a repetition holds the true mean 0."""
    rng = np.random.default_rng(seed)
    return np.mean([not interval(rng).excludes(0.0) for _ in range(repetitions)])


def test_the_jackknife_in_closed_form_is_the_jackknife_in_a_loop():
    x = np.random.default_rng(0).exponential(size=50)
    left_out = np.array([np.delete(x, i).mean() for i in range(len(x))])
    error = np.sqrt((len(x) - 1) * left_out.var())
    interval = stats.jackknife(x)
    z = scipy_stats.norm.ppf(0.975)
    assert interval.value == pytest.approx(x.mean(), abs=1e-12)
    assert (interval.low, interval.high) == pytest.approx((x.mean() - z * error, x.mean() + z * error), abs=1e-12)
    assert interval.n == 50


def test_a_proportion_is_the_jackknife_of_its_answers():
    answers = np.r_[np.ones(176), np.zeros(824)]
    ours, loop = stats.proportion(0.176, 1000), stats.jackknife(answers)
    assert (ours.low, ours.high) == pytest.approx((loop.low, loop.high), abs=1e-12)
    assert str(ours) == "0.176 [0.152, 0.200]"  # the challenge's winner, as printed in Table 2


def test_the_bootstrap_agrees_with_scipy():
    rng = np.random.default_rng(1)
    x, clip = clustered(rng, clips=80)
    keep = rng.random(len(x)) < 0.7  # clips of unequal size
    x, clip = x[keep], clip[keep]
    ours = stats.bootstrap(x, clip, resamples=20_000, rng=np.random.default_rng(2))
    sums, sizes = np.bincount(clip, weights=x), np.bincount(clip)
    theirs = scipy_stats.bootstrap(
        (sums, sizes), lambda s, n, axis: s.sum(axis) / n.sum(axis), paired=True, n_resamples=20_000,
        method="percentile", batch=1000, rng=np.random.default_rng(3),
    ).confidence_interval  # fmt: skip
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.01)
    again = stats.bootstrap(x, clip, resamples=20_000, rng=np.random.default_rng(2))
    assert ours == again


def test_clip_bootstrap_covers_and_the_jackknife_over_captions_does_not():
    def per_clip(rng):
        x, clip = clustered(rng)
        return stats.bootstrap(x, clip, resamples=600, rng=rng)

    assert 0.925 <= coverage(per_clip, 1000) <= 0.97
    assert coverage(lambda rng: stats.jackknife(clustered(rng)[0]), 1000) < 0.85  # teeth: too narrow by half
    independent = coverage(lambda rng: stats.jackknife(clustered(rng, between=0.0)[0]), 1000)
    assert 0.925 <= independent <= 0.97


@pytest.mark.parametrize("training_noise", [0.0, 0.3])
def test_seeds_with_clips_of_their_own_are_covered(training_noise):
    def interval(rng):
        runs = [clustered(rng) for _ in range(5)]
        a = [x + rng.normal(0, training_noise) for x, _ in runs]
        return stats.paired(a, [np.zeros_like(x) for x in a], [clip for _, clip in runs], rng=rng)

    assert 0.93 <= coverage(interval, 1500) <= 0.97


@pytest.mark.parametrize(("training_noise", "most"), [(0.0, 0.98), (0.1, 0.98), (0.5, 0.98)])
def test_seeds_that_share_their_clips_are_covered(training_noise, most):
    def interval(rng):
        x, clip = clustered(rng)
        a = [x + rng.normal(0, training_noise) + rng.normal(0, 0.5, len(x)) for _ in range(5)]
        return stats.paired(a, np.zeros_like(a), clip, rng=rng)

    assert 0.93 <= coverage(interval, 1500) <= most


def test_resampling_five_seeds_would_cover_too_little():
    def naive(rng):
        runs = rng.normal(0, 1, 5)
        means = runs[rng.integers(5, size=(1000, 5))].mean(axis=1)
        return Interval(runs.mean(), *np.quantile(means, [0.025, 0.975]), 5)

    assert coverage(naive, 1500) < 0.88


def test_one_seed_is_the_clip_bootstrap_of_the_differences():
    rng = np.random.default_rng(4)
    (a, clip), b = clustered(rng), rng.normal(size=300)
    ours = stats.paired(a, b, clip, rng=np.random.default_rng(5))
    assert ours == stats.bootstrap(a - b, clip, rng=np.random.default_rng(5))
    assert ours == stats.paired([a], [b], [clip], rng=np.random.default_rng(5))


def test_pairing_sees_what_independent_intervals_do_not():
    rng = np.random.default_rng(6)
    hard, clip = clustered(rng)
    a, b = hard + 0.1 + rng.normal(0, 0.1, 300), hard + rng.normal(0, 0.1, 300)
    assert stats.paired(a, b, clip, rng=rng).low > 0
    assert not stats.difference(stats.jackknife(a), stats.jackknife(b)).excludes(0)


def test_independent_intervals_differ_as_often_as_promised():
    def interval(rng):
        return stats.difference(*(stats.jackknife(rng.normal(0, 1, 100)) for _ in range(2)))

    assert 0.93 <= coverage(interval, 1500) <= 0.97
    effect = stats.difference(stats.proportion(0.6, 500), stats.proportion(0.5, 500))
    assert (stats.p_value(effect) < 0.05) == effect.excludes(0)
    assert stats.p_value(Interval(1.96, 0.0, 3.92, 9)) == pytest.approx(0.05, abs=1e-4)


@pytest.mark.parametrize(
    ("interval", "expected", "margin", "name"),
    [
        ((0.1, 0.05, 0.15), 1, None, "replicates"),
        ((-0.1, -0.15, -0.05), -1, None, "replicates"),
        ((-0.1, -0.15, -0.05), 1, None, "does not replicate here"),
        ((0.01, -0.15, 0.17), 1, None, "underpowered"),
        ((0.001, -0.005, 0.007), 1, 0.01, "equivalent within ±0.01"),
        ((0.001, -0.005, 0.007), 0, 0.01, "equivalent within ±0.01"),
        ((0.1, 0.05, 0.15), 0, 0.01, "does not replicate here"),
        ((-0.1, -0.15, -0.05), 0, 0.01, "does not replicate here"),
        ((0.01, -0.15, 0.17), 0, 0.01, "underpowered"),
    ],
)
def test_verdicts(interval, expected, margin, name):
    assert stats.verdict(Interval(*interval, 100), expected=expected, margin=margin).name == name


def test_the_detectable_effect_is_seen_in_four_runs_of_five():
    rng, found = np.random.default_rng(7), []
    for _ in range(2000):
        x = rng.normal(0, 1, 200)
        found.append(stats.jackknife(x + stats.verdict(stats.jackknife(x)).detectable).low > 0)
    assert np.mean(found) == pytest.approx(0.8, abs=0.04)


def test_a_verdict_of_no_difference_needs_its_margin():
    with pytest.raises(ValueError, match="margin"):
        stats.verdict(Interval(0, -1, 1, 9), expected=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stats.jackknife(np.array([1.0])), "at least 2"),
        (lambda: stats.jackknife(np.array([1.0, np.nan])), "1 of 2 are not"),
        (lambda: stats.bootstrap(np.ones(3), np.ones(2), rng=np.random.default_rng(0)), "cluster for each of 3"),
        (lambda: stats.proportion(1.2, 10), "between 0 and 1"),
        (lambda: stats.paired(np.ones((2, 3)), np.ones((2, 3)), [np.ones(3)], rng=None), "clusters per seed"),
    ],
)
@pytest.mark.bad_shapes
def test_bad_input_says_what_is_wrong(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def test_scores_that_never_vary_have_an_interval_without_width():
    rng = np.random.default_rng(8)
    assert stats.jackknife(np.ones(9)) == Interval(1.0, 1.0, 1.0, 9)
    assert stats.bootstrap(np.ones(9), rng=rng).half_width == 0
    same = stats.paired([np.ones(9)] * 5, [np.ones(9)] * 5, rng=rng)
    assert (same.low, same.high) == (0, 0) and not same.excludes(0) and stats.p_value(same) == 1


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_mean_is_a_difference_from_nothing(seeds):
    scores = [np.random.default_rng(seed).random(20) for seed in range(seeds)]
    clips = [np.arange(20) // 5] * seeds
    given = (scores[0], clips[0]) if seeds == 1 else (scores, clips)
    zeros = np.zeros(20) if seeds == 1 else [np.zeros(20)] * seeds
    found = stats.mean(*given, rng=np.random.default_rng(0))
    assert found == stats.paired(given[0], zeros, given[1], rng=np.random.default_rng(0))
    assert found.value == pytest.approx(np.mean(scores))
