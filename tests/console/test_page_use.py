"""How a person uses the console's page: filters, links, keys, pause, and what it says when the service is away."""

import re

from console import replies
from console.console_page import ConsolePage
from console.fake_service import FakeService, serving
from playwright.sync_api import expect

SECONDS = 10


def test_filters_are_in_the_address(console: ConsolePage, service: FakeService) -> None:
    """What is filled in gets into the query, and a query fills it in; the service filters."""
    page = console.open("requests")
    page.get_by_label("Errors only").check()
    console.see("5 requests, the newest first.")
    page.get_by_label("Route").fill("/r/{slug}")
    console.see("2 requests, the newest first.")
    assert page.url.endswith("/console/requests?errors=1&route=%2Fr%2F%7Bslug%7D")
    page.reload()
    console.see("2 requests, the newest first.")
    expect(page.get_by_label("Errors only")).to_be_checked()
    expect(page.get_by_label("Route")).to_have_value("/r/{slug}")
    page.get_by_label("Slower than, ms").fill("700")
    console.see("No request yet that fits the filter.")
    assert any("slower=700" in asked for asked in service.asked)
    page = console.open("settings?text=sentry")
    console.see("SENTRY_DSN")
    expect(page.locator("tbody tr")).to_have_count(1)
    page = console.open("logs?level=error&text=slug-35")
    console.see("1 lines.")


def test_new_requests_and_lines_appear(console: ConsolePage, service: FakeService) -> None:
    """Requests on top, lines at the end, each once; only what is new is asked for."""
    page = console.open("requests")
    console.see("40 requests")
    added = service.add()
    expect(page.locator("tbody tr").first.locator("a")).to_have_attribute("href", f"/console/requests/{added}?seq=41")
    expect(page.locator("tbody tr")).to_have_count(41)
    assert any("after=40" in asked for asked in service.asked)
    page = console.open("logs")
    console.see("41 lines.")
    service.add()
    expect(page.locator(".logline").last).to_contain_text("path=/r/slug-42")
    expect(page.locator(".tail")).to_have_js_property("ariaLive", "polite")
    assert page.evaluate(
        "t => t.scrollHeight - t.scrollTop - t.clientHeight < 2", page.locator(".tail").element_handle()
    )


def test_it_asks_nothing_while_it_is_paused_or_hidden(console: ConsolePage, service: FakeService) -> None:
    """Once a second otherwise, and only for the open section."""
    page = console.page
    page.clock.install()
    page.add_init_script("Object.defineProperty(document, 'hidden', { get: () => window.away ?? false })")
    console.open("requests")
    console.see("40 requests")
    for pause, resume in (
        (lambda: page.keyboard.press("p"), lambda: page.keyboard.press("p")),
        (lambda: page.evaluate("away = true"), lambda: page.evaluate("away = false")),
    ):
        pause()
        before = len(console.asked)
        page.clock.run_for(SECONDS * 1000)
        assert console.asked[before:] == []
        resume()
        with page.expect_response("**/api/v1/requests?*"):
            page.clock.run_for(1000)
    assert {asked.partition("?")[0] for asked in service.asked} == {"", "state", "requests"}


def test_pause_is_shown_and_filters_still_work(console: ConsolePage) -> None:
    """A paused page still loads what is opened."""
    page = console.open("requests")
    button = page.get_by_role("button", name="Pause")
    button.click()
    expect(page.locator("#state")).to_have_text("paused")
    expect(page.get_by_role("button", name="Resume")).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Errors only").check()
    console.see("5 requests, the newest first.")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#state")).to_have_text("live")


def test_links_lead_into_the_page_and_back(console: ConsolePage) -> None:
    """From the list to a request, to its trace in the logs, and back with the filter."""
    page = console.open("requests?errors=1")
    page.get_by_role("link", name="/api/v1/links/slug-7").click()
    expect(page.locator("h1")).to_have_text(f"Requests: {replies.TRACE}")
    expect(page.locator("h1")).to_be_focused()
    spans = page.get_by_role("region", name="Spans of the trace").locator("tbody tr td:first-child > span")
    expect(spans).to_have_text(["GET /api/v1/links/{slug}", "links.create", "SELECT links"])
    page.get_by_text("attributes").last.click()
    console.see("db.query.text")
    page.go_back()
    console.see("5 requests, the newest first.")
    page.goto(f"{console.address}/console/nowhere")
    console.see("The console has no such section.")


