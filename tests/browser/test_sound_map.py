"""A map that sounds: in JupyterLab, and as a static page without kernel or network, by pointer and by keyboard."""

import nbformat
import numpy as np
import pandas as pd
import pytest

from lib.show import bundle, listen, sound_map
from lib.workbook import BUILD, build
from tests.browser import lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
PLACES = [(0, 0), (1, 0), (2, 0.1), (0, 2), (1, 2), (2, 2)]
POINT, WORDS, SOUND = ".js-plotly-plot .point", ".hearsay-words", ".hearsay-map audio"
PLAYS = "where => { const a = document.querySelector(where); return !a.paused && a.currentTime > 0.2 && !a.error; }"


def shown():
    """Two panels of the same six points; the first five sound."""
    table = pd.DataFrame({"x": [x for x, _ in PLACES], "y": [y for _, y in PLACES], "outline": [False] * 5 + [True],
                          "group": ["addition of thunder"] * 3 + ["addition of dog"] * 3,
                          "words": [f"add <b>{i}</b>" for i in range(6)], "key": [*"abcde", ""]})
    tones = {key: [listen.player(0.2 * np.sin(np.arange(32000) * (i + side + 1) / 20), 16000, f"{key}{side}", seconds=2)
                   for side in (0, 1)] for i, key in enumerate("abcde")}
    sound_map.show({"without": table, "with": table.assign(x=-table["x"])}, tones,
                   alt="Six points in two rows, in two panels.")


CELL = "from tests.browser import test_sound_map\ntest_sound_map.shown()"


@pytest.fixture(scope="module")
def in_lab(browser, tmp_path_factory):
    """A notebook with one map, run in JupyterLab."""
    cells = [nbformat.v4.new_code_cell("import sys\nsys.path.insert(0, '../..')"), nbformat.v4.new_code_cell(CELL)]
    path = BUILD / "browser" / "sound_map.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": build.KERNELSPEC}), path)
    with lab.in_lab(browser, path, tmp_path_factory.mktemp("lab"), f"{POINT}[tabindex='0']") as watched:
        yield watched


@pytest.fixture(scope="module")
def in_page(browser, tmp_path_factory):
    """The same map in a static page, opened from the disk, offline."""
    outputs = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "emit", lambda data, metadata=None: outputs.append(
            nbformat.v4.new_output("display_data", data=data, metadata=metadata or {})))
        shown()
    notebook = build.build("00_listen_first")
    notebook.cells.insert(4, nbformat.v4.new_code_cell(CELL, outputs=outputs))
    folder, ready = tmp_path_factory.mktemp("pages"), f"{POINT}[tabindex='0']"
    with lab.in_page(browser, build.clean(notebook), "00_listen_first", folder, ready) as watched:
        yield watched


@pytest.fixture(params=["in_lab", "in_page"])
def watched(request):
    """Each of the two, with the sound off and the first point chosen."""
    found = request.getfixturevalue(request.param)
    enable = found.page.locator(".hearsay-enable")
    if enable.get_attribute("aria-pressed") == "true":
        enable.click()
    rest_on(found.page, 0)
    wait_for_words(found.page, "add <b>0</b>")
    found.page.wait_for_timeout(300)  # should these words have stood there before, the pointer still has to arrive
    return found


def rest_on(page, i):
    """The pointer on the middle of a point."""
    point = page.locator(POINT).nth(i)
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 30, y - 12)
    page.mouse.move(x, y, steps=4)
    return x, y


def wait_for_words(page, words):
    page.wait_for_function("([where, words]) => document.querySelector(where).textContent.includes(words)",
                           arg=[WORDS, words], timeout=10_000)


def test_nothing_sounds_before_the_sound_is_enabled(watched):
    page = watched.page
    rest_on(page, 1)
    wait_for_words(page, "“add <b>1</b>”: addition of thunder (without)")
    assert page.locator(SOUND).evaluate("a => a.paused")
    assert page.locator(f"{WORDS} b").count() == 0  # text from outside stays text


