"""Real sound, end to end: pretrained frames, adapters, NT-Xent, and queries in words that training never saw."""

import numpy as np
import pytest

from data_scripts import esc10_retrieval
from lib import data, profiles


@pytest.fixture(scope="module")
def rankings(shared_data):
    root = shared_data / "esc10"
    clips = data.load(f"esc50:{root}", profile=profiles.get("laptop"))
    return [esc10_retrieval.rank(clips, root, seed) for seed in range(5)]


def test_the_worst_of_five_seeds_finds_the_category(rankings):
    assert min(ranking.score() for ranking in rankings) >= 0.95


def test_its_interval_resamples_recordings(rankings):
    interval = rankings[0].interval(200, np.random.default_rng(0))
    assert 0.8 < interval.low < interval.value <= interval.high <= 1.0
    alone = rankings[0].__class__(rankings[0].similarity, rankings[0].relevant, np.arange(80))
    assert alone.interval(200, np.random.default_rng(0)).half_width < interval.half_width


def test_a_model_that_hears_nothing_scores_chance(rankings):
    deaf = rankings[0].__class__(np.zeros_like(rankings[0].similarity), rankings[0].relevant, rankings[0].recordings)
    assert deaf.score() < 0.06


def test_no_query_was_a_training_caption():
    trained = {caption for captions in esc10_retrieval.TRAINED.values() for caption in captions}
    assert not trained & {query for _, query in esc10_retrieval.QUERIES}
    assert list(esc10_retrieval.TRAINED) == list(esc10_retrieval.ASKED)
