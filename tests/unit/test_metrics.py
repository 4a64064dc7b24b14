"""Metrics: against every order of tied examples, against scikit-learn and torchmetrics, and on bad input."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import ndcg_score
from torchmetrics.functional.retrieval import retrieval_average_precision, retrieval_normalized_dcg, retrieval_recall

from lib import metrics


def orders_within_ties(similarity):
    """Every order of one row's clips that its similarities allow."""
    falling = sorted(similarity, reverse=True)
    return [p for p in permutations(range(len(similarity))) if [similarity[i] for i in p] == falling]


def naive(order, gain, k):
    """AP@k, R@k and nDCG@k of one order, in plain Python."""
    hits, precisions = 0, 0.0
    for rank, clip in enumerate(order[:k], start=1):
        if gain[clip] > 0:
            hits += 1
            precisions += hits / rank
    dcg = sum(gain[clip] / np.log2(rank + 1) for rank, clip in enumerate(order[:k], start=1))
    best = sum(g / np.log2(rank + 1) for rank, g in enumerate(sorted(gain, reverse=True)[:k], start=1))
    relevant = sum(g > 0 for g in gain)
    return precisions / relevant, hits / relevant, dcg / best


@pytest.mark.parametrize("seed", range(60))
def test_ties_score_the_mean_over_every_order(seed):
    rng = np.random.default_rng(seed)
    clips, levels, k = rng.integers(2, 7), rng.integers(1, 4), rng.integers(1, 8)
    similarity = rng.integers(0, levels, size=clips).astype(float)
    similarity[rng.random(clips) < 0.2] = rng.choice([np.inf, -np.inf])
    relevant = np.zeros(clips, dtype=bool)
    relevant[rng.choice(clips, size=rng.integers(1, clips + 1), replace=False)] = True
    graded = relevant * rng.integers(1, 4, size=clips)
    orders = orders_within_ties(similarity)
    ap, recall, _ = np.mean([naive(o, relevant, k) for o in orders], axis=0)
    gain = np.mean([naive(o, graded, k)[2] for o in orders])
    assert metrics.average_precision(similarity[None], relevant[None], k)[0] == pytest.approx(ap, abs=1e-12)
    assert metrics.recall(similarity[None], relevant[None], k)[0] == pytest.approx(recall, abs=1e-12)
    assert metrics.ndcg(similarity[None], graded[None], k)[0] == pytest.approx(gain, abs=1e-12)


def test_the_fast_path_equals_the_general_one():
    rng = np.random.default_rng(0)
    similarity, target = rng.integers(0, 9, size=(200, 40)).astype(np.float32), rng.integers(40, size=200)
    gains = metrics._expected_gains(similarity, metrics.one_hot(target, 40), 10)
    np.testing.assert_allclose(metrics.average_precision(similarity, target), metrics._precisions(*gains).sum(axis=1))
    np.testing.assert_allclose(metrics.recall(similarity, target, 10), gains[0].sum(axis=1))
    matrix = metrics.one_hot(target, 40)
    pd.testing.assert_frame_equal(metrics.score(similarity, target), metrics.score(similarity, matrix))
    np.testing.assert_allclose(metrics.ndcg(similarity, target, 10), metrics.ndcg(similarity, matrix, 10))


def test_equal_to_scikit_learn_and_torchmetrics():
    rng = np.random.default_rng(1)
    similarity, graded = rng.normal(size=(30, 25)), rng.integers(0, 4, size=(30, 25))
    graded[:, 0] += 1
    tied = similarity.round()
    for s in (similarity, tied):
        assert metrics.ndcg(s, graded, 10).mean() == pytest.approx(ndcg_score(graded, s, k=10), abs=1e-12)
    relevant = graded > 2
    relevant[:, 1] = True
    ours = metrics.average_precision(similarity, relevant, 25), metrics.recall(similarity, relevant, 5)
    ours = np.stack([*ours, metrics.ndcg(similarity, graded, 7)], axis=1)
    # torchmetrics' average precision takes clips with a similarity <= 0 as not relevant: shift above 0 (exp)
    rows = torch.tensor(np.exp(similarity)), torch.tensor(relevant), torch.tensor(graded)
    for row, s, r, g in zip(ours, *rows, strict=True):
        peers = retrieval_average_precision(s, r), retrieval_recall(s, r, top_k=5), retrieval_normalized_dcg(s, g, 7)
        np.testing.assert_allclose(row, [float(p) for p in peers], atol=1e-6)