def test_a_point_sounds_under_the_pointer_before_then_after(watched):
    page = watched.page
    page.locator(".hearsay-enable").click()
    page.wait_for_function(PLAYS, arg=SOUND, timeout=10_000)  # the click itself lets the chosen point sound
    rest_on(page, 0)
    wait_for_words(page, "add <b>0</b>")
    page.wait_for_function(PLAYS, arg=SOUND, timeout=10_000)
    first = page.locator(SOUND).get_attribute("src")
    assert page.locator(".hearsay-now").inner_text() == "now: before"
    page.wait_for_function("first => document.querySelector('.hearsay-map audio').src !== first", arg=first,
                           timeout=10_000)
    page.wait_for_function(PLAYS, arg=SOUND, timeout=10_000)
    assert page.locator(".hearsay-now").inner_text() == "now: after"


def test_a_click_plays_without_more_ado_and_rings_the_point_in_every_panel(watched):
    page = watched.page
    page.mouse.click(*rest_on(page, 3))
    wait_for_words(page, "add <b>3</b>”: addition of dog (without)")
    page.wait_for_function(PLAYS, arg=SOUND, timeout=10_000)
    assert page.locator(f"{POINT}.hearsay-on").count() == page.locator(f"{POINT}.hearsay-twin").count() == 1


def test_the_keyboard_alone_goes_through_the_points_and_hears_them(watched):
    page = watched.page
    page.locator(".hearsay-enable").focus()
    page.keyboard.press("Enter")
    page.locator(POINT).first.focus()
    wait_for_words(page, "add <b>0</b>")
    for key, words in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowRight", 2), ("ArrowUp", 5), ("ArrowLeft", 4),
                       ("PageDown", 3), ("PageUp", 4), ("ArrowDown", 1)):
        page.keyboard.press(key)
        wait_for_words(page, f"add <b>{words}</b>")
    page.wait_for_function(PLAYS, arg=SOUND, timeout=10_000)
    label = page.evaluate("() => document.activeElement.getAttribute('aria-label')")
    assert label == "addition of thunder: add <b>1</b>"
    assert page.locator(f"{POINT}[tabindex='0']").count() == 1
    before = page.locator(SOUND).get_attribute("src")
    page.keyboard.press("a")
    page.wait_for_function("b => document.querySelector('.hearsay-map audio').src !== b", arg=before, timeout=5_000)
    assert page.locator(".hearsay-now").inner_text() == "now: after"


def test_a_point_without_sounds_says_so(watched):
    page = watched.page
    rest_on(page, 5)
    wait_for_words(page, "without sound here")
    assert page.locator(".hearsay-sides button").evaluate_all("all => all.every(b => b.disabled)")


def test_the_still_picture_gives_way_and_the_words_for_it_stay(watched):
    page = watched.page
    assert page.locator("img[alt^='Six points'], .plot-img").evaluate_all("all => all.every(i => i.offsetWidth === 0)")
    assert page.locator(".hearsay-map details").inner_text().startswith("In words")
    assert page.locator(".hearsay-asleep").count() == 0


def test_the_figure_has_the_width_that_there_is(watched):
    boxes = [watched.page.locator(where).first.bounding_box() for where in (".js-plotly-plot", ".hearsay-map")]
    figure, whole = (box["width"] for box in boxes)
    assert whole > 750 and figure > 0.95 * whole  # 700 is what Plotly takes where it cannot measure


def test_nothing_went_wrong_and_nothing_left_this_machine(in_lab, in_page):
    for watched in (in_lab, in_page):
        assert not watched.errors and not watched.outside, (watched.errors, watched.outside)


def test_without_plotly_the_buttons_still_go_from_point_to_point(in_page, browser, tmp_path):
    """Somebody sends the page alone: no plotly.js beside it, no network."""
    watched = lab.Watched(browser, "file://")
    watched.page.route("**/*plotly*", lambda route: route.abort())
    watched.page.context.set_offline(True)
    watched.page.goto(in_page.page.url, wait_until="domcontentloaded")
    page = watched.page
    page.wait_for_selector(".hearsay-apart", state="visible", timeout=20_000)
    page.locator(".hearsay-enable").click()
    page.locator(".hearsay-next").click()
    wait_for_words(page, "add <b>1</b>")
    page.wait_for_function(PLAYS, arg=SOUND, timeout=10_000)
    assert page.locator("img[alt^='Six points']").is_visible()
    page.close()
