"""Every section of the console's page with real data: what it shows, accessibility, narrow screens, text of clients."""

import re

import pytest
from console import replies
from console.console_page import ConsolePage
from playwright.sync_api import ViewportSize, expect

# Path: the name of the link, and texts that the section must show.
SECTIONS = {
    "": ("Overview", "ErrorBudgetBurn", "21 % of availability", "disk", "/r/slug-35"),
    "requests": ("Requests", "40 requests, the newest first.", "/r/slug-38", "613 ms", "builtins.ValueError"),
    f"requests/{replies.TRACE}": ("Requests", "SELECT links", "Traceback", "curl -i", "request-7", "store.py:88 add"),
    "signals": ("Golden signals", "requests/s", "99 % within 250 ms", "objective 1 %", "/r/{slug}12.53 ms210 ms2 %"),
    "budget": ("Error budget", "availability: 99 %9,0007299.206 %0.7921 %", "99.978 %", "/api/v1/links50072"),
    "alerts": (
        "Alerts that would fire",
        "The rules of Prometheus over shorter windows.",
        "would fire",
        "P1 critical20.5",
    ),
    "alerts/ErrorBudgetBurn": ("Alerts that would fire", "Runbook", "tell its owner. See its dashboard.", "1h and 5m"),
    "stalls": ("Stalls", "412 ms", "store.py:88 add", "GET /api/v1/links/slug-7"),
    "state": ("State", "billing", "disk", "refresh", "30 s", "80 MB", "12"),
    "logs": ("Logs", "40 lines.", "http.request_failed", "path=/r/slug-40", "Set the level"),
    "profile": ("Profile", "CPU profile"),
    "tasks": (
        "Tasks",
        "Tasks of the event loop: 4, in groups of equal stacks. 7 small groups are left out.",
        "api/links/store.py:88 add",
        "refresh",
    ),
    "threads": ("Threads", "Threads: 1", "worker.py:9 run"),
    "memory": ("Memory", "Record"),
    "settings": ("Settings", "SENTRY_DSNsetenvironmentsecret"),
    "routes": ("Routes", "read1v1"),
    "versions": ("Versions", "starlette1.10.0"),
    "components/database": ("Database", "Slow statements", "812 ms", "postgresql", "21 % of availability"),
}
PRESSED = {"profile": "Frames by own samples", "memory": "4.1 MB"}  # sections that ask when their button is pressed
PHONES: tuple[ViewportSize, ...] = ({"width": 390, "height": 844}, {"width": 320, "height": 568})
WITH_TEXT_OF_CLIENTS = (
    "requests",
    f"requests/{replies.TRACE}",
    "logs",
    "state",
    "tasks",
    "profile",
    "components/database",
)


@pytest.mark.parametrize("path", SECTIONS)
def test_a_section_shows_what_the_service_says(console: ConsolePage, path: str) -> None:
    """By its address; accessible, in the colours of each scheme; on a phone without scrolling sideways."""
    name, *texts = SECTIONS[path]
    page = console.open(path)
    if path in PRESSED:
        page.locator("form.effect button").click()
        console.see(PRESSED[path])
    console.see(*texts)
    expect(page.locator("nav [aria-current=page]")).to_have_text(name)
    expect(page).to_have_title(f"{page.locator('h1').inner_text()} · links")
    assert console.serious() == []
    page.emulate_media(color_scheme="dark")
    assert console.serious("color-contrast") == []
    for phone in PHONES:
        page.set_viewport_size(phone)
        assert page.evaluate("document.documentElement.scrollWidth") == phone["width"]


@pytest.mark.parametrize("path", WITH_TEXT_OF_CLIENTS)
def test_text_of_clients_stays_text(console: ConsolePage, path: str) -> None:
    """Markup and script in it are shown as they are."""
    page = console.open(path)
    if path in PRESSED:
        page.locator("form.effect button").click()
    console.see(replies.HOSTILE)
    assert page.locator("img, [onclick], [onerror], #content script").count() == 0
    assert page.evaluate("document.scripts.length") == 1


def test_charts_say_in_words_what_they_draw(console: ConsolePage) -> None:
    """Each is an image with a name; the threshold of the objective is drawn."""
    page = console.open("signals")
    said = re.compile(r"^Latency: p50 now \S+ ms, at most 5 ms; .*; 99 % within 250 ms\.$")
    expect(page.get_by_role("img", name=said)).to_have_count(1)
    expect(page.locator("figure[data-chart=latency] line.threshold")).to_have_count(1)
    expect(page.locator("figure")).to_have_count(7)
