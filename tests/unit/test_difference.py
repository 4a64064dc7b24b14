"""Audio differences: the losses by loops, galleries and ways to ask, and a model that has to read the words."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from lib import difference, difference_runs, losses, metrics, run_log, train
from lib.data import pairs as made
from lib.difference import Pairs
from lib.difference_runs import Recipe

QUICK = Recipe(dim=32, dropout=0.0, temperature=0.1, batch_size=32,
               training=train.Settings(learning_rate=3e-3, max_epochs=25, stop_after=25))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))


def toy(n=300, seed=0, kinds=8):
    """Before and after share a background; the words name the kind that is added to (or taken from) it."""
    g = torch.Generator().manual_seed(seed)
    shown = torch.Generator().manual_seed(77)
    sounds, names = torch.randn(kinds, 24, generator=shown), torch.randn(2 * kinds, 12, generator=shown)
    bed = torch.randn(n // 4, 24, generator=g)[torch.randint(n // 4, (n,), generator=g)]
    kind, away = torch.randint(kinds, (n,), generator=g), torch.rand(n, generator=g) < 0.5
    with_it, without = bed + 1.5 * sounds[kind], bed
    both = torch.stack([without, with_it])[:, :, None] + 0.1 * torch.randn(2, n, 1, 24, generator=g)
    there, gone = torch.eye(kinds)[kind], away[:, None, None]
    before, after = torch.where(gone, both[1], both[0]), torch.where(gone, both[0], both[1])
    labels = [there * away[:, None], there * ~away[:, None]]
    return Pairs(before, after, names[kind + kinds * away][:, None], *labels, kind + kinds * away)


def model_of(pairs, recipe=QUICK, seed=0):
    return difference_runs.untrained(pairs, recipe, torch.Generator().manual_seed(seed)).eval()


def reciprocal(model, pairs, **named):
    return metrics.score(difference.similarity(model, pairs, **named), np.arange(len(pairs)))["AP@10"].mean()


def test_the_query_is_the_sum_and_the_baselines_is_the_sound_alone():
    pairs = toy(12)
    for words in (True, False):
        model = model_of(pairs, replace(QUICK, words=words))
        query, target, _, _ = model(pairs)
        expected = model.hear(pairs.before) + (model.read(pairs.text) if words else 0)
        torch.testing.assert_close(query, expected)
        torch.testing.assert_close(target, model.hear(pairs.after))
        torch.testing.assert_close(model.query(pairs.before, pairs.text), query)


@pytest.mark.parametrize("temperature, rho", [(1.0, 0.0), (1.0, 1.0), (0.07, 0.5)])
def test_the_loss_is_that_of_equations_4_to_6(temperature, rho):
    """Loops in double precision, divided by the batch where the paper sums."""
    pairs, n = toy(9), 9
    model = model_of(pairs).double()
    pairs = Pairs(*(value.double() if value.is_floating_point() else value for value in vars(pairs).values()))
    query, target, v, w = (value.detach() for value in model(pairs))
    z = [[float(torch.cosine_similarity(query[k], target[m], dim=0)) / temperature for m in range(n)] for k in range(n)]
    total = 0.0
    for i in range(n):
        total -= 0.5 * math.log(math.exp(z[i][i]) / sum(math.exp(z[i][j]) for j in range(n)))
        total -= 0.5 * math.log(math.exp(z[i][i]) / sum(math.exp(z[j][i]) for j in range(n)))
    crossed = 0.0
    for said, true in ((v, pairs.before_labels), (w, pairs.after_labels)):
        p = torch.sigmoid(said)
        crossed -= float((true * p.log() + (1 - true) * (1 - p).log()).mean(1).sum())
    found = difference.loss(model, pairs, temperature=temperature, classify=rho).detach()
    assert float(found) == pytest.approx((total + rho * crossed) / n, rel=1e-9)


def test_the_fixed_temperature_has_a_floor():
    """No embeddings of a batch of B get below log(1 + (B - 1) e^(-B / (B - 1))): all negatives cannot point away."""
    n = 16
    simplex = torch.eye(n) - 1 / n
    z = torch.nn.functional.normalize(simplex, dim=1)
    floor = math.log(1 + (n - 1) * math.exp(-n / (n - 1)))
    assert float(losses.nt_xent(z, z, temperature=1.0)) == pytest.approx(floor, rel=1e-5)
    assert floor == pytest.approx(1.818, abs=1e-3)
    for seed in range(3):
        x, y = torch.randn(2, n, 8, generator=torch.Generator().manual_seed(seed))
        assert float(losses.nt_xent(x, y, temperature=1.0)) > floor


def test_galleries():
    pairs = toy(20)
    model = model_of(pairs)
    targets, others, everything = (difference.similarity(model, pairs, gallery=g) for g in ("targets", "others", "all"))
    assert targets.shape == (20, 20) and others.shape == everything.shape == (20, 40)
    np.testing.assert_allclose(targets, everything[:, :20], atol=1e-6)
    own = np.eye(20, dtype=bool)
    assert (others[:, 20:][own] == -2).all()
    np.testing.assert_allclose(others[:, 20:][~own], everything[:, 20:][~own])
    alone = difference.similarity(model, pairs, gallery="all", asked="sound")
    assert (alone.argmax(1) == 20 + np.arange(20)).all()  # the query itself is the nearest sound
    for wrong in ({"gallery": "none"}, {"asked": "politely"}):
        with pytest.raises(ValueError, match="expected a gallery among targets, others, all, alike"):
            difference.similarity(model, pairs, **wrong)


def test_among_clips_alike_there_are_the_target_and_seven_of_its_kind():
    pairs = toy(100, kinds=4)
    model = model_of(pairs)
    targets, alike = (difference.similarity(model, pairs, gallery=g) for g in ("targets", "alike"))
    there = alike > -2
    np.testing.assert_allclose(alike[there], targets[there])
    own, same = np.eye(100, dtype=bool), (pairs.kinds[:, None] == pairs.kinds[None, :]).numpy()
    assert there[own].all() and not there[~same].any()
    assert there.sum(1).tolist() == np.minimum(same.sum(1), difference.ALIKE).tolist()
    assert metrics.score(alike, np.arange(100))["R@10"].mean() == 1.0


def test_the_first_ones_are_found_round_about():
    wanted = torch.tensor([[1, 1, 0, 1], [1, 1, 0, 1], [0, 0, 1, 0], [1, 1, 0, 1]]).bool()
    found = difference.first_of(wanted, 2).int().tolist()
    assert found == [[1, 1, 0, 0], [0, 1, 0, 1], [0, 0, 1, 0], [1, 0, 0, 1]]


def test_the_next_one_is_found_round_about():
    wanted = torch.tensor([[1, 0, 1, 0], [1, 1, 0, 0], [0, 0, 1, 0], [1, 1, 1, 1]]).bool()
    assert difference.next_of(wanted).tolist() == [2, 0, 2, 0]  # the third row wants itself alone, and gets it


def test_other_words_and_other_differences_are_those_of_the_right_pairs():
    pairs = toy(40)
    model = model_of(pairs)
    same = pairs.kinds[:, None] == pairs.kinds[None, :]
    other, alike = difference.next_of(~same), difference.next_of(same)
    assert (pairs.kinds[other] != pairs.kinds).all() and (pairs.kinds[alike] == pairs.kinds).all()
    assert (alike != torch.arange(40)).float().mean() > 0.5
    with torch.no_grad():
        a, b = model.hear(pairs.before), model.hear(pairs.after)
        carried = (b - a)[alike] * (alike != torch.arange(40))[:, None]
        queries = {"wrong words": a + model.read(pairs.text[other]), "difference": a + carried}
        for asked, query in queries.items():
            expected = torch.cosine_similarity(query[:, None], b[None], dim=2)
            found = difference.similarity(model, pairs, asked=asked)
            np.testing.assert_allclose(found, expected, atol=1e-5)


def test_where_no_other_pair_is_of_that_kind_no_difference_is_carried():
    """Its own difference in place of words would find every target."""
    pairs = toy(40)
    alone = replace(pairs, kinds=torch.arange(40))
    model = model_of(pairs)
    found, sound = (difference.similarity(model, alone, asked=asked) for asked in ("difference", "sound"))
    np.testing.assert_allclose(found, sound, atol=1e-6)
    assert metrics.score(found, np.arange(40))["R@1"].mean() < 0.9


def test_siblings_share_both_background_recordings():
    table = pd.DataFrame({"beds": [(1, 2), (1, 2), (1, 3), (1, 2)]})
    assert difference.siblings(table).tolist() == [2, 2, 0, 2]
    assert difference.siblings(table, "others").tolist() == [4, 4, 0, 4]


def test_it_learns_to_read_and_shuffled_words_fall_to_the_baseline():
    develop, evaluate = toy(600), toy(120, seed=1)
    shuffled = develop.text[torch.randperm(600, generator=torch.Generator().manual_seed(3))]
    models = {name: difference_runs.fit(data, recipe, seed=0)[0] for name, data, recipe in (
        ("words", develop, QUICK), ("baseline", develop, replace(QUICK, words=False, classify=0.0)),
        ("shuffled", replace(develop, text=shuffled), QUICK))}
    score = {name: reciprocal(model, evaluate) for name, model in models.items()}
    assert score["words"] > score["baseline"] + 0.2
    assert score["shuffled"] < score["baseline"] + 0.1
    swapped = replace(evaluate, before=evaluate.after, after=evaluate.before)
    assert reciprocal(models["words"], swapped) < score["words"] - 0.2  # "add" is not "remove"
    assert reciprocal(models["words"], evaluate, asked="wrong words") < score["words"] - 0.2


def test_it_is_trained_once(capsys):
    pairs = toy(80)
    few = replace(QUICK, training=replace(QUICK.training, max_epochs=2))
    first, _ = difference_runs.fit(pairs, few, seed=0, progress=True)
    again, _ = difference_runs.fit(pairs, few, seed=0, progress=True)
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines() if "trained" in line] == ["now", "cache"]
    for a, b in zip(first.parameters(), again.parameters()):
        assert torch.equal(a, b)
    other = replace(pairs, text=pairs.text.flip(0))
    assert other.key != pairs.key


BRIEF = replace(QUICK, training=replace(QUICK.training, max_epochs=2))
ARMS = {"words": BRIEF, "baseline": replace(BRIEF, words=False, classify=0.0)}
SIZES = {"develop": 40, "evaluate": 12}
TESTS = {"one": (made.Settings(two=0.0),), "far": (made.Settings(two=0.0), made.Settings(operations="ab", two=0.0))}


@pytest.fixture
def logs(tmp_path, monkeypatch):
    """A folder of logs, toys in place of sounds; counts what is encoded."""
    encoded = []

    def encode(table, *_):
        encoded.append(table)
        return toy(len(table), seed=len(table))

    monkeypatch.setattr(difference_runs, "encode", encode)
    monkeypatch.setattr(run_log, "LOGS", tmp_path / "logs")
    return encoded


def compared(tests=TESTS, log=None, scene="rain"):
    return difference_runs.compare([scene], ARMS, [0, 1], SIZES, tests, log=log)


def test_arms_are_scored_by_test_and_view(logs):
    found = compared()
    assert set(found) == {("rain", "words"), ("rain", "baseline")} and set(found["rain", "words"]) == {0, 1}
    splits = found["rain", "words"][0].splits
    assert set(splits) == {f"one {view}" for view in difference_runs.VIEWS["one"]} | {"far targets", "far alike"}
    assert len(splits["one targets"]) == 12 and len(splits["far targets"]) == 24  # of two settings, in one gallery
    without = set(found["rain", "baseline"][0].splits)
    assert set(splits) - without == {"one words", "one wrong words"}  # the baseline reads none


def test_what_stands_in_the_log_is_replayed_and_nothing_else(logs, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv(run_log.RECORD, "1")
        first = compared(log="toy")
    made_then = len(logs)
    again = compared(log="toy")
    assert len(logs) == made_then > 0
    for key, outcomes in first.items():
        for seed, outcome in outcomes.items():
            for split, scores in outcome.splits.items():
                np.testing.assert_allclose(again[key][seed].splits[split], scores, atol=1e-6)
    compared({"one": (made.Settings(two=0.5),)}, log="toy")
    assert len(logs) > made_then  # other settings are other pairs


def test_a_scene_that_is_absent_is_replayed_or_told(logs, monkeypatch):
    scene = "sea-0123abcd"
    with pytest.raises(difference_runs.AbsentScene, match="expected a scene among rain, traffic.* got sea-0123abcd"):
        compared(scene=scene, log="toy")
    with monkeypatch.context() as patch:
        patch.setenv(run_log.RECORD, "1")
        patch.setitem(made.SCENES, scene, replace(made.SCENES["rain"], name=scene))
        first = compared(scene=scene, log="toy")
    again = compared(scene=scene, log="toy")
    np.testing.assert_allclose(again[scene, "words"][0].scores, first[scene, "words"][0].scores, atol=1e-6)
