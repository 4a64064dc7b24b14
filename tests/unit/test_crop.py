"""Pieces of long recordings: which, and what they sound like."""

import numpy as np
import pytest
import soundfile

from lib import audio
from lib.data import crop


@pytest.fixture
def ramp(tmp_path):
    """A minute that rises from 0 to 0.6: each sample says when it is."""
    soundfile.write(tmp_path / "ramp.wav", np.linspace(0, 0.6, 60 * 1000, endpoint=False), 1000, subtype="FLOAT")
    return tmp_path / "ramp.wav"


def test_a_piece_is_that_piece(ramp):
    samples = audio.load(f"crop://12.5+30/{ramp}", 1000)
    np.testing.assert_allclose(samples, np.arange(12_500, 42_500) * 1e-5, atol=1e-6)
    assert len(audio.load(f"crop://12.5+30/{ramp}", 500)) == 15_000


def test_where_it_is_cut_depends_on_the_clip_alone(ramp):
    cuts = {id: crop.cut(ramp, 60.0, id) for id in map(str, range(40))}
    assert cuts == {id: crop.cut(ramp, 60.0, id) for id in cuts}
    starts = [float(path.partition("://")[2].partition("+")[0]) for path, _ in cuts.values()]
    assert min(starts) < 5 and max(starts) > 25 and all(0 <= start <= 30 for start in starts)
    assert all(len(audio.load(path, 1000)) == 30_000 for path, _ in cuts.values())


def test_a_recording_that_is_short_enough_stays_whole(ramp):
    assert crop.cut(ramp, 30.0, "x") == (str(ramp), 30.0)


@pytest.mark.parametrize(
    ("locator", "why"),
    [("crop://x", "not of the form"), ("crop://0+30/absent.wav", "no recording that can be read"),
     ("crop://99+30/{}", "it ends before second 99")],
)  # fmt: skip
def test_a_piece_that_is_not_there_is_explained(ramp, locator, why):
    with pytest.raises(audio.AudioError, match=why):
        audio.load(locator.format(ramp), 1000)
