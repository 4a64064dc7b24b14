"""Graded relevance is the share of stated facts that hold, and the oracle that ranks by it frames every plot."""

from dataclasses import replace

import numpy as np
import pytest

from lib import data, metrics, profiles
from lib.data import grading, grammar, soundscapes


def test_relevance_is_the_share_of_stated_facts_that_hold():
    """Against the definition, written as a loop."""
    scenes = soundscapes.scenes(100, "test", 40)
    stated = [caption for scene in scenes for caption in grammar.captions(scene)]
    loop = [[len(c.facts & grading.facts(s)) / len(c.facts) for s in scenes] for c in stated]
    np.testing.assert_allclose(grading.relevance(stated, scenes), loop, atol=1e-6)


def test_a_captions_own_clip_is_fully_relevant():
    scenes = soundscapes.scenes(101, "test", 300)
    similarity, paired = grading.oracle(scenes)
    np.testing.assert_allclose(similarity[np.arange(len(paired)), paired], 1.0)
    assert similarity.max() <= 1 + 1e-6 and similarity.min() >= 0


@pytest.mark.parametrize("seed", [100, 101, 102])
def test_the_oracle_shows_that_the_task_can_be_done(seed):
    similarity, paired = grading.oracle(soundscapes.scenes(seed, "test", 1000))
    assert metrics.average_precision(similarity, paired).mean() >= 0.75


def test_the_oracle_is_at_chance_on_shuffled_captions():
    similarity, paired = grading.oracle(soundscapes.scenes(100, "test", 1000))
    shuffled = np.random.default_rng(0).permutation(1000)[paired]
    assert metrics.average_precision(similarity, shuffled).mean() < 3 * metrics.chance(1000)


def test_a_scene_changed_behind_the_caption_is_less_relevant():
    scene = soundscapes.scenes(100, "test", 1)[0]
    caption = grammar.captions(scene)[0]
    gone = replace(scene, events=scene.events[:0], relations=(), background=None)
    assert grading.relevance([caption], [scene, gone])[0].tolist() == [1.0, 0.0]
    with pytest.raises(ValueError, match="at least one fact"):
        grading.relevance([grammar.Caption("nothing", frozenset())], [scene])


def test_the_table_is_graded_in_the_order_of_its_queries():
    clips = data.load("soundscapes", profile=profiles.get("smoke"), seed=100)
    rows = data.caption_rows(clips, "test")
    graded = data.graded(clips, "test")
    assert graded.shape == (len(rows), (clips.split == "test").sum())
    np.testing.assert_allclose(graded[np.arange(len(rows)), rows["clip"]], 1.0)


def test_permuted_captions_are_graded_as_what_they_say():
    clips = data.load("soundscapes!shuffled", profile=profiles.get("smoke"), seed=100)
    rows = data.caption_rows(clips, "test")
    own = data.graded(clips, "test")[np.arange(len(rows)), rows["clip"]]
    assert own.mean() < 0.5


def test_the_oracle_reads_the_caption_and_knows_the_rest():
    clips = data.load("soundscapes", profile=profiles.PROFILES["smoke"])
    rows, truth = data.caption_rows(clips, "test"), data.graded(clips, "test")
    answers = rows["clip"].to_numpy()
    own = truth[np.arange(len(rows)), answers][:, None]
    ahead, level = (truth > own).sum(axis=1), (truth == own).sum(axis=1)
    ranks = [range(a + 1, a + n + 1) for a, n in zip(ahead, level)]  # equally likely, all of them
    expected = [np.mean([1 / rank if rank <= 10 else 0 for rank in each]) for each in ranks]
    assert data.oracle(clips) == pytest.approx(np.mean(expected), abs=1e-9)
    assert data.oracle(clips.assign(source="folder")) is None
