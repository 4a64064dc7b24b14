"""Notebook 02: what it teaches equals what `lib` does, and its claims fail when the thing they rest on is broken."""

import ast
from pathlib import Path

import jupytext
import numpy as np
import pytest

from lib import data, metrics, profiles, stats
from lib.show.claims import judge

SOURCE = Path(__file__).resolve().parents[2] / "notebooks/source/02_scoring_a_ranking.py"


@pytest.fixture(scope="module")
def taught():
    """The notebook's imports and functions, without running it."""
    names, wanted = {}, (ast.Import, ast.ImportFrom, ast.FunctionDef)
    for cell in jupytext.read(SOURCE, fmt="py:percent").cells:
        if cell.cell_type == "code" and "exercise" not in cell.metadata.get("tags", []):
            tree = ast.parse(cell.source)
            tree.body = [node for node in tree.body if isinstance(node, wanted)]
            exec(compile(tree, "notebook 02", "exec"), names)
    return names


def test_ranks_and_average_precision_without_ties(taught):
    rng = np.random.default_rng(0)
    similarity, target = rng.normal(size=(300, 40)), rng.integers(40, size=300)
    ours = taught["average_precision"](taught["ranks"](similarity, target))
    np.testing.assert_allclose(ours, metrics.average_precision(similarity, target))


def test_expected_average_precision_with_ties(taught):
    rng = np.random.default_rng(1)
    similarity, target = rng.integers(0, 4, size=(300, 40)).astype(float), rng.integers(40, size=300)
    own = similarity[np.arange(300), target][:, None]
    above, tied = (similarity > own).sum(axis=1), (similarity == own).sum(axis=1)
    for k in (1, 10, 60):
        ours = taught["expected_average_precision"](above, tied, k)
        np.testing.assert_allclose(ours, metrics.average_precision(similarity, target, k))


def test_chance_ndcg_and_the_bootstrap(taught):
    rng = np.random.default_rng(2)
    assert taught["chance"](123, 7) == pytest.approx(metrics.chance(123, 7))
    similarity, gain = rng.normal(size=(50, 30)), rng.random((50, 30))
    np.testing.assert_allclose(taught["ndcg"](similarity, gain), metrics.ndcg(similarity, gain))
    x, clip = rng.exponential(size=500), np.repeat(np.arange(100), 5)
    ours = taught["clip_bootstrap"](x, clip, 4000, np.random.default_rng(3))
    theirs = stats.bootstrap(x, clip, resamples=4000, rng=np.random.default_rng(4))
    np.testing.assert_allclose(ours, [theirs.low, theirs.high], atol=0.1 * theirs.half_width)


def covered(taught, shuffle):
    """The first claim on scores that clips share, with the clips' names kept or shuffled."""
    rng = np.random.default_rng(5)
    clip = np.repeat(np.arange(200), 5)
    x = rng.normal(size=200)[clip] + 0.3 * rng.normal(size=1000)
    per_clip, per_caption = taught["coverage"](x, rng.permutation(clip) if shuffle else clip, 150, rng, size=60)
    return judge("02.captions", "-", per_clip, per_caption, paper="-")


def test_the_first_claim_needs_captions_that_share_a_clip(taught):
    assert covered(taught, shuffle=False).verdict == "replicates"
    assert covered(taught, shuffle=True).verdict == "underpowered"


FAULTS = [("soundscapes", True), ("soundscapes!shuffled", False)]


@pytest.mark.parametrize(("source", "holds"), FAULTS)
def test_the_second_claim_needs_relevance_that_is_true(taught, source, holds):
    clips = data.load(source, profile=profiles.get("smoke"), seed=0, needs=("captions", "noisy", "graded"))
    rows, part = data.caption_rows(clips, "test"), data.of_split(clips, "test")
    both, titles = (taught["words_in_common"](part, rows["caption"], keywords=k) for k in (True, False))
    gain, clip = data.graded(clips, "test"), rows["clip"].to_numpy()
    shades = metrics.ndcg(both, gain) - metrics.ndcg(titles, gain)
    single = metrics.average_precision(both, clip) - metrics.average_precision(titles, clip)
    result = judge("02.graded", "-", shades / shades.std(), single / single.std(), clusters=clip, paper="-")
    assert (result.verdict == "replicates") == holds, result
