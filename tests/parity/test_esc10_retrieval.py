"""Real sound, end to end: pretrained frames, adapters, NT-Xent, and queries in words that training never saw."""

import numpy as np
import pandas as pd
import pytest

from data_scripts import esc10_retrieval
from lib import data, metrics, profiles, retrieval, train
from lib.data import sources


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


@pytest.fixture(scope="module")
def raw(shared_data):
    """The corpus of its recordings as Clotho's is made: their files, the small CNN's frames and MiniLM's tokens, all
    through the cache. The small CNN was pretrained on folds 1-3, fold 4 is asked."""
    clips = data.load(f"esc50:{shared_data / 'esc10'}", profile=profiles.get("laptop"))
    splits = {"fold1": "train", "fold2": "train", "fold3": "validation", "fold4": "test"}
    told = {"train": esc10_retrieval.TRAINED, "validation": esc10_retrieval.TRAINED, "test": esc10_retrieval.ASKED}
    clips = clips.assign(split=clips["split"].map(splits), category=clips["captions"].str[0])
    clips["captions"] = [list(told[split][name]) for split, name in zip(clips["split"], clips["category"])]
    return clips, retrieval.encode(clips)


def found_by(corpus, clips):
    """Category mAP@10 of the twenty queries of fold 4."""
    recipe = retrieval.Recipe("nt_xent", {"temperature": 0.2}, dim=64, training=train.Settings(max_epochs=15))
    model = retrieval.fit(corpus, recipe, seed=0, progress=False).model
    asked, categories = corpus.rows["test"], data.of_split(clips, "test")["category"].to_numpy()
    first = asked.drop_duplicates("caption").index
    similarity = retrieval.similarity(model, corpus.examples(["test"]))[first]
    relevant = categories[asked["clip"][first]][:, None] == categories
    assert similarity.shape == (20, 80)
    return float(metrics.average_precision(similarity, relevant).mean())


def test_from_raw_sound_by_the_way_that_clotho_takes(raw):
    clips, corpus = raw
    assert [len(corpus.splits[name]) for name in ("train", "validation", "test")] == [160, 80, 80]
    assert found_by(corpus, clips) > 0.8
    learnt_from = clips["split"] != "test"
    wrong = pd.concat([sources.shuffled(clips[learnt_from], 0), clips[~learnt_from]], ignore_index=True)
    assert found_by(retrieval.encode(wrong), clips) < 0.4, "shuffled captions teach nothing"
