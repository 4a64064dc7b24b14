"""The static pages as a reader meets them: opened from the disk, no kernel, no server, no network."""

import nbformat
import pytest

from lib.show import ask, bundle
from lib.workbook import build, pages
from tests.browser.lab import Watched

pytestmark = [pytest.mark.browser, pytest.mark.timeout(200)]
IN_VIEW = """where => {
  const box = (typeof where === "string" ? document.querySelector(where) : where).getBoundingClientRect();
  return box.top >= document.querySelector("header").offsetHeight - 1 && box.top < innerHeight;
}"""
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
NARROW = {"width": 1000, "height": 900}  # the sections still beside the text, which has 630 pixels


@pytest.fixture(scope="module")
def site(browser, whole_site):
    """A reader without a network, who opens pages of the site from the disk: `site.open("index.html#W6")`."""
    watched = Watched(browser, "file://")
    watched.page.context.set_offline(True)

    def visit(address, size=DESKTOP):
        watched.page.set_viewport_size(size)
        watched.page.goto("about:blank")  # else only the anchor changes, and what was typed stays
        watched.page.goto(f"{whole_site.as_uri()}/{address}", wait_until="load")
        return watched.page

    watched.open = visit
    yield watched
    watched.page.close()


@pytest.fixture
def page(browser, tmp_path, monkeypatch):
    """A notebook with answers in its output, exported as `make pages` does, opened from the disk, offline."""
    import numpy as np
    import pandas as pd
    import soundfile

    rows = []
    for i, label in enumerate(("a dog barks", "thunder <b>rolls</b>")):
        soundfile.write(tmp_path / f"{i}.wav", 0.3 * np.sin(np.arange(32000) * (i + 1) / 20), 16000)
        rows.append({"rank": i + 1, "score": 0.5 - i / 10, "path": str(tmp_path / f"{i}.wav"), "captions": [label]})
    shown = []
    monkeypatch.setattr(bundle, "emit", lambda data, metadata=None: shown.append(data))
    ask.show("a dog, then thunder", pd.DataFrame(rows))
    notebook = build.build("00_listen_first")
    cell = next(c for c in notebook.cells if "ask.show(query" in c.source)
    cell.outputs = [nbformat.v4.new_output("display_data", data=data) for data in shown]
    (tmp_path / "notebooks").mkdir()
    build.write(build.clean(notebook), tmp_path / "notebooks" / "00_listen_first.ipynb")
    pages.export(tmp_path / "notebooks", tmp_path / "pages")
    watched = Watched(browser, "file://")
    watched.page.context.set_offline(True)
    watched.page.goto((tmp_path / "pages" / "00_listen_first.html").as_uri(), wait_until="domcontentloaded")
    yield watched.page
    watched.page.context.set_offline(False)
    watched.page.close()


def test_the_answers_of_a_static_page_sound(page):
    players = page.locator("figure audio")
    assert players.count() == 2
    players.first.scroll_into_view_if_needed()
    players.first.focus()
    page.keyboard.press("Space")
    page.wait_for_function("() => [...document.querySelectorAll('figure audio')].some(a => a.currentTime > 0.2)")
    assert players.evaluate_all("all => all.map(a => a.getAttribute('aria-label'))") == [
        "a dog barks", "thunder <b>rolls</b>"]  # fmt: skip
    assert page.locator("figcaption b").count() == 0  # text from outside stays text


def found(page, words):
    """Type into the search as a keyboard does, from anywhere on the page; what it says it found."""
    page.keyboard.press("/")
    page.keyboard.type(words)
    page.wait_for_function("() => /found/.test(document.querySelector('#found [role=status]').textContent)")
    return page.locator("#found [role=status]").inner_text()


def test_a_search_by_keyboard_leads_to_the_section(site):
    page = site.open("index.html")
    assert "sections found" in found(page, "temperature gradient")
    first = page.locator("#found li").first
    assert first.locator("mark").count() >= 1
    page.keyboard.press("ArrowDown")
    address = page.evaluate("() => document.activeElement.href")
    assert address == page.evaluate("() => document.querySelector('#found a').href") and "#" in address
    page.keyboard.press("Enter")
    page.wait_for_url(address)
    anchor = address.split("#")[1]
    page.wait_for_function(IN_VIEW, arg=f"[id='{anchor}']", timeout=5_000)
    assert page.locator(f"[id='{anchor}']").evaluate("e => e.matches(':target')")


def test_a_search_goes_over_headings_and_claims_and_says_when_there_is_nothing(site):
    page = site.open("08_nt_xent_loss.html", PHONE)
    found(page, "W6")
    claim = page.locator("#found a", has_text="The ledger: W6").first
    assert claim.get_attribute("href") == "index.html#W6"
    claim.click()
    page.wait_for_function(IN_VIEW, arg="#W6", timeout=5_000)
    assert found(page, "<img src=x onerror=window.hacked=1>") == "No sections found."
    page.keyboard.press("Escape")
    assert not page.locator("#found").is_visible() and page.evaluate("() => window.hacked") is None


