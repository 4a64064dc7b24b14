"""Notebook 10's run log is what its arms come to; its claims fall when captions are shuffled or differences planted."""

from dataclasses import replace
from types import SimpleNamespace

import jupytext
import numpy as np
import pandas as pd
import pytest

from lib import corpus as corpora
from lib import data, encoders, profiles, retrieval, run_log
from lib.show import bundle
from lib.show.claims import CLAIM, judge
from lib.workbook import SOURCES

NAME, SPLITS = "10_what_narrowed_the_gap", ("test", "shifted")
LAPTOP = profiles.PROFILES["laptop"]


def cells(*tags):
    """The code cells with one of these tags; without tags, all that no reader fills in."""
    for cell in jupytext.read(SOURCES / f"{NAME}.py", fmt="py:percent").cells:
        own, skipped = set(cell.metadata.get("tags", [])), {"setup", "parameters", "exercise", "check"}
        if cell.cell_type == "code" and (own & set(tags) if tags else not own & skipped):
            yield cell.source


@pytest.fixture(scope="module")
def recipes():
    """What the notebook's cells tagged `recipes` define at profile laptop."""
    names = {"profile": LAPTOP, "train": retrieval.train, "Recipe": retrieval.Recipe, "replace": replace}
    for source in cells("recipes"):
        exec(compile(source, "recipes", "exec"), names)
    return names


@pytest.fixture(scope="module")
def log():
    return run_log.read("10")


def table(seed):
    """A seed's clips, as the notebook joins them."""
    clean = data.load("soundscapes", profile=LAPTOP, seed=seed)
    noisy = data.load_noisy("soundscapes", profile=LAPTOP, seed=seed)
    both = pd.concat([clean, noisy], ignore_index=True)
    return both[both["split"].isin(["train", "noisy", "validation", *SPLITS])]


def test_the_log_holds_every_arm_of_every_seed_as_the_notebook_asks_for_it(recipes, log):
    """Otherwise the notebook would train for hours where it should replay."""
    arms = {**recipes["LADDER"], **recipes["CONTROLS"]}
    known = dict(audio=encoders.audio(), text=encoders.text(), pool="mean", text_pool="mean")
    for seed in LAPTOP.seeds:
        corpus = SimpleNamespace(notes=corpora.describe(table(seed), **known))
        found = {log[run_log.key(corpus, stages, seed, SPLITS)].arm for stages in arms.values()}
        assert found == set(arms)
    assert len(log) == len(arms) * len(LAPTOP.seeds)


@pytest.mark.timeout(900)
def test_an_arm_trained_again_runs_as_the_log_says(recipes, log):
    """Seed 0: every epoch of the third bar, then one epoch of the fourth, in which the text encoder learns."""
    clips = table(0)
    corpus = retrieval.encode(clips, splits=["train", "validation"])
    (logged,) = (o for o in log.values() if (o.arm, o.seed) == ("text encoder fine-tuned", 0))
    base = retrieval.fit(corpus, recipes["adapters_only"], seed=0)
    frozen, learns = (logged.history[logged.history["stage"] == stage] for stage in (0, 1))
    early = min(len(frozen), len(base.history), 20)  # from there on another machine's rounding moves rates and stops
    for column, near in (("loss", 0.01), ("score", 0.02)):
        ours, theirs = (each[column].to_numpy()[:early] for each in (base.history, frozen))
        np.testing.assert_allclose(ours, theirs, atol=near)
    assert base.history["score"].max() == pytest.approx(frozen["score"].max(), abs=0.02)
    one = replace(recipes["text_learns"], training=replace(recipes["TUNING"], max_epochs=1))
    first = retrieval.fit(corpus, one, seed=0, start=base).history.iloc[0]
    assert first["loss"] == pytest.approx(learns["loss"].iloc[0], rel=0.25)  # the stage before ended elsewhere
    assert first["score"] == pytest.approx(learns["score"].iloc[0], abs=0.02)


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
    standing = {key for key, verdict in verdicts.items() if verdict == "replicates"}
    assert len(standing) <= 1, verdicts  # one in 40 stands by chance, and there are fourteen
    assert not standing & {"W5", "W6", "W7", "W8", "W9", "10.ladder"}


@pytest.mark.parametrize("arm", ["text encoder fine-tuned", "both encoders fine-tuned"])
def test_a_planted_difference_is_found(log, arm):
    """The positive control: hide the answers of one query in 25, and the same test sees it, on the log's own scores."""
    rng = np.random.default_rng(0)
    scores = [outcome.scores["AP@10"].to_numpy() for outcome in log.values() if outcome.arm == arm]
    harmed = [s * (rng.random(len(s)) > 1 / 25) for s in scores]
    clusters = [np.arange(len(s)) // 5 for s in scores]
    result = judge("10.planted", "a planted difference", scores, harmed, clusters=clusters, margin=0.01)
    assert result.verdict == "replicates" and len(scores) == len(LAPTOP.seeds), result
