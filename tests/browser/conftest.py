"""A real browser for the tests that need one; where there is none they are skipped, with the reason."""

import shutil

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium of this system, driven by playwright; closed before tests that end all child processes."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="no browser driver: pip install playwright")
    from tests.browser.lab import CHROMIUM

    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=path, headless=True, args=list(CHROMIUM))
        yield launched
        launched.close()
