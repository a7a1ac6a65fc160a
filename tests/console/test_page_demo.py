"""`make demo` in a browser: each button is pressed, and signals, budget, alerts, checks and stalls react."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from console.console_page import ConsolePage
from playwright.sync_api import Browser, Locator, expect
from template import TIMEOUT_SECONDS, Machine

from preview.screens import take

BUTTONS = ["Fail", "Slow", "Block", "Flood", "Lose a dependency"]
EFFECT_MS = 40_000  # the longest one lasts 20 s

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def login(shared: Machine, template: Path) -> Iterator[str]:
    """The address that a running demo prints."""
    kept = {name: value for name, value in shared.environment().items() if not name.startswith("OTEL_")}
    command = [sys.executable, "-m", "demo"]
    with subprocess.Popen(command, cwd=template, env=kept, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield next(line.strip() for line in process.stdout if "/console/login?token=" in line)
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=TIMEOUT_SECONDS)[0]
        assert process.returncode == 0, rest


@pytest.fixture
def demo(away: ConsolePage, login: str) -> ConsolePage:
    """The section of the demo, opened from the printed address."""
    away.address, away.name = login.partition("/console/")[0], "acme-links"
    away.page.goto(login)
    away.page.get_by_role("link", name="Demo", exact=True).click()
    expect(away.page.locator("h1")).to_have_text("Demo")
    return away


def press(demo: ConsolePage, button: str) -> Locator:
    """Press a button. What is said beside it."""
    found = demo.page.get_by_role("button", name=button, exact=True)
    expect(found).not_to_have_attribute("aria-disabled", "true", timeout=EFFECT_MS)
    found.click()
    return demo.page.locator(".action", has=found).get_by_role("status")


def test_the_buttons_are_above_the_signals(demo: ConsolePage) -> None:
    """Each with what it does; accessible."""
    page = demo.page
    expect(page.locator(".action button")).to_have_text(BUTTONS)
    expect(page.locator(".action span:first-of-type")).to_have_text([re.compile(r"\S+ .+\.$")] * len(BUTTONS))
    expect(page.locator("figure h2")).to_have_text(["Traffic", "Errors", "Latency", "Event loop lag"])
    assert demo.serious() == []


def test_failures_spend_the_budget_and_would_page(demo: ConsolePage) -> None:
    """The tile above the charts says so, and leads to the alert with its runbook."""
    expect(press(demo, "Fail")).to_have_text(re.compile(r"^40 requests in \d+\.\d s: 40 with status 500\.$"))
    tile = demo.page.locator(".tile", has_text="Alerts")
    expect(tile).to_contain_text("ErrorBudgetBurn", timeout=EFFECT_MS)
    expect(demo.page.locator(".tile", has_text="Budget left")).to_contain_text(
        re.compile(r"-[\d,.]+ % of availability")
    )
    tile.get_by_role("link", name="ErrorBudgetBurn").click()
    demo.see("P1 critical", "Runbook")
    expect(demo.page.locator(".mark.bad").first).to_have_text("would fire", timeout=EFFECT_MS)


def test_the_pictures_of_the_readme_can_be_taken(
    demo: ConsolePage, browser: Browser, login: str, tmp_path: Path
) -> None:
    """Both, by the function that `make screens` calls."""
    press(demo, "Fail")

    pictures = take(browser, login, tmp_path)

    assert sorted(picture.name for picture in pictures) == ["console-request.png", "console.png"]
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)


def test_slow_requests_break_the_objective_of_latency(demo: ConsolePage) -> None:
    """The budget names their route, which leads to them."""
    expect(press(demo, "Slow")).to_have_text(re.compile(r"^60 requests in \d+\.\d s: 60 with status 200\.$"))
    page = demo.open("budget")
    page.get_by_role("row").filter(has_text="latency").get_by_role("link", name="/faults/slow").click()
    demo.see("/faults/slow", "200")


def test_a_flood_is_shed(demo: ConsolePage) -> None:
    """Once at a time: a second press is refused."""
    said = press(demo, "Flood")
    button = demo.page.get_by_role("button", name="Flood", exact=True)
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(demo.page.locator(".tile", has_text="Alerts")).to_contain_text("RequestsShed", timeout=EFFECT_MS)
    expect(said).to_have_text(re.compile(r"^\d+ requests in .*\d+ with status 503"), timeout=EFFECT_MS)
    expect(button).not_to_have_attribute("aria-disabled", "true")


def test_a_lost_dependency_fails_its_check_and_comes_back(demo: ConsolePage) -> None:
    """While it is lost, the section and the check say so."""
    said = press(demo, "Lose a dependency")
    demo.see("dependency priceslost")
    tile = demo.page.locator(".tile", has_text="Checks")
    expect(tile).to_contain_text("http_client.prices", timeout=EFFECT_MS)
    expect(said).to_have_text(re.compile(r"^prices is back\. Meanwhile: .*\d+ with status 503"), timeout=EFFECT_MS)
    demo.see("dependency pricesanswers")
    expect(tile).to_contain_text("2 pass", timeout=EFFECT_MS)


def test_the_page_lives_while_the_loop_is_blocked(demo: ConsolePage) -> None:
    """The stalls are listed while the service can answer nothing else."""
    press(demo, "Block")
    page = demo.open("stalls")
    demo.see("time.sleep(", "GET /faults/block")
    expect(page.locator("#state")).to_have_text("live")
