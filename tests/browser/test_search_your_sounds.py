"""Notebook 17 as a reader meets it: a query typed, an answer heard and taken as example, words added, taken back."""

import numpy as np
import pytest
import soundfile

from lib.workbook import BUILD
from tests.browser import lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
SCREENS = BUILD / "screens"
BOX, STATUS, SOUND, TAKE, UNDO, WAY, EXAMPLE, DROP, FILE = (f".hearsay-panel {part}" for part in (
    "input[type=search]", "[role=status]", "audio", ".hearsay-take", ".hearsay-undo", ".hearsay-way li",
    ".hearsay-example", ".hearsay-drop", "input[type=file]"))  # fmt: skip


@pytest.fixture(scope="module")
def opened(browser, tmp_path_factory):
    """Notebook 17 at smoke, all its cells run."""
    path = lab.notebook("17_search_your_sounds", PROFILE="smoke")
    with lab.in_lab(browser, path, tmp_path_factory.mktemp("lab"), BOX, seconds=300) as watched:
        watched.page.wait_for_function("() => [...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')]"
                                       ".slice(1).every(p => /\\d/.test(p.textContent))", timeout=300_000)
        yield watched


def told(page, words):
    lab.told(page, STATUS, words)


def ask(page, query, words):
    """Type a query into the box, press Enter, wait until the status line says `words`."""
    lab.ask(page, BOX, query)
    told(page, words)


def tab_to(page, label):
    """Tab until the element of that label has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.getAttribute('aria-label')") == label:
            return
    raise AssertionError(f"{label} cannot be reached by keyboard")


def labels(page, where):
    return page.locator(where).evaluate_all("all => all.map(each => each.getAttribute('aria-label'))")


def test_a_whole_search_by_keyboard_alone(opened):
    page = opened.page
    before = page.locator(WAY).all_inner_texts()  # the tests share one panel and come in any order
    ask(page, "rain", "5 answers to “rain”")
    assert page.locator(SOUND).count() == 5 and page.locator(SOUND).evaluate_all("all => all.every(a => a.paused)")
    tab_to(page, labels(page, SOUND)[0])
    page.keyboard.press("Space")
    page.wait_for_function("where => document.querySelector(where).currentTime > 0.2", arg=SOUND, timeout=20_000)
    tab_to(page, labels(page, TAKE)[0])
    page.keyboard.press("Enter")
    told(page, "Now say what should be otherwise")
    assert page.evaluate("where => document.activeElement === document.querySelector(where)", BOX)
    example = page.locator(EXAMPLE).inner_text().removeprefix("Example: ")
    page.keyboard.type("add a dog barking")
    page.keyboard.press("Enter")
    told(page, f"answers to like “{example}”, “add a dog barking”")
    assert page.locator(WAY).all_inner_texts() == [*before, "“rain”", f"like “{example}”, “add a dog barking”"]
    assert not any(label.endswith(f": {example}") for label in labels(page, SOUND))
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENS / "search_your_sounds.png")
    page.locator(UNDO).focus()
    page.keyboard.press("Enter")
    told(page, "Back to “rain”")
    assert page.locator(WAY).all_inner_texts() == [*before, "“rain”"]


def test_a_recording_of_your_own_is_the_example_until_it_is_dropped(opened, tmp_path):
    page = opened.page
    soundfile.write(tmp_path / "mine.wav", 0.2 * np.random.default_rng(0).standard_normal(32000).clip(-1, 1), 16000)
    page.locator(FILE).set_input_files(tmp_path / "mine.wav")
    told(page, "Now say what should be otherwise")
    assert page.locator(EXAMPLE).inner_text() == "Example: mine.wav"
    page.locator(DROP).click()
    told(page, "the words alone decide")
    (tmp_path / "notes.wav").write_text("no sound")
    page.locator(FILE).set_input_files(tmp_path / "notes.wav")
    told(page, "notes.wav: this is not audio")


def test_what_is_not_a_question_gets_a_sentence(opened):
    page = opened.page
    ask(page, "  ", "Type what you want to hear")
    ask(page, "dog " * 250, "expected a query of 1 to 200 words; got 250")
    ask(page, "<img src=x onerror=window.hacked=1>", "<img")
    assert page.locator(".hearsay-panel img").count() == 0 and page.evaluate("() => window.hacked") is None


def test_the_searches_outside_the_panel_sound(opened):
    page, fixed = opened.page, ".jp-RenderedHTMLCommon figure audio"
    assert page.locator(fixed).count() >= 12
    page.evaluate("where => document.querySelector(where).play()", fixed)
    page.wait_for_function("where => document.querySelector(where).currentTime > 0.2", arg=fixed, timeout=20_000)


def test_all_cells_ran_and_nothing_went_wrong_or_left_this_machine(opened):
    page = opened.page
    for kind in ("stderr", "error"):
        assert page.locator(f'[data-mime-type="application/vnd.jupyter.{kind}"]').all_inner_texts() == []
    assert page.get_by_text("Error displaying widget").count() == 0
    assert not opened.errors, opened.errors
    assert not opened.outside, opened.outside
