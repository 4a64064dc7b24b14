"""Mistakes of notebook 18 on a page without a kernel: gone through by keyboard alone, and each one sounds."""

import numpy as np
import pytest
import soundfile

from lib.show import bundle, mistakes
from tests.browser.lab import Watched

pytestmark = [pytest.mark.browser, pytest.mark.timeout(200)]


@pytest.fixture
def page(browser, tmp_path, monkeypatch):
    rows = []
    for i in range(2):
        soundfile.write(tmp_path / f"{i}.wav", 0.3 * np.sin(np.arange(32000) * (i + 1) / 20), 16000)
        rows.append({"clip_id": f"clip {i}", "path": str(tmp_path / f"{i}.wav")})
    shown = []
    monkeypatch.setattr(bundle, "emit", lambda data, metadata=None: shown.append(data["text/html"]))
    mistakes.show([mistakes.Mistake(query, *rows, rank=7) for query in ("a dog barks", "thunder <b>rolls</b>")])
    (tmp_path / "page.html").write_text(f"<!doctype html><meta charset='utf-8'>{shown[0]}", encoding="utf-8")
    watched = Watched(browser, "file://")
    watched.page.goto((tmp_path / "page.html").as_uri(), wait_until="domcontentloaded")
    yield watched.page
    watched.page.close()


def test_a_mistake_is_unfolded_and_heard_with_tab_enter_and_space(page):
    opened = "() => [...document.querySelectorAll('details')].map(each => each.open)"
    assert page.evaluate(opened) == [False, False]
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate(opened) == [True, False]
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "AUDIO"
    page.keyboard.press("Space")
    page.wait_for_function("document.querySelector('audio').currentTime > 0.2")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "came first: clip 0"
    assert page.locator("b").count() == 0  # text from outside stays text
