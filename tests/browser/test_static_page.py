"""The static page of notebook 00: no kernel, no server, no network, and its answers still sound."""

import nbformat
import pytest

from lib.show import ask, bundle
from lib.workbook import build, pages
from tests.browser.lab import Watched

pytestmark = [pytest.mark.browser, pytest.mark.timeout(200)]


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


def test_a_page_without_the_network_says_why_its_equations_are_not_drawn(page):
    assert page.get_by_text("equations of this page need the network").is_visible()
    page.evaluate("window.MathJax = {}; eval(document.querySelector('.equations + script').text)")
    assert not page.get_by_text("equations of this page need the network").is_visible()
