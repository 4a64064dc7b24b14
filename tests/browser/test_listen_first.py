"""Notebook 00 as a reader meets it: JupyterLab, all cells run, a query typed, the answers heard, by keyboard alone."""

import pytest

from lib.workbook import BUILD
from tests.browser import lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
SCREENS = BUILD / "screens"


@pytest.fixture(scope="module")
def opened(browser, tmp_path_factory):
    """Notebook 00 at smoke, all its cells run."""
    path = lab.notebook("00_listen_first", PROFILE="smoke")
    with lab.in_lab(browser, path, tmp_path_factory.mktemp("lab"), BOX, seconds=120) as watched:
        yield watched


BOX, ANSWERS, STATUS = (f".hearsay-ask {part}" for part in ("input", "audio", "[role=status]"))


def ask(page, query, told):
    """Type a query into the box, press Enter, wait until the status line says `told`."""
    lab.ask(page, BOX, query)
    lab.told(page, STATUS, told)


def wait_until_it_plays(page, where):
    page.wait_for_function("where => [...document.querySelectorAll(where)].some(a => a.currentTime > 0.2 && !a.error)",
                           arg=where, timeout=20_000)


def test_all_cells_ran_without_an_error(opened):
    page = opened.page
    for kind in ("stderr", "error"):
        assert page.locator(f'[data-mime-type="application/vnd.jupyter.{kind}"]').all_inner_texts() == []
    assert page.get_by_text("Error displaying widget").count() == 0
    counts = page.locator(".jp-CodeCell .jp-InputArea-prompt").evaluate_all("all => all.map(p => p.textContent)")
    assert len(counts) > 15 and all(c.strip("[]: ").isdigit() for c in counts[1:]), counts  # the first is folded


def test_a_query_is_typed_and_its_answer_heard_by_keyboard_alone(opened):
    page = opened.page
    ask(page, "a small dog barks twice, then thunder", "then thunder”, best first")
    assert page.locator(ANSWERS).count() == 5
    scores = [float(s.split()[-1]) for s in page.locator(".hearsay-ask .hearsay-score").all_inner_texts()]
    assert scores == sorted(scores, reverse=True)
    labels = page.locator(ANSWERS).evaluate_all("all => all.map(a => a.getAttribute('aria-label'))")
    assert all(label.startswith(f"answer {rank}: ") for rank, label in enumerate(labels, start=1))
    assert page.locator(ANSWERS).evaluate_all("all => all.every(a => a.paused)")  # nothing sounds unasked
    page.keyboard.press("Tab")  # the button
    page.keyboard.press("Tab")  # the first answer
    assert page.evaluate("() => document.activeElement.getAttribute('aria-label')") == labels[0]
    page.keyboard.press("Space")
    wait_until_it_plays(page, ANSWERS)
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENS / "listen_first.png")


def test_one_answer_at_a_time(opened):
    page = opened.page
    ask(page, "rain", "“rain”, best first")
    for place in (0, 1):
        page.locator(ANSWERS).nth(place).evaluate("a => a.play()")
        page.wait_for_function("([where, place]) => document.querySelectorAll(where)[place].currentTime > 0.1",
                               arg=[ANSWERS, place], timeout=20_000)
    assert page.locator(ANSWERS).evaluate_all("all => all.map(a => a.paused)") == [True, False, True, True, True]


def test_the_players_outside_the_box_play(opened):
    page, fixed = opened.page, ".jp-RenderedHTMLCommon figure audio"
    assert page.locator(fixed).count() >= 9
    page.evaluate("where => document.querySelector(where).play()", fixed)
    wait_until_it_plays(page, fixed)


def test_text_from_outside_stays_text(opened):
    page = opened.page
    ask(page, "<img src=x onerror=window.hacked=1>", "<img")
    assert page.locator(".hearsay-ask img").count() == 0 and page.evaluate("() => window.hacked") is None


def test_an_empty_query_is_answered_with_a_word_of_advice(opened):
    page = opened.page
    ask(page, "   ", "Type what you want to hear")
    assert page.locator(ANSWERS).count() == 0


def test_nothing_went_wrong_and_nothing_left_this_machine(opened):
    assert not opened.errors, opened.errors
    assert not opened.outside, opened.outside
