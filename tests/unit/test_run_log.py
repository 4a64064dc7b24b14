"""Run logs: what is replayed is what was trained; what has changed is trained; recording trains all and writes."""

import json
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

from lib import retrieval, run_log
from tests.unit import toy_corpus as toy
from tests.unit.toy_corpus import RECIPE, SETTINGS

ARMS = {"one": RECIPE, "two": [RECIPE, replace(RECIPE, training=replace(SETTINGS, max_epochs=1))]}
SIZES = (16, 6, 8)


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(run_log, "LOGS", tmp_path / "logs")
    monkeypatch.delenv(run_log.RECORD, raising=False)
    return tmp_path


@pytest.fixture
def record(monkeypatch):
    def compare(corpora, arms=ARMS, **named):
        with monkeypatch.context() as patch:
            patch.setenv(run_log.RECORD, "1")
            return retrieval.compare(corpora, arms, log="toy", **named)

    return compare


@pytest.fixture
def elsewhere(own_folders, monkeypatch):
    """Another machine: the log is there, nothing that was trained is."""

    def leave():
        monkeypatch.setenv("HEARSAY_CACHE", str(own_folders / "elsewhere"))

    return leave


def corpora(n=2):
    return {seed: toy.corpus(SIZES, seed=seed) for seed in range(n)}


def outcome(arm, seed, n=5, splits=("test", "shifted")):
    rng, columns = np.random.default_rng(seed), ["AP@10", "R@1", "R@5", "R@10"]
    scores = {split: pd.DataFrame(rng.random((n + k, 4)), columns=columns) for k, split in enumerate(splits)}
    history = pd.DataFrame({"epoch": [0, 1, 0], "loss": rng.random(3), "stage": [0, 0, 1]})
    return run_log.Outcome(arm, seed, scores, history, ("early", "max_epochs"))


def assert_same(a, b):
    """Up to the log's single precision."""
    assert (a.arm, a.seed, list(a.splits), a.stopped) == (b.arm, b.seed, list(b.splits), b.stopped)
    for split in a.splits:
        pd.testing.assert_frame_equal(a.splits[split], b.splits[split], rtol=1e-6, atol=1e-7)
    pd.testing.assert_frame_equal(a.history, b.history)


def test_what_is_written_is_read(own_folders):
    given = {"k1": outcome("one", 0), "k2": outcome("two", 3, 2, ("test",))}
    path = run_log.write("toy", given)
    assert path == own_folders / "logs" / "toy.npz"
    found = run_log.read("toy")
    assert found.keys() == given.keys()
    for key, expected in given.items():
        assert_same(found[key], expected)
    with np.load(path, allow_pickle=False) as stored:
        index = json.loads(str(stored["index"]))
    assert index["runs"]["k2"]["arm"] == "two" and index["runs"]["k2"]["seed"] == 3 and index["made"]["torch"]


def test_no_log_is_an_empty_one():
    assert run_log.read("never") == {} and not run_log.recording()


def test_recorded_arms_are_replayed_and_not_trained(record, elsewhere, capsys):
    recorded = record(corpora())
    assert "trained: 4 now, 2 from cache; 0 arms replayed" in capsys.readouterr().out
    elsewhere()
    replayed = retrieval.compare(corpora(), ARMS, log="toy")
    assert "trained: 0 now, 0 from cache; 4 arms replayed from the log" in capsys.readouterr().out
    for name in ARMS:
        assert replayed[name].keys() == recorded[name].keys()
        for seed in recorded[name]:
            assert_same(replayed[name][seed], recorded[name][seed])
    fresh = retrieval.compare(corpora(), ARMS)["two"][1]
    assert "replayed" not in capsys.readouterr().out
    took = replayed["two"][1].history["seconds"]
    assert_same(replayed["two"][1], replace(fresh, history=fresh.history.assign(seconds=took)))


