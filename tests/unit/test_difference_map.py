"""Maps of differences: pairs by kind, neighbours and silhouettes that nothing flatters, texts near their kind."""

import numpy as np
import pytest
import torch

from lib import difference_map, difference_runs, run_log
from lib.difference_map import Differences, Sample
from tests.unit import test_difference as toy

rng = np.random.default_rng(5)
TWO = np.repeat(["c thunder", "c dog"], 40)
FAR = rng.normal(size=(80, 6)) + 8 * (TWO == "c dog")[:, None] * np.eye(6)[0] - 4 * np.eye(6)[0]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))


def test_each_kind_has_its_pairs_with_one_operation_of_that_kind():
    table = difference_map.draw("rain", Sample("abcdef", 3), 100)
    assert table["kind"].value_counts().to_dict() == {kind: 3 for kind in table["kind"].unique()}
    assert table["kind"].nunique() == 2 + 4 * 4 and "a rain" in set(table["kind"])
    assert all([(o.letter, o.label)] == [tuple(k.split())] for (o,), k in zip(table["operations"], table["kind"]))
    two = difference_map.draw("rain", Sample("c", 5, ("thunder", "dog_bark")), 100)
    assert two["kind"].tolist() == 5 * ["c dog_bark"] + 5 * ["c thunder"]


def test_more_pairs_of_a_kind_begin_with_the_fewer():
    few, more = (difference_map.draw("rain", Sample("c", n, ("thunder",)), 100) for n in (3, 9))
    assert few["before"].tolist() == more["before"].tolist()[:3]


def test_where_nothing_is_done_nothing_lies_over_the_background():
    table = difference_map.draw("rain", Sample("", 4, ("thunder", "dog_bark")), 100)
    assert table["kind"].tolist() == 4 * ["nothing thunder", "nothing dog_bark"]
    assert all(labels == () for side in ("before", "after") for labels in table[f"{side}_labels"])


def test_kinds_that_lie_apart_and_kinds_that_do_not():
    assert difference_map.neighbours(FAR, TWO, 10, metric="euclidean").mean() > 0.99
    assert difference_map.silhouettes(FAR, TWO, metric="euclidean").mean() > 0.4
    shuffled = rng.permutation(TWO)
    assert abs(difference_map.neighbours(FAR, shuffled, 10).mean() - 39 / 79) < 0.1
    assert abs(difference_map.silhouettes(FAR, shuffled).mean()) < 0.05


def test_identical_before_and_after_gives_no_cluster():
    """All differences are zero: not one kind may seem to keep together, though its pairs stand side by side."""
    nothing = np.zeros((80, 6))
    assert abs(difference_map.neighbours(nothing, TWO, 10).mean() - 39 / 79) < 0.1
    assert np.allclose(difference_map.silhouettes(nothing, TWO), 0)


def test_a_text_belongs_to_the_kind_whose_differences_point_its_way():
    words = np.array([[3.0, 0, 0, 0, 0, 0], [-9.0, 1, 0, 0, 0, 0]])
    assert difference_map.nearest_kind(words, FAR, TWO).tolist() == ["c dog", "c thunder"]
    long = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 100.0], [100.0, 0.0]])  # one outlier in length, of the first kind
    kinds = np.array(["x", "x", "y", "x"])
    assert difference_map.nearest_kind(np.array([[0.5, 0.6]]), long, kinds).tolist() == ["y"]


def test_measure_tells_wordings_apart_and_leaves_texts_out_of_the_baseline():
    words = np.repeat(np.eye(6)[:2] * [[-1.0], [1.0]], 40, axis=0)[:, ::-1]
    found = difference_map.measure(Differences(FAR, words, TWO), 10)
    assert list(found) == ["neighbours", "silhouette", "text", "wording"] and found["wording"].nunique() == 2
    assert list(difference_map.measure(Differences(FAR, None, TWO), 10)) == ["neighbours", "silhouette"]


def test_never_more_neighbours_than_half_a_kind():
    assert [Sample("c", each).neighbours for each in (100, 20, 10, 4)] == [10, 10, 5, 2]


@pytest.fixture
def experiment(monkeypatch):
    """`compare` on toy pairs: a table is its seed and sample, encoded as toy pairs of some kinds."""
    pairs = {seed: toy.toy(240, seed) for seed in (0, 1, 9)}
    monkeypatch.setattr(difference_map.pairs, "build", lambda scene, sizes, seed: seed)
    monkeypatch.setattr(difference_map, "draw", lambda scene, sample, seed: {"kind": pairs[9].kinds.numpy()})
    monkeypatch.setattr(difference_map, "encode", lambda scene, table: pairs[9 if isinstance(table, dict) else table])
    return pairs


SAMPLES = {"toy": Sample("c", 12)}


def test_words_lead_to_their_differences_once_trained_and_shuffled_words_do_not(experiment):
    arms = {"words": toy.QUICK}
    found = difference_map.compare("rain", arms, [0, 1], 240, SAMPLES)["words"]
    assert min(each.scores["text"].mean() for each in found.values()) > 0.6
    for seed in (0, 1):  # the same pairs, each with another's words
        learnt = experiment[seed]
        order = torch.randperm(len(learnt), generator=torch.Generator().manual_seed(3))
        experiment[seed] = difference_map.Pairs(*vars(learnt).values())
        object.__setattr__(experiment[seed], "text", learnt.text[order])
    shuffled = difference_map.compare("rain", arms, [0, 1], 240, SAMPLES)["words"]
    assert max(each.scores["text"].mean() for each in shuffled.values()) < 0.3


def test_what_is_in_the_log_is_not_trained_again(experiment, tmp_path, monkeypatch):
    monkeypatch.setattr(run_log, "LOGS", tmp_path)
    monkeypatch.setattr(run_log, "_WRITTEN", {})
    arms = {"words": toy.QUICK}
    with monkeypatch.context() as patch:
        patch.setenv(run_log.RECORD, "1")
        first = difference_map.compare("rain", arms, [0], 240, SAMPLES, log="t")
    monkeypatch.setattr(difference_runs, "fit", lambda *args, **named: pytest.fail("trained again"))
    again = difference_map.compare("rain", arms, [0], 240, SAMPLES, log="t")
    np.testing.assert_allclose(again["words"][0].scores, first["words"][0].scores, atol=1e-6)
    with pytest.raises(pytest.fail.Exception, match="trained again"):
        difference_map.compare("rain", arms, [0], 241, SAMPLES, log="t")


def test_a_scene_that_nobody_knows_here_is_told_before_anything_is_made():
    with pytest.raises(difference_runs.AbsentScene, match="expected a scene among rain, traffic.*got 'sea'"):
        difference_map.compare("sea", {"words": toy.QUICK}, [0], 8, {"two": Sample("c", 2, ("thunder",))})