@pytest.mark.parametrize("relevant", [1, 3])
def test_a_constant_matrix_scores_chance_and_hopeful_ties_would_not(relevant):
    similarity, truth = np.zeros((20, 50)), np.zeros((20, 50), dtype=bool)
    truth[:, :relevant] = True
    scores = metrics.score(similarity, truth)
    assert np.allclose(scores["AP@10"], metrics.chance(50, 10, relevant=relevant))
    assert np.allclose(scores[["R@1", "R@5", "R@10"]], [1 / 50, 5 / 50, 10 / 50])
    hopeful = np.argmax(np.take_along_axis(truth, np.argsort(-similarity, axis=1, kind="stable"), axis=1), axis=1)
    assert (metrics.score_ranks(hopeful)["R@1"] == 1).all()  # stored in a lucky order, a constant model looks perfect


def test_chance_is_what_random_rankings_score():
    rng = np.random.default_rng(2)
    scores = metrics.average_precision(rng.random((20_000, 30)), rng.integers(30, size=20_000))
    assert scores.mean() == pytest.approx(metrics.chance(30), abs=4 * scores.std() / 20_000**0.5)
    assert metrics.chance(1000) == pytest.approx(0.00292897, abs=1e-8)
    assert metrics.chance(3, 10) == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)


def test_the_two_conventions_for_several_relevant_clips():
    similarity, relevant = -np.arange(20.0)[None], np.ones((1, 20), dtype=bool)
    assert metrics.average_precision(similarity, relevant)[0] == 0.5
    assert metrics.average_precision(similarity, relevant, divide_by="reachable")[0] == 1.0


@pytest.mark.parametrize(
    ("similarity", "relevant", "message"),
    [
        (np.array([[1.0, np.nan]]), np.array([0]), "NaN in 1 queries"),
        (np.ones((2, 3)), np.ones((3, 2), dtype=bool), "transposed"),
        (np.ones((2, 3)), np.array([[True, False, False], [False] * 3]), "1 queries have no relevant clip, first 1"),
        (np.ones((2, 3)), np.array([0, 3]), "expected clips 0 to 2"),
        (np.ones((2, 3)), np.array([0.0, 1.0]), "whole number"),
        (np.ones((2, 3)), np.full((2, 3), 0.5), "true or false"),
        (np.ones((0, 3)), np.ones((0, 3), dtype=bool), "not empty"),
        (np.ones(3), np.array([0]), "shape|Type-check"),  # under pytest the annotation speaks first
    ],
)
@pytest.mark.bad_shapes
def test_bad_input_says_what_is_wrong(similarity, relevant, message):
    with pytest.raises((ValueError, TypeError), match=message):
        metrics.score(similarity, relevant)


def test_gains_must_not_be_negative():
    with pytest.raises(ValueError, match="gains"):
        metrics.ndcg(np.ones((1, 2)), np.array([[1.0, -1.0]]))
    with pytest.raises(ValueError, match="divide_by"):
        metrics.average_precision(np.ones((1, 2)), np.array([0]), divide_by="hits")


def test_whole_numbers_without_a_sign_and_tensors_rank_too():
    similarity = np.array([[0, 5, 3]], dtype=np.uint8)
    assert metrics.recall(similarity, np.array([[True, True, False]]), 1)[0] == 0.5
    assert metrics.score(torch.tensor([[0.1, 0.9]]).numpy(), np.array([1]))["AP@10"][0] == 1
