"""Notebook 16 as a reader meets it: in JupyterLab its maps sound, and so does its static page, without a kernel."""

import nbformat
import pytest

from lib.workbook import BUILD, NOTEBOOKS
from tests.browser import lab
from tests.browser.test_sound_map import PLAYS, POINT, SOUND, WORDS, rest_on

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
NAME, SCREENS = "16_mapping_differences", BUILD / "screens"


@pytest.fixture(scope="module")
def opened(browser, tmp_path_factory):
    """Notebook 16 at smoke, all its cells run."""
    path, home = lab.notebook(NAME, PROFILE="smoke"), tmp_path_factory.mktemp("lab")
    with lab.in_lab(browser, path, home, f"{POINT}[tabindex='0']") as watched:
        yield watched


@pytest.fixture(scope="module")
def exported(browser, tmp_path_factory):
    """The committed notebook as `make pages` shows it; opened from the disk, offline."""
    committed = nbformat.read(NOTEBOOKS / f"{NAME}.ipynb", 4)
    with lab.in_page(browser, committed, NAME, tmp_path_factory.mktemp("pages"), f"{POINT}[tabindex='0']") as watched:
        yield watched


@pytest.fixture(params=["opened", "exported"])
def page(request):
    return request.getfixturevalue(request.param).page


def words(page):
    return page.locator(WORDS).first.inner_text()


def test_all_cells_ran_without_an_error(opened):
    for kind in ("stderr", "error"):
        assert opened.page.locator(f'[data-mime-type="application/vnd.jupyter.{kind}"]').all_inner_texts() == []
    assert opened.page.get_by_text("Error displaying widget").count() == 0
    counts = opened.page.locator(".jp-CodeCell .jp-InputArea-prompt").evaluate_all("all => all.map(p => p.textContent)")
    assert len(counts) > 20 and all(c.strip("[]: ").isdigit() for c in counts[1:]), counts


def test_a_point_is_hovered_focused_and_clicked_and_sounds(page):
    enable = page.locator(".hearsay-enable").first
    if enable.get_attribute("aria-pressed") == "false":
        enable.click()
    page.wait_for_function(PLAYS, arg=SOUND, timeout=10_000)
    heard = set()
    for i in range(20):  # one that sounds: a silent one may lie over it
        page.mouse.click(*rest_on(page, i))
        page.wait_for_timeout(300)
        if "without sound" not in words(page):
            break
    page.wait_for_function(PLAYS, arg=SOUND, timeout=10_000)
    heard.add((words(page), page.locator(SOUND).first.get_attribute("src")))
    page.locator(POINT).first.focus()
    for key in ("PageDown", "PageDown", "PageUp"):
        page.keyboard.press(key)
        page.wait_for_function(PLAYS, arg=SOUND, timeout=10_000)
        heard.add((words(page), page.locator(SOUND).first.get_attribute("src")))
    assert len(heard) >= 2 and all("add" in text for text, _ in heard)  # the last stands where the second stood
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENS / "mapping_differences.png")


def test_both_maps_have_their_own_sounds(page):
    """What sounds under the second is not the first's."""
    assert page.locator(".hearsay-map").count() == 2
    button = page.locator(".hearsay-map").nth(1).locator(".hearsay-sides button").nth(1)
    button.click()
    page.wait_for_function("() => document.querySelectorAll('.hearsay-map audio')[1].currentTime > 0.2", timeout=10_000)
    assert page.locator(SOUND).first.evaluate("a => a.paused")  # one map at a time


def test_sliders_redraw(opened):
    page = opened.page
    slider = page.locator(".widget-hslider [role=slider], .noUi-handle").first
    slider.scroll_into_view_if_needed()
    slider.focus()
    before = page.locator(".jupyter-widgets img").first.get_attribute("src")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("b => document.querySelector('.jupyter-widgets img')?.src !== b", arg=before, timeout=20_000)


def test_nothing_went_wrong_and_nothing_left_this_machine(opened, exported):
    assert not opened.errors and not opened.outside, (opened.errors, opened.outside)
    assert not exported.errors and not exported.outside, (exported.errors, exported.outside)