@pytest.mark.parametrize("change", ["recipe", "settings", "stage", "seed", "corpus", "splits"])
def test_what_has_changed_is_trained(record, change, capsys):
    record(corpora(1), {"one": RECIPE})
    arms, data, named = {"one": RECIPE}, corpora(1), {}
    if change == "recipe":
        arms = {"one": replace(RECIPE, options={"temperature": 0.1})}
    elif change == "settings":
        arms = {"one": replace(RECIPE, training=replace(SETTINGS, learning_rate=1e-3))}
    elif change == "stage":
        arms = {"one": [RECIPE, RECIPE]}
    elif change == "seed":
        data = {1: data[0]}
    elif change == "corpus":
        data = {0: toy.corpus((*SIZES[:2], SIZES[2] + 1))}
    else:
        named = {"splits": ("validation",)}
    capsys.readouterr()
    retrieval.compare(data, arms, log="toy", **named)
    assert "; 0 arms replayed" in capsys.readouterr().out


def test_only_what_is_missing_is_trained(record, capsys):
    record(corpora(1), {"one": RECIPE})
    capsys.readouterr()
    found = retrieval.compare(corpora(), ARMS, log="toy")
    assert "; 1 arms replayed from the log" in capsys.readouterr().out
    assert list(found) == ["one", "two"] and list(found["one"]) == list(found["two"]) == [0, 1]


def test_without_recording_nothing_is_written(own_folders):
    retrieval.compare(corpora(1), {"one": RECIPE}, log="toy")
    assert not (own_folders / "logs").exists()


def test_recording_reads_no_log_and_writes_all(record, own_folders, capsys):
    record(corpora(1), {"one": RECIPE})
    capsys.readouterr()
    record(corpora(1), ARMS)
    assert "; 0 arms replayed" in capsys.readouterr().out
    assert len(run_log.read("toy")) == 2


def test_an_arm_is_known_by_what_was_encoded_not_by_how_it_came_out():
    """Other machines round otherwise; other weights, clips or captions are another matter."""
    (corpus,) = corpora(1).values()
    key = run_log.key(corpus, [RECIPE], 0, ("test",))
    split = corpus.splits["test"]
    rounded = replace(corpus, key="other", splits=corpus.splits | {"test": replace(split, audio=split.audio + 1e-3)})
    assert run_log.key(rounded, [RECIPE], 0, ("test",)) == key
    assert run_log.key(toy.corpus(SIZES), [replace(RECIPE)], 0, ["test"]) == key
    others = [corpus.first(8), toy.corpus(SIZES, seed=1), toy.corpus(SIZES, pool=None)]
    assert len({key, *(run_log.key(other, [RECIPE], 0, ("test",)) for other in others)}) == 4


# What an arm leaves unsaid is not in its key (a new field must not void old logs), so these may not change in silence.
RECIPE_UNSAID = {
    "loss": "nt_xent", "options": {}, "batch_size": 64, "captions_per_clip": 1, "dim": 256, "hidden": 512,
    "adapter": "MLPAdapter", "adapter_options": {}, "on": ("train",), "tune": (),
}  # fmt: skip
TRAINING_UNSAID = {
    "learning_rate": 1e-3, "encoder_scale": 1.0, "schedule": "cosine", "max_epochs": 15, "warmup_epochs": 1.0,
    "patience": 5, "factor": 0.1, "stop_after": 10, "precision": "fp32",
}  # fmt: skip


def test_the_defaults_that_logs_rely_on_are_what_they_were():
    """Where one moves: give the old value by name in the arms that stand in a log, or record them again."""
    recipe = asdict(retrieval.Recipe())
    assert {name: recipe[name] for name in RECIPE_UNSAID} == RECIPE_UNSAID
    assert {name: recipe["training"][name] for name in TRAINING_UNSAID} == TRAINING_UNSAID


def test_a_log_written_in_two_cells_holds_both(own_folders):
    run_log.write("toy", {"a": outcome("one", 0)})
    run_log.write("toy", {"b": outcome("two", 0)})
    assert set(run_log.read("toy")) == {"a", "b"}


def test_settings_within_settings_are_part_of_the_key():
    corpus = toy.corpus(SIZES)
    soft = replace(RECIPE, loss="soft_targets", teachers=((RECIPE,),))
    other = replace(soft, teachers=((replace(RECIPE, dim=4),),))
    assert len({run_log.key(corpus, (each,), 0, ["test"]) for each in (RECIPE, soft, other)}) == 3
    assert run_log.key(corpus, (soft,), 0, ["test"]) == run_log.key(corpus, (replace(soft),), 0, ["test"])
