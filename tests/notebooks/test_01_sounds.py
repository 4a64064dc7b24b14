"""Notebook 01: what it teaches equals what `lib` does, and its claims fail when the thing they rest on is broken."""

import ast
from pathlib import Path

import jupytext
import numpy as np
import pytest

from lib import audio, data, metrics, profiles
from lib.data import grading, grammar, soundscapes, text_statistics
from lib.show.claims import judge

SOURCE = Path(__file__).resolve().parents[2] / "notebooks/source/01_sounds_and_captions.py"
SMOKE = profiles.get("smoke")


KEPT = ("SHARES", "NAMES", "kinds_of_text")


@pytest.fixture(scope="module")
def taught():
    """The notebook's imports, functions and tables in capitals, without running it."""
    names = {}
    for cell in jupytext.read(SOURCE, fmt="py:percent").cells:
        if cell.cell_type == "code" and "exercise" not in cell.metadata.get("tags", []):
            tree = ast.parse(cell.source)
            tree.body = [
                node
                for node in tree.body
                if isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef))
                or isinstance(node, (ast.Assign, ast.AugAssign))
                and ast.unparse(node).split()[0] in KEPT
            ]
            exec(compile(tree, "notebook 01", "exec"), names)
    return names


def test_the_log_mel_written_out_is_the_librarys(taught):
    settings = audio.FRONT_ENDS["small_cnn"]
    samples = np.random.default_rng(0).normal(size=7777).astype(np.float32)
    power = taught["power_spectrogram"](samples, settings.n_fft, settings.hop)
    filters = taught["mel_filters"](
        power.shape[1], settings.n_mels, settings.f_min, settings.f_max, settings.sample_rate
    )
    library = audio.LogMel(settings)
    np.testing.assert_allclose(filters, library.filters, atol=1e-6)
    decibels, _ = library(*audio.pad([samples]))
    np.testing.assert_allclose(10 * np.log10(np.maximum(power @ filters, settings.floor)), decibels[0], atol=1e-2)
    np.testing.assert_allclose(taught["hertz"](taught["mel"]([0.0, 440.0, 1000.0, 7000.0])), [0, 440, 1000, 7000])


def test_relevance_is_the_librarys(taught):
    scenes = soundscapes.scenes(0, "test", 12)
    stated = [caption for scene in scenes for caption in grammar.captions(scene)]
    ours = [[taught["relevance"](c.facts, grading.facts(s)) for s in scenes] for c in stated]
    np.testing.assert_allclose(ours, grading.relevance(stated, scenes), atol=1e-6)


def test_stratifying_shares_out_every_clip_and_every_word(taught):
    rng = np.random.default_rng(0)
    has = rng.random((500, 60)) < rng.uniform(0.01, 0.3, size=60)
    split = taught["stratify"](has, taught["SHARES"], rng)
    sizes = np.bincount(split, minlength=3) / 500
    np.testing.assert_allclose(sizes, taught["SHARES"], atol=0.05)
    luck = rng.choice(3, size=500, p=taught["SHARES"])
    strays = {
        name: taught["strays"](has, one, taught["SHARES"]).mean() for name, one in (("fair", split), ("luck", luck))
    }
    assert strays["fair"] < 0.6 * strays["luck"]


def titles(taught, name):
    """The first claim's verdict on a source."""
    corpus = data.load(name, profile=SMOKE, seed=0)
    texts = taught["kinds_of_text"]
    sides = [np.subtract(*taught["naming_scores"](corpus, texts[kind])) for kind in ("caption", "title")]
    return judge("01.title", "captions name more", *sides).verdict


def test_the_first_claim_fails_on_shuffled_captions(taught):
    assert titles(taught, "soundscapes") == "replicates"
    assert titles(taught, "soundscapes!shuffled") != "replicates"


def test_the_second_claim_fails_when_nothing_is_stratified(taught):
    rng = np.random.default_rng(1)
    has = rng.random((300, 80)) < 0.05
    luck = [taught["strays"](has, rng.choice(3, size=300, p=taught["SHARES"]), taught["SHARES"]) for _ in range(2)]
    assert judge("01.stratified", "strays further", *luck).verdict != "replicates"


def five(name):
    """The third claim's verdict on a source."""
    clips = data.load(name, profile=SMOKE, seed=0)
    rows, relevances = data.caption_rows(clips, "test")["clip"].to_numpy(), data.graded(clips, "test")
    n = relevances.shape[1]
    one = np.bincount(rows, weights=metrics.average_precision(relevances, rows)) / np.bincount(rows)
    pooled = np.stack([relevances[rows == clip].mean(axis=0) for clip in range(n)])
    return judge("01.five", "five find it", metrics.average_precision(pooled.round(6), np.arange(n)), one).verdict


def test_the_third_claim_fails_on_shuffled_captions():
    assert five("soundscapes") == "replicates"
    assert five("soundscapes!shuffled") != "replicates"


def test_a_word_that_names_an_event_names_no_other_and_no_place():
    names = text_statistics.names()
    assert all(names.values()) and len(frozenset().union(*names.values())) == sum(map(len, names.values()))
    assert {"bark", "dog"} <= names["dog_bark"] and "rain" not in frozenset().union(*names.values())
