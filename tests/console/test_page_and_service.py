"""The page with a real service: its requests, its numbers, a stall, and the guards of the port."""

import json
import os
import re
import secrets
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from console.console_page import ConsolePage
from playwright.sync_api import expect
from template import ROOT, TIMEOUT_SECONDS

from bench.ports import free_port

RUNTIME = ROOT / "runtime"
NUMBER = 30


class Running:
    """A service with its console."""

    def __init__(self) -> None:
        """Choose ports and a token."""
        self.port, self.management, self.token = free_port(), free_port(), secrets.token_hex(16)
        self.console = f"http://127.0.0.1:{self.management}"

    def environment(self) -> dict[str, str]:
        """The variables of the process."""
        return {
            **os.environ,
            "UV_PROJECT_ENVIRONMENT": str(ROOT / "build/runtime-dev"),
            "CONSOLE": "true",
            "CONSOLE_TOKEN": self.token,
            "LOG_FORMAT": "json",
            "DRAIN_SECONDS": "0",
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "MANAGEMENT_HOST": "127.0.0.1",
            "MANAGEMENT_PORT": str(self.management),
        }

    def get(self, path: str) -> tuple[int, bytes]:
        """Ask the service."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=TIMEOUT_SECONDS) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def until_ready(self) -> None:
        """Wait for its first answer."""
        end = time.monotonic() + TIMEOUT_SECONDS
        while True:
            try:
                self.get("/greet/first")
            except OSError:
                assert time.monotonic() < end, "the service does not start"
                time.sleep(0.05)
            else:
                return


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """One service for the tests of this file."""
    service = Running()
    command = ["uv", "run", "--quiet", "--project", str(RUNTIME), "python", "tests/programs/shown.py"]
    with subprocess.Popen(
        command, cwd=RUNTIME, env=service.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            service.until_ready()
            yield service
        finally:
            process.terminate()


@pytest.fixture
def console(away: ConsolePage, running: Running) -> ConsolePage:
    """The page, with the cookie of a login."""
    away.address, away.name = running.console, "shown"
    assert away.page.context.request.get(f"{running.console}/console/login?token={running.token}").ok
    return away


def problem(body: bytes) -> dict[str, Any]:
    """A problem document."""
    return dict(json.loads(body))


def test_the_login_leaves_no_token_in_the_address(console: ConsolePage, running: Running) -> None:
    """Nor in what scripts can read."""
    console.page.context.clear_cookies()
    console.page.goto(f"{running.console}/console/login?token={running.token}")
    assert console.page.url == f"{console.address}/console"
    assert console.page.evaluate("document.cookie") == ""


def test_the_link_of_a_problem_document_leads_to_its_request(console: ConsolePage, running: Running) -> None:
    """With the exception, its span and its log lines."""
    status, body = running.get("/fail")
    assert status == 500
    console.page.goto(problem(body)["console"])
    console.see("the stamp is broken", "GET /fail", "http.request_failed", problem(body)["request_id"])


def test_requests_and_signals_show_the_traffic(console: ConsolePage, running: Running) -> None:
    """Each request once, with the text that its client chose; the routes of the last minute."""
    for number in range(NUMBER):
        running.get(f"/greet/%3Cimg%20onerror%3D{number}%3E")
    page = console.open("requests?route=/greet/{name}&text=onerror")
    console.see(f"{NUMBER} requests, the newest first.", "%3Cimg%20onerror%3D29%3E")
    page = console.open("signals")
    expect(page.get_by_role("link", name="/greet/{name}")).to_be_visible()
    latency = page.locator("figure[data-chart=latency] path.s2")
    expect(latency).to_have_attribute("d", re.compile("^M"))


def test_the_page_lives_while_the_loop_is_blocked(console: ConsolePage, running: Running) -> None:
    """A stall is shown with its stack and its request."""
    console.open("stalls")
    running.get("/block/0.4")
    console.see("in block", "GET /block/0.4")
    console.page.get_by_role("link", name="GET /block/0.4").first.click()
    expect(console.page.locator("h1")).to_contain_text("Requests: ")
    console.see("/block/{seconds}")


def test_buttons_of_a_component(console: ConsolePage) -> None:
    """What each did is beside it; one that runs cannot be pressed again, in another tab either."""
    page = console.open("components/drawer")
    refill, watch = (page.locator(".action", has_text=name) for name in ("Refill", "Watch"))
    refill.get_by_role("button").click()
    expect(refill.get_by_role("status")).to_have_text("5 red stamps are left.")
    expect(page.get_by_role("region", name="stamps").locator("tbody")).to_have_text("red5")
    page.locator(".action", has_text="Jam").get_by_role("button").click()
    console.see("It failed with RuntimeError; the log of the service says why.")
    watch.get_by_role("button").click()
    expect(watch.get_by_role("status")).to_have_text("runs …")
    with page.context.new_page() as other:
        other.goto(page.url)
        button = other.get_by_role("button", name="Watch")
        expect(button).to_have_attribute("aria-disabled", "true")
    refill.get_by_role("button").click()
    expect(refill.get_by_role("status")).to_have_text("7 red stamps are left.")


@pytest.mark.parametrize("path", ["state", "logs", "settings", "routes", "versions", "components/drawer"])
def test_other_sections_show_data(console: ConsolePage, path: str) -> None:
    """Without an error, with rows."""
    page = console.open(path)
    expect(page.locator("tbody tr, .logline").first).to_be_visible()
