"""Ranked lists in the challenge's format: scored as the similarity is, and each broken file has its own message."""

import numpy as np
import pandas as pd
import pytest

from lib import metrics, predictions

FILES = [f"{i:02d}.wav" for i in range(12)]
TRUTH = {f"query {i}": name for i, name in enumerate(FILES)}


def lists(seed=0):
    similarity = np.random.default_rng(seed).normal(size=(12, 12))
    return similarity, predictions.table(similarity, list(TRUTH), FILES, rng=np.random.default_rng(1))


def test_a_written_file_scores_as_its_similarity(tmp_path):
    similarity, table = lists()
    table.sample(frac=1, random_state=0).to_csv(tmp_path / "mine.csv", index=False)
    scores = predictions.score(predictions.load(tmp_path / "mine.csv", TRUTH), TRUTH)
    assert list(scores["clip"]) == FILES
    expected = metrics.score(similarity, np.arange(12))
    np.testing.assert_allclose(scores[expected.columns], expected)


def test_ties_are_drawn_by_lot():
    rng, constant = np.random.default_rng(0), np.zeros((12, 12))
    tables = [predictions.table(constant, list(TRUTH), FILES, rng=rng) for _ in range(200)]
    firsts = np.mean([predictions.score(predictions.check(t, TRUTH), TRUTH)["R@1"].mean() for t in tables])
    assert firsts == pytest.approx(1 / 12, abs=0.03)


def broken(change):
    table = lists()[1].copy()
    return change(table)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="file_name_7"), "missing: file_name_7"),
        (lambda t: t.rename(columns={"caption": "text"}), r"missing: caption \(or query\)"),
        (lambda t: pd.concat([t, t[:1]]), "'query 0' comes again"),
        (lambda t: t[1:], "1 are not answered, 0 unknown"),
        (lambda t: t.replace("query 3", "query x"), "1 unknown, such as 'query x'"),
        (lambda t: t.assign(file_name_2="sounds/nowhere.wav"), "such as 'sounds/nowhere.wav'"),
        (lambda t: t.assign(file_name_10=[""] + ["11.wav"] * 11), "row 1 has fewer"),
        (lambda t: t.assign(file_name_10=t["file_name_9"]), "row 1 repeats one"),
    ],
)
def test_each_way_to_be_broken_has_its_message(change, message):
    with pytest.raises(predictions.PredictionsError, match=message):
        predictions.check(broken(change), TRUTH)


def test_a_column_called_query_and_names_that_look_like_nothing_are_read(tmp_path):
    files = [*FILES[:11], "null"]
    truth = {f"query {i}": name for i, name in enumerate(files)}
    table = predictions.table(np.eye(12), list(truth), files, rng=np.random.default_rng(0))
    table.rename(columns={"caption": "query"}).to_csv(tmp_path / "p.csv", index=False)
    assert predictions.score(predictions.load(tmp_path / "p.csv", truth), truth)["R@1"].mean() == 1


def test_truth_needs_captions_that_name_one_clip():
    table = pd.DataFrame({"file_name": ["a", "b"], "caption_1": ["x", "y"], "caption_2": ["z", "x"]})
    with pytest.raises(predictions.PredictionsError, match="'x' names several"):
        predictions.truth(table)
    assert predictions.truth(table.drop(columns="caption_2")) == {"x": "a", "y": "b"}
    with pytest.raises(predictions.PredictionsError, match="expected columns"):
        predictions.truth(pd.DataFrame({"name": []}))
