"""The page with a real service: its requests, its numbers, a stall, and the guards of the port."""

import http.client
import json
import os
import re
import secrets
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
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

    def __init__(self, output: Path) -> None:
        """Choose ports and a token. Standard output is a file."""
        self.output = output
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

    def read(self, twin: str) -> dict[str, Any]:
        """What a twin answers to a program."""
        headers = {"Authorization": f"Bearer {self.token}"}
        connection = http.client.HTTPConnection("127.0.0.1", self.management, timeout=TIMEOUT_SECONDS)
        with closing(connection):
            connection.request("GET", f"/console/api/v1/{twin}", headers=headers)
            return dict(json.loads(connection.getresponse().read()))

    def points_until(self, moment: float) -> list[dict[str, Any]]:
        """The points of the golden signals, when there is one after this moment."""
        end = time.monotonic() + TIMEOUT_SECONDS
        while not (points := self.read("signals?since=0")["points"]) or points[-1]["t"] <= moment:
            assert time.monotonic() < end, "there is no new point"
            time.sleep(0.1)
        return list(points)

    def metrics(self, name: str) -> dict[frozenset[tuple[str, str]], float]:
        """The samples of a metric on the page for Prometheus, by their labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.management}/metrics", timeout=TIMEOUT_SECONDS) as answer:
            text = answer.read().decode()
        found = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)", text, re.MULTILINE)
        return {frozenset(re.findall(r'(\w+)="([^"]*)"', labels)): float(value) for labels, value in found}

    def lines(self) -> list[dict[str, Any]]:
        """The lines of requests on standard output."""
        lines = [json.loads(line) for line in self.output.read_text("utf-8").splitlines()]
        return [line for line in lines if line["event"] == "http.request_finished"]

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
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One service for the tests of this file."""
    service = Running(tmp_path_factory.mktemp("running") / "lines")
    command = ["uv", "run", "--quiet", "--project", str(RUNTIME), "python", "tests/programs/shown.py"]
    with (
        service.output.open("wb") as lines,
        subprocess.Popen(
            command, cwd=RUNTIME, env=service.environment(), stdout=lines, stderr=subprocess.DEVNULL
        ) as process,
    ):
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


def cells(console: ConsolePage, caption: str, row: str) -> list[str]:
    """The cells of the first row with this text, of the table with this caption."""
    return (
        console.page.get_by_role("region", name=caption)
        .locator("tbody tr", has_text=row)
        .first.locator("td")
        .all_inner_texts()
    )


def test_numbers_are_those_of_the_metrics_and_the_lines(console: ConsolePage, running: Running) -> None:
    """Of the same run: budgets, counts and rates of routes, and each field of a request."""
    for number in range(NUMBER):
        running.get(f"/greet/equal{number}")
    running.get("/fail")
    console.open("requests?text=/greet/equal")
    console.see(f"{NUMBER} requests, the newest first.")
    lines = running.lines()
    of_route = [line for line in lines if line["http_route"] == "/greet/{name}"]

    counted = running.metrics("http_server_request_duration_seconds_count")
    by_route = {route: 0.0 for line in lines if (route := line["http_route"])}
    for labels, value in counted.items():
        by_route[dict(labels)["http_route"]] += value
    assert by_route == {route: sum(line["http_route"] == route for line in lines) for route in by_route}
    assert len(running.read("requests?limit=2000")["items"]) == len(lines)

    events = {(dict(k)["slo"], dict(k)["outcome"]): v for k, v in running.metrics("slo_events_total").items()}
    page = console.open("budget")
    expect(page.get_by_role("region", name="Error budget of each objective")).to_contain_text("availability")
    for slo in ("availability", "latency"):
        row = cells(console, "Error budget of each objective", f"{slo}:")
        assert [float(each.replace(",", "")) for each in row[1:3]] == [events[slo, "good"], events[slo, "bad"]]
    failed = sum(line["http_response_status_code"] >= 500 for line in lines)
    assert cells(console, "Bad events by route", "/fail")[1:] == ["/fail", "500", str(failed)]

    points = running.points_until(time.time())
    rated = sum(after["rate"] * (after["t"] - before["t"]) for before, after in pairwise(points)) + points[0]["rate"]
    assert rated == pytest.approx(len(lines), abs=0.5)
    (objective,) = running.metrics("slo_threshold_seconds").values()
    assert running.read("signals")["objectives"][1]["threshold_seconds"] == objective

    line = of_route[-1]
    page = console.open(f"requests/{line['trace_id']}")
    console.see(line["request_id"], line["url_path"], "http.request_finished")
    shown = running.read(f"requests/{line['trace_id']}")
    assert (shown["request"]["bytes"], shown["request"]["status"]) == (
        line["response_bytes"],
        line["http_response_status_code"],
    )
    assert shown["request"]["ms"] == pytest.approx(line["duration_seconds"] * 1000, abs=0.01)
    assert shown["lines"] == [line]


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
