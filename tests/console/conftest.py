"""A browser for the tests of the console's page. CI installs Chromium; elsewhere, tests without it are skipped."""

import os
from collections.abc import Iterator

import pytest
from console.console_page import ConsolePage
from console.fake_service import FakeService, serving
from playwright.sync_api import Browser, sync_playwright

from preview.tools import NEEDED, find_one

PATIENCE_MS = 10_000


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    path = find_one("chromium")
    if not path and not os.environ.get("CI"):
        pytest.skip(f"needs chromium: {NEEDED['chromium'][1]}")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def service() -> FakeService:
    """What the service answers in one test."""
    return FakeService()


@pytest.fixture
def away(browser: Browser) -> Iterator[ConsolePage]:
    """A tab for a service that the test starts and stops."""
    with browser.new_context() as context:
        context.set_default_timeout(PATIENCE_MS)
        opened = ConsolePage(context.new_page(), "")
        yield opened
        opened.check()


@pytest.fixture
def console(browser: Browser, service: FakeService) -> Iterator[ConsolePage]:
    """The page in a fresh context. At the end, it must have made no error and asked no other host."""
    with serving(service) as address, browser.new_context(viewport={"width": 1280, "height": 860}) as context:
        context.set_default_timeout(PATIENCE_MS)
        opened = ConsolePage(context.new_page(), address)
        yield opened
        opened.check()