def test_a_request_that_is_not_held(console: ConsolePage) -> None:
    """The sentence of the service is shown."""
    console.expected = ("404",)
    console.page.goto(f"{console.address}/console/requests/{'0' * 32}")
    expect(console.page.get_by_role("alert")).to_have_text(f"No requests/{'0' * 32}.")


def test_requests_of_one_trace_have_pages_of_their_own(console: ConsolePage, service: FakeService) -> None:
    """The number of the request is in the address, and the page names the others."""
    page = console.open(f"requests/{replies.TRACE}?seq=7")
    console.see("Other requests of this trace")
    page.get_by_role("link", name="/r/retried").click()
    expect(page).to_have_url(f"{console.address}/console/requests/{replies.TRACE}?seq=3")
    console.see("SELECT links")
    assert f"requests/{replies.TRACE}?seq=3" in service.asked


def test_the_head_tells_how_the_service_is(console: ConsolePage, service: FakeService) -> None:
    """A blocked event loop, and a service that does not answer: also in a section that asks nothing."""
    console.expected = ("Failed to load resource",)
    console.open("profile")
    state = console.page.locator("#state")
    service.blocked_ms = 6_200
    expect(state).to_have_text("event loop blocked for 6.2 s")
    expect(state).to_have_class("blocked")
    service.status = 503
    expect(state).to_have_text("no data")
    service.status, service.blocked_ms = 200, 0
    expect(state).to_have_text("live")


def test_keys(console: ConsolePage) -> None:
    """To the filter, to sections, pause, the list of keys; none of them while something is typed."""
    page = console.open("requests")
    page.keyboard.press("/")
    expect(page.get_by_label("Text")).to_be_focused()
    page.keyboard.type("pg/?")
    expect(page.get_by_label("Text")).to_have_value("pg/?")
    expect(page.locator("#state")).to_have_text("live")
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    expect(page.locator("#state")).to_have_text("paused")
    page.keyboard.press("p")
    page.keyboard.press("g")
    page.keyboard.press("b")
    expect(page.locator("h1")).to_have_text("Error budget")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("g rRequests")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_a_spike_leads_to_its_requests(console: ConsolePage, service: FakeService) -> None:
    """A click into a chart opens the requests of those seconds, filtered as the chart is."""
    page = console.open("signals")
    chart = page.locator("figure[data-chart=errors] svg.chart")
    chart.click(position={"x": 10, "y": 40})
    expect(page.locator("h1")).to_have_text("Requests")
    console.see("Between ")
    assert re.search(r"errors=1&since=\d+&until=\d+$", page.url)
    console.see("No request yet that fits the filter.")
    assert any(re.search(r"errors=1&since=\d+&until=\d+&limit", asked) for asked in service.asked)
    page.get_by_role("link", name="All times").click()
    console.see("5 requests, the newest first.")
    page.go_back()
    page.go_back()
    page.get_by_role("link", name="Slower than 250 ms").click()
    console.see("8 requests, the newest first.")
    time = service.requests[34]["time"]
    page = console.open(f"requests?since={time - 0.5}&until={time + 0.5}")
    console.see("1 requests, the newest first.", "Between ")


def test_a_pointer_reads_all_charts_at_its_time(console: ConsolePage) -> None:
    """A line in each, and the values of then."""
    page = console.open("signals")
    page.locator("figure[data-chart=rate] svg.chart").hover(position={"x": 50, "y": 30})
    expect(page.locator("line.cursor")).to_have_count(7)
    page.locator("h1").hover()
    expect(page.locator("line.cursor")).to_have_count(0)


def test_focus_and_opened_details_stay_while_data_changes(console: ConsolePage, service: FakeService) -> None:
    """Nothing is drawn again that has not changed."""
    page = console.open("budget")
    route = page.get_by_role("link", name="/api/v1/links")
    route.focus()
    asked = len(service.asked)
    with page.expect_response("**/api/v1/budget"), page.expect_response("**/api/v1/budget"):
        pass
    assert len(service.asked) > asked
    expect(route).to_be_focused()