def test_a_claim_leads_to_its_cell_and_back(site):
    page = site.open("index.html#W6")
    page.locator("#W6 a").click()
    page.wait_for_function(IN_VIEW, arg="[id='claim-W6']", timeout=5_000)
    page.locator("[id='claim-W6'] ~ p a", has_text="in the ledger").first.click()
    page.wait_for_function(IN_VIEW, arg="#W6", timeout=5_000)


def test_the_ledger_can_be_narrowed_to_a_verdict(site):
    page = site.open("index.html")
    rows = page.locator(".ledger tbody tr")
    page.locator("#verdicts").select_option("underpowered")
    shown = [row for row in rows.all() if row.is_visible()]
    assert 0 < len(shown) < rows.count() and all("underpowered" in row.inner_text() for row in shown[:3])
    page.evaluate("() => { location.hash = 'W6'; }")  # a link to a row that the choice hides shows all again
    page.wait_for_function(IN_VIEW, arg="#W6", timeout=5_000)


def test_the_committed_sounds_play_and_a_solution_unfolds(site):
    page = site.open("00_listen_first.html")
    player = page.locator("figure audio").first
    player.scroll_into_view_if_needed()
    player.focus()
    page.keyboard.press("Space")
    page.wait_for_function("() => [...document.querySelectorAll('figure audio')].some(a => a.currentTime > 0.2)")
    solution = page.locator("details", has=page.locator("summary", has_text="Solution")).first
    assert not solution.locator("pre").first.is_visible()
    solution.locator("summary").focus()
    page.keyboard.press("Enter")
    assert solution.locator("pre").first.is_visible()


def test_a_map_answers_the_pointer_and_a_slider_says_why_it_does_not(site):
    page = site.open("16_mapping_differences.html")
    page.wait_for_selector(".hearsay-map .scatterlayer .point[tabindex='0']", timeout=30_000)
    words = page.locator(".hearsay-words").first
    for place, told in ((3, words.inner_text()), (60, "")):
        point = page.locator(".hearsay-map .scatterlayer .point").nth(place)
        point.scroll_into_view_if_needed()
        point.hover(force=True)
        page.wait_for_function("told => document.querySelector('.hearsay-words').innerText !== told", arg=told)
    assert page.locator(".hearsay-map .hovertext, .js-plotly-plot .hovertext").count() >= 1
    assert page.locator("p.asleep").inner_text().startswith("Sliders stand here while the notebook runs")


def test_equations_are_drawn_and_nothing_is_wider_than_a_phone(site):
    for size in (DESKTOP, PHONE):
        for name in ("00_listen_first", "08_nt_xent_loss", "14_many_views_one_ranking", "index"):
            page = site.open(f"{name}.html", size)
            assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), (name, size)
    page = site.open("08_nt_xent_loss.html")
    height = "all => all.map(m => m.getBoundingClientRect().height)"
    heights = page.locator("math[display=block] mfrac").evaluate_all(height)
    assert len(heights) >= 5 and sum(h > 30 for h in heights) >= 5, heights  # two lines and a bar, not a line of text


def test_tables_scroll_where_the_teaching_page_is_narrow(site):
    for size in ({"width": 420, "height": 844}, NARROW, DESKTOP):
        page = site.open("teaching.html", size)
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), size
        tables = "all => all.filter(t => t.getBoundingClientRect().right > innerWidth).length"
        assert page.locator("main table").count() > 10 and page.locator("main table").evaluate_all(tables) == 0, size


def test_a_place_that_teachers_are_sent_to_opens_there(site):
    page = site.open("teaching.html")
    page.get_by_role("link", name='08, section 3 ("Temperature').first.click()
    page.wait_for_url("**/08_nt_xent_loss.html#3-temperature-who-gets-the-push")
    page.wait_for_function(IN_VIEW, arg="[id='3-temperature-who-gets-the-push']", timeout=5_000)


def test_sections_are_beside_the_text_and_folded_on_a_phone(site):
    page = site.open("08_nt_xent_loss.html")
    contents = page.get_by_role("navigation", name="Sections of this page")
    contents.get_by_text("3. Temperature").click()
    page.wait_for_function(IN_VIEW, arg="[id='3-temperature-who-gets-the-push']", timeout=5_000)
    assert page.get_by_role("navigation", name="Other notebooks").get_by_role("link").count() == 3
    page = site.open("08_nt_xent_loss.html", PHONE)
    assert not page.get_by_text("3. Temperature").first.is_visible()
    page.locator(".contents summary").click()
    assert page.get_by_text("3. Temperature").first.is_visible()
    page.keyboard.press("Control+Home")


def test_every_page_opens_without_an_error_and_without_a_call_to_outside(site, whole_site):
    pages_there = sorted(path.name for path in whole_site.glob("*.html"))
    for name in pages_there:
        page = site.open(name)
        page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
        assert page.locator("h1").count() == 1, name
    assert len(pages_there) >= 21 and not site.errors and not site.outside, (site.errors, site.outside)
