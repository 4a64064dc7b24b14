"""Notebook 10's run log is what its arms come to; its claims fall when captions are shuffled or differences planted."""

from dataclasses import replace

import jupytext
import numpy as np
import pandas as pd
import pytest

from lib import data, profiles, retrieval, run_log
from lib.show import bundle
from lib.show.claims import CLAIM, judge
from lib.workbook import SOURCES

NAME, SPLITS = "10_what_narrowed_the_gap", ("test", "shifted")
LAPTOP = profiles.PROFILES["laptop"]


def cells(*tags):
    """The code cells with one of these tags; without tags, all that no reader fills in."""
    for cell in jupytext.read(SOURCES / f"{NAME}.py", fmt="py:percent").cells:
        own = set(cell.metadata.get("tags", []))
        if cell.cell_type == "code" and (own & set(tags) if tags else not own & {"setup", "exercise", "check"}):
            yield cell.source


@pytest.fixture(scope="module")
def recipes():
    """What the notebook's cells tagged `recipes` define at profile laptop."""
    names = {"profile": LAPTOP, "train": retrieval.train, "Recipe": retrieval.Recipe, "replace": replace}
    for source in cells("recipes"):
        exec(compile(source, "recipes", "exec"), names)
    return names


@pytest.fixture(scope="module")
def corpus():
    """Seed 0, as the notebook encodes it."""
    clean = data.load("soundscapes", profile=LAPTOP, seed=0)
    noisy = data.load_noisy("soundscapes", profile=LAPTOP, seed=0)
    table = pd.concat([clean, noisy], ignore_index=True)
    return retrieval.encode(table, splits=["train", "noisy", "validation", *SPLITS])


@pytest.fixture(scope="module")
def log():
    return run_log.read("10")


def test_every_arm_of_every_seed_stands_in_the_log(recipes, corpus, log):
    arms = {**recipes["LADDER"], **recipes["CONTROLS"]}
    assert len(log) == len(arms) * len(LAPTOP.seeds)
    assert all(run_log.key(corpus, stages, 0, SPLITS) in log for stages in arms.values())


@pytest.mark.timeout(900)
def test_an_arm_trained_again_comes_to_what_the_log_says(recipes, corpus, log, tmp_path, monkeypatch):
    """The third bar whole, then one epoch of the fourth, in which the text encoder learns."""
    adapters_only, text_learns = recipes["adapters_only"], recipes["text_learns"]
    logged = log[run_log.key(corpus, [adapters_only], 0, SPLITS)]
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))  # trained now, not read
    base = retrieval.fit(corpus, adapters_only, seed=0)
    again = retrieval.scores(base.model, corpus.splits["test"])["AP@10"]
    assert again.mean() == pytest.approx(logged.scores["AP@10"].mean(), abs=0.005)
    tuned = log[run_log.key(corpus, [adapters_only, text_learns], 0, SPLITS)].history
    expected = tuned[tuned["stage"] == 1].iloc[0]
    one = replace(text_learns, training=replace(text_learns.training, max_epochs=1))
    first = retrieval.fit(corpus, one, seed=0, start=base).history.iloc[0]
    assert first["loss"] == pytest.approx(expected["loss"], rel=0.05)
    assert first["score"] == pytest.approx(expected["score"], abs=0.02)


def claims(emitted):
    return {c[CLAIM]["key"]: c[CLAIM] for c in emitted if CLAIM in c}


def test_the_notebooks_claims_fall_when_captions_are_shuffled(monkeypatch):
    """Its very cells at smoke. Encoders that learn would take a minute there, and learn nothing: they stay frozen."""
    shown, names = [], {"PROFILE": "smoke", "DATA": "soundscapes!shuffled", "SEED": 0}
    monkeypatch.setattr(bundle, "emit", lambda content, metadata=None: shown.append(content))
    for source in cells():
        exec(compile(source.replace('tune=("text",)', "tune=()"), NAME, "exec"), names)
        if "both_learn" in names:
            names["LADDER"]["both encoders fine-tuned"] = names["LADDER"]["noisy pretraining"]
    verdicts = {key: c["verdict"] for key, c in claims(shown).items()}
    assert {"W5", "W6", "W7", "W8", "W9"} <= set(verdicts)
    assert not [key for key, verdict in verdicts.items() if verdict == "replicates"], verdicts


@pytest.mark.parametrize("arm", ["text encoder fine-tuned", "both encoders fine-tuned"])
def test_a_planted_difference_is_found(recipes, log, arm):
    """The positive control: hide the answers of one query in 25, and the same test sees it, on the log's own scores."""
    rng, name = np.random.default_rng(0), LAPTOP.seeds
    scores = [o.scores["AP@10"].to_numpy() for o in _outcomes(log, arm)]
    harmed = [s * (rng.random(len(s)) > 1 / 25) for s in scores]
    clusters = [np.arange(len(s)) // 5 for s in scores]
    result = judge("10.planted", "a planted difference", scores, harmed, clusters=clusters, margin=0.01)
    assert result.verdict == "replicates" and len(scores) == len(name), result


def _outcomes(log, arm):
    """Those of one arm, seed by seed."""
    return [outcome for outcome in log.values() if outcome.arm == arm]