def test_a_service_that_restarts(console: ConsolePage, service: FakeService) -> None:
    """One sentence while it is away; then the list begins anew, because the service counts anew."""
    console.expected = ("ERR_CONNECTION", "ERR_EMPTY", "Failed to load resource")
    page = console.page
    fault = page.get_by_role("alert")
    console.open("requests")
    console.see("40 requests")
    service.status = 503
    expect(fault).to_have_text("No requests.")
    service.status = 200
    expect(fault).to_be_hidden()
    del service.requests[2:]
    console.see("2 requests, the newest first.")


def test_a_service_that_is_away_and_an_old_token(away: ConsolePage, service: FakeService) -> None:
    """Each has its sentence; the page goes on without action."""
    page = away.page
    fault = page.get_by_role("alert")
    away.expected = ("ERR_CONNECTION", "Failed to load resource")
    with serving(service, service.port) as address:
        away.address = address
        away.open("budget")
        away.see("availability")
    expect(fault).to_have_text(re.compile("^The service does not answer. It restarts, or it has ended."))
    expect(page.locator("#state")).to_have_text("no data")
    service.status = 401
    with serving(service, service.port):
        expect(fault).to_have_text(re.compile("^The token of this page is old"))
        service.status = 200
        expect(fault).to_be_hidden()
        expect(page.locator("#state")).to_have_text("live")


def test_a_profile_is_drawn_and_zoomed(console: ConsolePage, service: FakeService) -> None:
    """Asked for with the header of the console; a frame becomes as wide as the graph, by mouse and by key."""
    page = console.open("profile")
    page.get_by_label("Seconds").fill("2")
    page.get_by_role("button", name="Profile").click()
    frame = page.get_by_role("button", name="api/links/store.py:88 add: 90 %")
    expect(frame).to_have_attribute("width", "90%")
    assert 'POST profile 1 {"seconds":2}' in service.asked
    frame.press("Enter")
    expect(frame).to_have_attribute("width", "100%")
    page.get_by_role("button", name="Whole graph").click()
    expect(frame).to_have_attribute("width", "90%")
    service.status = 409
    console.expected = ("409",)
    page.get_by_role("button", name="Profile", exact=True).click()
    console.see("No profile.")


def test_an_action_of_a_component_says_what_was_done(console: ConsolePage, service: FakeService) -> None:
    """Asked for with the header of the console, also by key. A refusal is a sentence beside the button."""
    page = console.open("components/database")
    row = page.locator(".action", has=page.get_by_role("button", name="Analyze"))
    expect(row).to_contain_text(replies.HOSTILE)
    page.get_by_role("button", name="Analyze").press("Enter")
    expect(row.get_by_role("status")).to_have_text(f"Done: {replies.HOSTILE}")
    expect(page.get_by_role("button", name="Analyze")).to_be_focused()
    assert "POST components/database/analyze 1 {}" in service.asked
    service.status = 409
    console.expected = ("409",)
    page.get_by_role("button", name="Analyze").click()
    expect(row.get_by_role("status")).to_have_text("No components/database/analyze.")


def test_the_log_level_is_set_for_a_time(console: ConsolePage, service: FakeService) -> None:
    """By a form below the lines."""
    page = console.open("logs")
    page.get_by_role("button", name="Set the level").click()
    console.see("The level is debug for 10 min.")
    assert 'POST log-level 1 {"level":"debug","seconds":600}' in service.asked


def test_the_theme_is_kept(console: ConsolePage) -> None:
    """The system's at first; a choice stays after a reload."""
    page = console.open()
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.get_by_role("button", name="Theme: system").click()
    dark = page.evaluate(colour)
    page.reload()
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
    assert page.evaluate(colour) == dark != light


def test_curl_is_copied(console: ConsolePage) -> None:
    """The command of the service, unchanged."""
    console.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = console.open(f"requests/{replies.TRACE}")
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith(
        "curl -i 'http://127.0.0.1:8000/api/v1/links/slug-7'"
    )
