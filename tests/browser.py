"""Fixtures for tests in a headless Chromium; the tests are skipped without it.

`CDTNET_CHROMIUM` names the executable, which must then exist; by default, one on the PATH or the one that
Playwright installed is used.
"""

import os
import shutil

import pytest

from tests.processes import PATIENCE

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser():
    """Chromium for the tests of one module, because Playwright's event loop blocks others."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    executable = os.environ.get("CDTNET_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    with api.sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(executable_path=executable, args=QUIET)
        except api.Error as error:
            if "CDTNET_CHROMIUM" in os.environ:
                raise
            pytest.skip(f"no Chromium starts (name one in CDTNET_CHROMIUM): {str(error).splitlines()[0]}")
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser):
    """An empty page, 1280 × 900, with its own storage."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(1000 * PATIENCE)
    yield context.new_page()
    context.close()


@pytest.fixture
def page_errors(page) -> list[str]:
    """Return the console errors and uncaught exceptions so far."""
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return errors
