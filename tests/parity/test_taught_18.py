"""What notebook 18 writes out, against other ways to compute the same."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats
from scipy.special import logsumexp
from sklearn.feature_extraction.text import CountVectorizer

from lib import metrics
from lib.data import shared
from tests.notebooks import own_cells

TAUGHT = ("unit", "gap_of_clips", "first_ten", "k_occurrence", "skewness", "crowding", "mean_removed", "csls",
          "inverted_softmax", "held_in_first", "right_of_two", "repaired", "within", "longer", "near_doubles", "said")


@pytest.fixture(scope="module")
def taught():
    given = {"np": np, "pd": pd, "re": re, "logsumexp": logsumexp, "CountVectorizer": CountVectorizer}
    return own_cells.written("18_why_did_it_fail", TAUGHT, STANDARD=0.07, **given)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def test_the_gap_of_the_clips_adds_up_to_the_distance_of_the_means(taught):
    clips, texts = taught["unit"](random(20, 6)), taught["unit"](random(60, 6, seed=1) + 0.5)
    own = np.repeat(np.arange(20), 3)
    gap = taught["gap_of_clips"](clips, texts, own).mean()
    assert gap == pytest.approx(np.linalg.norm(clips.mean(axis=0) - texts.mean(axis=0)))


def test_occurrence_and_skewness(taught):
    S = random(50, 30)
    lists = taught["first_ten"](S)
    counts = [sum(clip in row for row in lists) for clip in range(30)]
    assert taught["k_occurrence"](lists, 30).tolist() == counts
    assert taught["skewness"](np.array(counts)) == pytest.approx(scipy_stats.skew(counts))
    assert taught["crowding"](np.array(counts)).sum() == pytest.approx(scipy_stats.chisquare(counts).statistic)
    wide = 3 * np.array(counts)
    assert taught["skewness"](wide - wide.mean() + 50) == pytest.approx(taught["skewness"](np.array(counts)))
    for row, best in zip(S, lists, strict=True):
        assert sorted(row[best], reverse=True) == sorted(row, reverse=True)[:10]


def test_cures_against_loops(taught):
    S, B = random(5, 4), random(25, 4, seed=1)
    for c in range(4):
        popular = sorted(B[:, c])
        assert taught["mean_removed"](S, B)[:, c] == pytest.approx(S[:, c] - sum(popular) / 25)
        np.testing.assert_allclose(2 * taught["csls"](S, B, 3)[:, c], 2 * S[:, c] - sum(popular[-3:]) / 3)
        shares = np.exp(S[:, c] / 0.07) / np.exp(B[:, c] / 0.07).sum()  # as Smith et al. write it
        np.testing.assert_allclose(np.exp(taught["inverted_softmax"](S, B)[:, c] / 0.07), shares)


def test_taking_the_mean_caption_off_each_caption_is_the_first_cure(taught):
    texts, clips, bank = random(6, 8), random(9, 8, seed=1), random(40, 8, seed=2)
    np.testing.assert_allclose((texts - bank.mean(axis=0)) @ clips.T,
                               taught["mean_removed"](texts @ clips.T, bank @ clips.T))


def test_a_repair_with_every_fact_leaves_the_model_to_choose_among_true_clips(taught):
    S, own, rng = random(30, 12), np.arange(30) % 12, np.random.default_rng(3)
    breaks = rng.random((30, 12)) < 0.6
    breaks[np.arange(30), own] = False
    score = metrics.average_precision(taught["repaired"](S, breaks), own)
    for query in range(30):
        rank = 1 + sum(S[query, c] > S[query, own[query]] for c in range(12) if not breaks[query, c])
        assert score[query] == pytest.approx(1 / rank if rank <= 10 else 0)


def test_what_holds_in_a_wrong_first_answer_against_the_other_wrong_clips_of_its_query(taught):
    rng, own = np.random.default_rng(4), np.arange(40) % 10
    stated = {kind: rng.random(40) < 0.7 for kind in ("event", "order")}
    broken = {kind: (rng.random((40, 10)) < 0.5) & stated[kind][:, None] for kind in stated}
    S, known = random(40, 10), SimpleNamespace(stated=stated, broken=broken)
    for kind in stated:
        found = []
        for query in np.flatnonzero(stated[kind]):
            first, counts = S[query].argmax(), [c for c in range(10) if c != own[query]]
            if kind == "order":  # where the events are right
                counts = [c for c in counts if not broken["event"][query, c]]
            if first in counts:
                holds = [not broken[kind][query, c] for c in counts]
                found.append((holds[counts.index(first)], np.mean(holds), own[query]))
        np.testing.assert_allclose(np.array(found, float).T, taught["held_in_first"](S, own, known, kind))


def test_within_clips(taught):
    score, own = np.array([1.0, 0.0, 0.5, 0.2, 0.4]), np.array([0, 0, 0, 1, 1])
    chosen = np.array([True, False, False, True, True])  # clip 1 has nothing to compare with
    better, worse = taught["within"](score, own, chosen)
    assert better.tolist() == [1.0] and worse.tolist() == [0.25]
    assert all(len(side) == 0 for side in taught["within"](score, own, np.ones(5, bool)))


def test_longer_captions_of_a_clip_against_its_shorter_ones(taught):
    score, own = np.array([1.0, 0.0, 0.5, 0.2, 0.4]), np.array([0, 0, 0, 1, 1])
    longer, shorter = taught["longer"](score, own, np.array([9, 3, 6, 5, 5]))  # the one in the middle counts nowhere
    assert longer.tolist() == [1.0] and shorter.tolist() == [0.0]


def test_near_doubles_are_of_another_clip(taught):
    texts = ["a dog barks loudly", "loudly barks dog", "dog barks loudly", "thunder rolls far away", "the"]
    assert taught["near_doubles"](texts, np.array([0, 0, 0, 1, 2])).tolist() == [False] * 5
    assert taught["near_doubles"](texts, np.array([0, 1, 0, 2, 3])).tolist() == [True, True, True, False, False]


def test_the_official_baselines_hubs(taught, shared_data):
    """The counts that the notebook prints, by plain counting."""
    lists = pd.read_csv(shared.find("clotho/dcase2022_baseline/test.output.csv"), dtype=str)
    names = lists[[f"file_name_{i}" for i in range(1, 11)]]
    assert names.stack().value_counts().iloc[0] == 347
    assert names["file_name_1"].nunique() == 643 and names["file_name_1"].value_counts().iloc[0] == 88
