"""A real browser for the tests that need one; where there is none they are skipped, with the reason."""

import shutil
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium of this system, or playwright's own; closed before tests that end all child processes."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no browser driver: pip install playwright")
    from tests.browser.lab import CHROMIUM

    with playwright.sync_playwright() as driver:
        places = [*map(shutil.which, BROWSERS), driver.chromium.executable_path]
        path = next((place for place in places if place and Path(place).exists()), None)
        if path is None:
            pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed, nor playwright's own (`make test` "
                        "fetches that one where the network lets it)")
        launched = driver.chromium.launch(executable_path=path, headless=True, args=list(CHROMIUM))
        yield launched
        launched.close()
