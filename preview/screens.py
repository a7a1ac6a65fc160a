"""`python -m preview.screens`: screenshots of the development console under the traffic of the demo."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console

from demo import service, traffic
from demo.service import DemoError

from .dashboards import ROOT
from .errors import UnfitError
from .tools import NEEDED, find_one

FOLDER = ROOT / "docs" / "pictures"
WIDTH, HEIGHT = 1280, 860  # pixels
PATIENCE_MS = 30_000
SECONDS = 60.0  # of traffic before the pictures, so that the charts have a past
FAILED, UNFIT = 1, 2


def main() -> int:
    """Run the demo's service, make it fail, and take the pictures. Exit status 2 when Chromium is missing."""
    console = Console(highlight=False, soft_wrap=True)
    try:
        chromium = _chromium()
        directory = service.generate()
        service.install(directory)
        running = service.Service(directory)
        try:
            with traffic.steady(running.port), sync_playwright() as playwright:
                running.wait(SECONDS)
                running.console.press("slow")
                running.console.press("fail")  # the alerts that would fire last some seconds
                browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
                for picture in take(browser, running.console.login, FOLDER):
                    console.print(f"{picture.relative_to(ROOT)}, {picture.stat().st_size // 1000} kB")
        finally:
            running.stop()
    except UnfitError as error:
        console.print(str(error), markup=False)
        return UNFIT
    except DemoError as error:
        console.print(f"The pictures were not taken: {error}", markup=False)
        return FAILED
    return 0


def take(browser: Browser, login: str, folder: Path) -> list[Path]:
    """Write `console.png`, the signals with the buttons of the demo, and `console-request.png`, a request with a call.

    The requests of the demo must have begun, and an alert must be about to fire.
    """
    with browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light") as context:
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(login)
        return [draw(page, folder / name) for name, draw in _PICTURES.items()]


def _signals(page: Page, file: Path) -> Path:
    page.get_by_role("link", name="Demo", exact=True).click()
    page.locator(".tile", has_text="Alerts").get_by_role("link", name="ErrorBudgetBurn").wait_for()
    page.screenshot(path=file)
    return file


def _request(page: Page, file: Path) -> Path:
    page.goto(f"{page.url.partition('/console')[0]}/console/requests?route=%2Fdemo%2Fprice")
    page.get_by_role("row").filter(has_text="/demo/price").get_by_role("link").first.click()
    page.locator("#content").get_by_text("Log lines").wait_for()
    page.screenshot(path=file)
    return file


_PICTURES: Mapping[str, Callable[[Page, Path], Path]] = {"console.png": _signals, "console-request.png": _request}


def _chromium() -> str:
    if found := find_one("chromium"):
        return found
    msg = f"The pictures need chromium ({NEEDED['chromium'][1]})."
    raise UnfitError(msg)


if __name__ == "__main__":
    sys.exit(main())
