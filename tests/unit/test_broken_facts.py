"""Which stated facts a clip breaks: against the definition, and against relevance, which counts the same facts."""

import numpy as np
import pytest

from lib import data, profiles
from lib.data import broken_facts, grading
from lib.data.sources import FAULTS


@pytest.fixture(scope="module")
def clips():
    table = data.load("soundscapes", profile=profiles.PROFILES["smoke"], seed=100)
    return table[table["split"] == "test"].head(30).reset_index(drop=True)


def test_every_kind_against_the_definition_written_as_a_loop(clips):
    known = broken_facts.read(clips, "test")
    true = [grading.facts(scene) for scene in known.scenes]
    for kind, names in broken_facts.KINDS.items():
        said = [{fact for fact in caption.facts if fact[0] in names} for caption in known.captions]
        assert known.stated[kind].tolist() == [bool(own) for own in said]
        assert known.broken[kind].tolist() == [[not own <= there for there in true] for own in said]


def test_a_clip_breaks_no_fact_where_it_is_fully_relevant_and_only_there(clips):
    known = broken_facts.read(clips, "test")
    np.testing.assert_array_equal(known.any_broken(), data.graded(clips, "test") < 1)
    assert not known.any_broken(["event"])[np.arange(150), np.arange(150) // 5].any()


def test_captions_that_moved_are_read_as_what_they_say(clips):
    moved = FAULTS["shuffled"][0](clips, 0)
    known = broken_facts.read(moved, "test")
    assert known.broken["event"][np.arange(150), np.arange(150) // 5].mean() > 0.5
    np.testing.assert_array_equal(known.any_broken(), data.graded(moved, "test") < 1)


def test_a_caption_that_the_grammar_did_not_write_is_refused(clips):
    foreign = clips.assign(captions=[["a dog barks"]] * len(clips))
    with pytest.raises(ValueError, match="written by the grammar"):
        broken_facts.read(foreign, "test")
