"""Figures: an alt text always, the same bytes for the same figure, intervals and frames where they belong."""

import ast
import base64
import io
import re
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

from lib import audio, stats
from lib.show import bundle, plots
from lib.show.pipeline import BOXES, GROUPS, _boxes, describe, draw, pipeline


@pytest.fixture
def emitted(monkeypatch):
    """What would be shown: (data, metadata) in order."""
    seen = []
    monkeypatch.setattr(bundle, "emit", lambda data, metadata=None: seen.append((data, metadata or {})))
    return seen


def some_bars(**frame):
    fig, (ax,) = plots.figure(6, 2)
    values = {"ours": stats.Interval(0.5, 0.4, 0.6, 100), "theirs": 0.3}
    return fig, plots.bars(ax, values, **frame)


def test_a_figure_carries_its_meaning_in_words(emitted):
    plots.show(some_bars()[0], alt="Ours scores 0.5, <theirs> 0.3.")
    (picture, metadata), (words, _) = emitted
    assert metadata["image/png"]["alt"] == picture["text/plain"] == "Ours scores 0.5, <theirs> 0.3."
    assert base64.b64decode(picture["image/png"]).startswith(b"\x89PNG")
    assert "&lt;theirs&gt;" in words["text/html"] and "<details>" in words["text/html"]


@pytest.mark.parametrize("alt", ["", "a plot"])
def test_no_words_no_figure(alt, emitted):
    with pytest.raises(ValueError, match="at least four words"):
        plots.show(some_bars()[0], alt=alt)
    assert not emitted


def test_same_figure_same_bytes():
    first, second = (plots.render(some_bars(chance=0.01, oracle=0.9)[0]) for _ in range(2))
    assert first == second
    assert first != plots.render(some_bars(chance=0.2, oracle=0.9)[0])


def test_a_figure_keeps_its_colours_and_takes_a_third_of_the_bytes():
    """Bars, letters and a map of a thousand shades: what is plain stays as it was, shades move by what no eye sees."""
    fig, (ax, beside) = plots.figure(8, 3, columns=2)
    plots.bars(ax, {"ours": 0.5, "theirs": 0.3}, chance=0.1)
    beside.imshow(np.random.default_rng(0).random((40, 50)), cmap="cividis")
    whole = io.BytesIO()
    with matplotlib.rc_context(plots.STYLE):
        fig.savefig(whole, format="png")
    small = plots.few_colours(whole)
    before, after = (np.asarray(Image.open(f).convert("RGB")).astype(int) for f in (whole, io.BytesIO(small)))
    assert len(small) < 0.45 * len(whole.getvalue())
    for colour in ((255, 255, 255), (0, 0, 0), (0x00, 0x72, 0xB2)):
        assert (after[(before == colour).all(-1)] == colour).all()
    assert np.abs(after - before).mean() < 0.5


def test_bars_have_names_values_and_a_frame():
    _, ax = some_bars(chance=0.01, oracle=0.9)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["ours", "theirs"]
    assert [bar.get_width() for bar in ax.patches] == [0.5, 0.3]
    assert {"0.500", "0.300", "chance 0.010", "oracle 0.900"} == {t.get_text() for t in ax.texts}
    assert ax.get_xlim()[1] > 0.9 and ax.yaxis_inverted()


def test_matrix_writes_its_values_and_frames_what_is_marked():
    _, (ax,) = plots.figure(3, 3)
    plots.matrix(ax, np.array([[0.1, 0.9], [0.4, 0.2]]), ["q0", "q1"], ["c0", "c1"], digits=1, marked=[(0, 1)])
    assert [t.get_text() for t in ax.texts] == ["0.1", "0.9", "0.4", "0.2"]
    assert [p.get_xy() for p in ax.patches] == [(0.5, -0.5)]


def test_matrix_too_large_to_read_has_no_numbers():
    _, (ax,) = plots.figure(3, 3)
    assert not plots.matrix(ax, np.zeros((20, 20))).texts


