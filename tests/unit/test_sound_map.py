"""A map that sounds: its two outputs, the same bytes each time, each sound once, and what it refuses."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lib.data import difference_scenes, pairs  # noqa: F401  registers the scenes
from lib.show import bundle, listen, sound_map
from lib.workbook import pages


def table(**change):
    given = {"x": [0.0, 1.0, 2.0, 3.0], "y": [0.5, 0.25, 0.0, 1 / 3], "group": ["thunder", "thunder", "dog", "dog"],
             "words": ["add thunder", "</script><b>", "add dog", "add dog"], "key": ["a", "b", "c", ""],
             "outline": [False, False, False, True]}
    return pd.DataFrame(given | change)


def tones(keys="abc"):
    return {key: [listen.player(0.1 * np.sin(np.arange(8000) * (i + side + 1) / 9), 16000, key) for side in (0, 1)]
            for i, key in enumerate(keys)}


@pytest.fixture
def shown(monkeypatch):
    """What `show` emits: [(data, metadata), ...]."""
    seen = []
    monkeypatch.setattr(bundle, "emit", lambda data, metadata=None: seen.append((data, metadata or {})))
    return seen


ALT = "Four points in two panels."


def carried(page):
    """The data that the script reads."""
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)[1])


def test_a_figure_with_a_still_picture_and_then_its_sounds(shown):
    sound_map.show({"one": table(), "two": table(y=[1, 2, 3, 4])}, tones(), alt=ALT)
    (figure, metadata), (page, _) = shown
    assert set(figure) == {sound_map.MIME, "image/png", "text/plain"} and metadata["image/png"]["alt"] == ALT
    assert base64.b64decode(figure["image/png"])[1:4] == b"PNG" and figure["text/plain"] == ALT
    inside = carried(page["text/html"])
    assert inside["figure"] == figure[sound_map.MIME] and inside["figure"]["layout"]["meta"]["map"] == inside["map"]
    traces = inside["figure"]["data"]
    assert [trace["name"] for trace in traces] == 2 * ["thunder", "dog", "dog, its text"]
    assert [trace["showlegend"] for trace in traces] == 3 * [True] + 3 * [False]
    for point in inside["points"]:  # the script asks Plotly for just this point
        assert traces[point["trace"]]["text"][point["place"]] == point["words"]


@pytest.mark.parametrize("panels, groups", [(1, 6), (2, 6), (3, 2)])
def test_the_still_pictures_legend_is_not_cut_off(panels, groups):
    names = [f"({letter}) increase background" for letter in "abcdef"[:groups]]
    points = pd.concat([table(group=name, outline=hollow) for name in names for hollow in (False, True)])
    fig = sound_map._still({f"panel {i}": points for i in range(panels)}, names)
    fig.canvas.draw()
    legend, whole = fig.legends[0].get_window_extent(), fig.bbox
    assert legend.x0 >= 0 and legend.x1 <= whole.x1 and legend.y0 >= 0
    assert all(ax.get_window_extent().height > 0.5 * whole.height for ax in fig.axes)


def test_plotly_itself_takes_the_figure(shown):
    graph_objects = pytest.importorskip("plotly.graph_objects")
    sound_map.show({"one": table(), "two": table()}, tones(), alt=ALT)
    figure = shown[0][0][sound_map.MIME]
    assert len(graph_objects.Figure({"data": figure["data"], "layout": figure["layout"]}).data) == 6


def test_each_sound_is_there_once_and_opus(shown):
    sound_map.show({"one": table(), "two": table(), "three": table()}, tones(), alt=ALT)
    page = shown[1][0]["text/html"]
    first = carried(page)["sounds"]["a"][0]
    assert page.count(first) == 1 and b"OpusHead" in base64.b64decode(first)


def test_the_same_map_has_the_same_bytes(shown):
    for _ in range(2):
        sound_map.show({"one": table()}, tones(), alt=ALT)
    assert shown[:2] == shown[2:]
    sound_map.show({"one": table(x=[9, 1, 2, 3])}, tones(), alt=ALT)
    assert carried(shown[5][0]["text/html"])["map"] != carried(shown[1][0]["text/html"])["map"]


def test_text_from_outside_does_not_leave_its_script(shown):
    sound_map.show({"<img src=x>": table()}, tones(), alt=ALT)
    page = shown[1][0]["text/html"]
    assert page.count("</script>") == 2 and "<img" not in page and "<b>" not in page
    assert "&lt;img" in shown[0][0][sound_map.MIME]["layout"]["annotations"][0]["text"]
    assert carried(page)["points"][1]["words"] == "</script><b>"


def test_groups_differ_in_colour_and_in_shape():
    groups = [f"kind {i}" for i in range(6)]
    points = pd.concat([table().iloc[:1].assign(group=group) for group in groups])
    traces = sound_map.figure({"one": points}, groups)[0]["data"]
    for feature in ("color", "symbol"):
        assert len({trace["marker"][feature] for trace in traces}) == 6


@pytest.mark.parametrize("panels, keys, alt, said", [
    ({"one": table().drop(columns="words")}, "abc", ALT, "lacks words"),
    ({"one": table(x=[0, 1, np.nan, 3])}, "abc", ALT, "finite positions"),
    ({"one": table().iloc[:0]}, "", ALT, "has 0"),
    ({"one": table()}, "abcd", ALT, "nobody would hear d"),
    ({"one": table()}, "abc", "a map", "at least four words"),
    ({"one": pd.concat([table(group=f"kind {i}") for i in range(7)])}, "abc", ALT, "at most 6 groups"),
])  # fmt: skip
def test_what_it_refuses(panels, keys, alt, said, shown):
    with pytest.raises(ValueError, match=said):
        sound_map.show(panels, tones(keys), alt=alt)
    assert not shown


def test_too_many_sounds_for_a_notebook(shown):
    many = pd.DataFrame({"x": range(121), "y": 0.0, "group": "a", "words": "b", "key": map(str, range(121)),
                         "outline": False})
    both = tones("a")["a"]
    with pytest.raises(ValueError, match="at most 120 keys"):
        sound_map.show({"one": many}, {str(i): both for i in range(121)}, alt=ALT)
    sound_map.show({"one": many}, {str(i): both for i in range(120)}, alt=ALT)


def test_both_sides_of_a_pair_are_cut_where_the_event_is():
    """Of a pair in which only an event is added, it is the beginning of this event that one hears."""
    found = pairs.build("rain", {"evaluate": 60}, 100)
    row = next(row for row in found.to_dict("records") if [o.name for o in row["operations"]] == ["add event"]
               and pairs.from_locator(row["before"])[1].events["after"][0].onset_s > 3)
    before, after = sound_map.of_pair(row)
    assert before.duration_s == after.duration_s == sound_map.SECONDS
    assert before.label == f"before: {row['text']}" and before.address != after.address


def test_the_script_asks_for_the_plotly_that_was_tested():
    script = Path(sound_map.__file__).with_suffix(".js").read_text()
    wanted = re.search(r'PLOTLY = "([\d.]+)"', script)[1]
    assert f"plotly.js v{wanted}" in pages.PLOTLY.read_text()[:300]


def test_pages_get_plotly_beside_them_only_where_a_map_is(tmp_path, shown):
    import nbformat

    from lib.workbook import build

    sound_map.show({"one": table()}, tones(), alt=ALT)
    notebook = build.build("00_listen_first")
    build.write(build.clean(notebook), tmp_path / "in" / "00_listen_first.ipynb")
    pages.export(tmp_path / "in", tmp_path / "without")
    outputs = [nbformat.v4.new_output("display_data", data=data, metadata=metadata) for data, metadata in shown]
    notebook.cells.append(nbformat.v4.new_code_cell("pass", outputs=outputs))
    build.write(notebook, tmp_path / "in" / "00_listen_first.ipynb")
    pages.export(tmp_path / "in", tmp_path / "with")
    assert not (tmp_path / "without" / "plotly.min.js").exists() and (tmp_path / "with" / "plotly.min.js").exists()
    assert f'<img alt="{ALT}"' in (tmp_path / "with" / "00_listen_first.html").read_text()
