"""Notebook 19: its claim falls where captions are shuffled or both sides are one; stand-ins run by name."""

import numpy as np
import pytest

from lib.show.claims import judge
from tests.notebooks import own_cells

NAME, CHOSEN = "19_full_scale", 'SYSTEM = "weck_np_f"'


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CACHE", str(tmp_path))


def test_its_claim_falls_when_captions_are_shuffled():
    ran = own_cells.run(NAME, "soundscapes!shuffled")
    assert set(ran.claims) == {"19.negatives"} and not ran.replicated
    assert ran.metrics["19.chosen"] < 0.1  # as little is learnt by the system that was chosen
    assert ran.metrics["19.cached.far"] < 1e-4  # gradients know nothing of that


def test_its_claim_falls_when_both_sides_are_the_same():
    """The whole batch against itself, in one piece."""
    ran = own_cells.run(NAME, "soundscapes", change=lambda cell: cell.replace("split(4)", "split(10_000)"))
    (claim,) = ran.claims.values()
    assert claim["effect"] == pytest.approx(0, abs=1e-9) and claim["verdict"] != "replicates"


def test_a_planted_difference_is_found():
    """The positive control: a fifth of the answers hidden, in as many queries as laptop has."""
    rng = np.random.default_rng(0)
    scores = [rng.random(5000) ** 2 for _ in range(5)]
    harmed = [each * (rng.random(5000) > 0.2) for each in scores]
    result = judge("19.x", "hidden answers cost", scores, harmed, clusters=[np.arange(5000) // 5] * 5)
    assert result.verdict == "replicates", result


def test_another_system_runs_by_its_name():
    """Of those whose encoders learn `tests/unit/test_full_scale.py` runs one, on fewer clips."""
    ran = own_cells.run(NAME, "soundscapes", change=lambda cell: cell.replace(CHOSEN, 'SYSTEM = "weck_atae"'))
    assert ran.names["system"].name == "weck_atae" and 0 < ran.metrics["19.chosen"] < 1