def test_curve_with_intervals_has_a_band_and_without_none():
    _, (ax,) = plots.figure(3, 3)
    plots.curve(ax, [1, 2], [stats.Interval(0.5, 0.4, 0.6, 9), stats.Interval(0.7, 0.6, 0.8, 9)], "with")
    assert len(ax.collections) == 1
    plots.curve(ax, [1, 2], [0.1, 0.2], "without")
    assert len(ax.collections) == 1 and len(ax.lines) == 2


def test_log_mel_has_seconds_and_hertz_where_the_bands_are():
    front_end = audio.FRONT_ENDS["small_cnn"]
    filters = audio.LogMel(front_end).filters.numpy()  # (frequency, mel)
    _, (ax,) = plots.figure(3, 3)
    plots.log_mel(ax, np.zeros((50, 64)), 5.0, f_min=front_end.f_min, f_max=front_end.f_max, title="rain")
    assert ax.get_xlim() == (0, 5) and ax.get_ylabel() == "frequency (Hz)" and ax.images[0].get_cmap().name == "cividis"
    assert [t.get_text() for t in ax.get_yticklabels()] == ["125", "500", "1k", "2k", "4k", "8k"]
    for hertz, place in zip((500, 1000, 2000, 4000), ax.get_yticks()[1:5], strict=True):
        heard = filters[round(hertz * front_end.n_fft / front_end.sample_rate)]
        assert abs(place - heard @ np.arange(64) / heard.sum()) < 0.5


def test_one_bar_of_decibels_for_pictures_of_one_scale_only():
    fig, axes = plots.figure(6, 3, columns=2)
    for ax in axes:
        plots.log_mel(ax, np.zeros((50, 64)), 5.0, f_min=50, f_max=8000, low=-80, high=0)
    plots.decibels_bar(fig, axes)
    assert len(fig.axes) == 3 and fig.axes[2].get_ylabel() == "dB"
    plots.log_mel(axes[1], np.zeros((50, 64)), 5.0, f_min=50, f_max=8000, low=-60, high=0)
    axes[1].images[0].remove()
    with pytest.raises(ValueError, match="one scale of colours"):
        plots.decibels_bar(fig, axes)


def test_the_one_picture_marks_where_you_are(emitted):
    pipeline(["similarity", "metrics"])
    assert "You are here: similarity, metrics." in emitted[0][0]["text/plain"]
    bold = {t.get_text() for t in draw(["loss"]).axes[0].texts if t.get_fontweight() == "bold"}
    assert bold == {"loss", "you are here"}
    assert "You are here" not in describe(list(BOXES))


def boxes_under_the_mark(figure) -> int:
    """How many boxes the arrow "you are here" touches: 1, the marked one."""
    (label,) = [t for t in figure.axes[0].texts if t.get_text() == "you are here"]
    (x, tip), (_, start) = label.xy, label.get_position()
    way = np.linspace(start, tip + 0.05 * np.sign(tip - start), 200)  # a little into the box it means
    inside = [(abs(way - y) < 0.29) & (abs(x - centre) < 0.52) for centre, y, _ in BOXES.values()]
    return sum(crossed.any() for crossed in inside)


def test_the_mark_of_every_notebook_crosses_no_other_box():
    sources = sorted((Path(__file__).resolve().parents[2] / "notebooks/source").glob("[0-9][0-9]_*.py"))
    calls = {p.stem: re.search(r"^pipeline\((.*)\)$", p.read_text(), re.MULTILINE) for p in sources}
    places = {name: ast.literal_eval(call[1]) for name, call in calls.items() if call} | {b: b for b in BOXES}
    assert len(places) >= len(BOXES) + 4
    for name, place in places.items():
        assert boxes_under_the_mark(draw(_boxes([place] if isinstance(place, str) else place))) == 1, name


def test_a_mark_from_above_would_be_seen_to_cross_the_loss():
    figure = draw(["ranking"])
    (label,) = [t for t in figure.axes[0].texts if t.get_text() == "you are here"]
    label.set_position((label.xy[0], 2.1))
    assert boxes_under_the_mark(figure) == 2


def test_groups_of_the_picture_name_boxes_and_others_are_refused():
    assert all(set(boxes) <= set(BOXES) for boxes in GROUPS.values())
    with pytest.raises(ValueError, match="'decoder'"):
        pipeline("decoder")
