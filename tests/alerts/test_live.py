"""Three incidents of a real service at once, from the first failing request to the last "resolved".

A generated service runs four times, as four services. Two real Prometheus scrape them, each with the shipped rules
and an Alertmanager of its own, with the shipped routes and inhibitions:

* `shipped` is what Debian 12 has, with every wait as shipped. It measures how long people wait for a page.
* `hurried` is Prometheus 3 with a current Alertmanager, whose waits are cut to a second and which repeats itself every
  five: so a notification that stops coming shows within seconds that it is held back, and the end of the page need not
  wait for a group interval. The waits inside the rules, and the intervals of scrapes and evaluations, are never cut.

The services are a minute old when they fail:

* `outage` fails every request until the pager rings. With hours of good traffic behind it, five minutes take longer to
  look bad: `alerts/tests/slo.yml` holds that to 2 m 45 s, on the clock of promtool.
* `crash` fails or is slow for a minute, and then nobody answers any more, until it starts again.
* `burst` fails a hundred requests within a second or so, then none; much good traffic afterwards ends its page.
* `overload` gets four times the requests that it has threads for, until on-call has heard that it sheds three of four.
"""

import http.client
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dashboards import with_uid
from live import (
    PROMETHEUS_3,
    Alertmanager,
    Inbox,
    Notification,
    Prometheus,
    Settings,
    alertmanager,
    listening,
    prometheus,
    render,
    running,
)
from rulebook import RUNBOOKS
from template import TIMEOUT_SECONDS, Machine

from bench.ports import free_port
from demo.collector import Collector
from demo.traffic import request

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("both")]

PAGE_WITHIN = 180  # seconds
IN_A_HURRY = {"group_wait": "1s", "group_interval": "1s", "repeat_interval": "5s"}
REQUESTS_PER_SECOND = 20
SENDERS = 16
BUCKETS = "http_server_request_duration_seconds_bucket"
OUTAGE = Path(__file__).with_name("outage.py")
BURST = 100  # requests
OVERLOAD_REQUESTS_PER_SECOND = 80  # `outage.py` sustains 20
OVERLOAD_SENDERS = 120  # more than wait for an answer at once
HEARD_WHILE_DOWN = {("crash", "ServiceDown"), ("outage", "ErrorBudgetBurn"), ("", "Watchdog")}
MORE_REQUESTS_PER_SECOND = 80  # so that the burst is soon a small part of five minutes


class Service:
    """The generated service in a directory of its own, after which it is called; always on the same two ports."""

    def __init__(self, installed: Path, place: Path, environment: Mapping[str, str], collector: str) -> None:
        """Choose the ports."""
        (package,) = (path.parent.name for path in installed.glob("src/*/__main__.py"))
        place.mkdir()
        self.name = place.name
        self.port, self.management_port = free_port(), free_port()
        self.users = Users(self.port, "/r/x")
        if self.name == "overload":
            self.users = Users(self.port, "/wait", OVERLOAD_REQUESTS_PER_SECOND / 8)
        self._place = place
        self._command = [str(installed / ".venv/bin/python"), "-P", str(OUTAGE), package]
        own = {"PORT": str(self.port), "MANAGEMENT_PORT": str(self.management_port), "DRAIN_SECONDS": "0"}
        own["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector
        self._environment = {k: v for k, v in environment.items() if not k.startswith("OTEL_")} | own

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve one link until it is no longer needed."""
        management = f"http://127.0.0.1:{self.management_port}"
        with running(self._command, management, "/health/ready", self._place, self._environment):
            request(self.port, "POST", "/api/v1/links", {"url": "https://example.com/", "slug": "x"})
            yield

    def lose_the_database(self, one_of: int = 1) -> None:
        """From now on fail every request, or one of so many; the others are slow."""
        (self._place / "outage").write_text(str(one_of))

    def get_the_database_back(self) -> None:
        """Fail no more."""
        (self._place / "outage").unlink()

    def fail_at_once(self, requests: int) -> float:
        """Fail so many requests as fast as it can. Returns the seconds that took."""
        began = time.monotonic()
        with ThreadPoolExecutor(SENDERS) as senders:
            answers = list(senders.map(lambda _: request(self.port, "GET", "/r/broken").status, range(requests)))
        assert answers == [500] * requests
        return time.monotonic() - began


class Users:
    """Ask for one thing at a steady rate, whatever becomes of the requests before."""

    def __init__(self, port: int, path: str, per_second: float = REQUESTS_PER_SECOND) -> None:
        """Begin content."""
        self._path = path
        self.per_second = per_second
        self.hurt_since: float | None = None
        self.trace_ids: set[str] = set()  # as their error documents show them
        self._port = port

    @contextmanager
    def coming(self) -> Iterator[None]:
        """Come until no longer needed."""
        enough = threading.Event()

        def arrive() -> None:
            while not enough.wait(1 / self.per_second):
                senders.submit(self._follow)

        with ThreadPoolExecutor(OVERLOAD_SENDERS + 1) as senders:
            senders.submit(arrive)
            try:
                yield
            finally:
                enough.set()

    def _follow(self) -> None:
        try:
            answer = request(self._port, "GET", self._path)
        except (OSError, http.client.HTTPException):
            return  # nobody is there
        if answer.status >= 500:
            self.hurt_since = self.hurt_since or time.monotonic()
            self.trace_ids.add(json.loads(answer.body).get("trace_id", ""))


@dataclass(frozen=True)
class Chain:
    """A Prometheus, the Alertmanager it tells, and everybody whom that one tells."""

    prometheus: Prometheus
    alertmanager: Alertmanager
    inbox: Inbox

    def states(self, service: str) -> dict[str, tuple[str, list[str]]]:
        """Every alert of a service that fires: whether it is held back, and where it goes otherwise."""
        return {
            alert["labels"]["alertname"]: (alert["status"]["state"], [each["name"] for each in alert["receivers"]])
            for alert in self.alertmanager.alerts()
            if alert["labels"].get("service") == service
        }

    def pages(self, service: str, alert: str, status: str = "firing") -> list[Notification]:
        """What the pager was told about an alert of a service, so far."""
        wanted = {"service": service, "alertname": alert}.items()
        return [
            one
            for one in list(self.inbox.told)
            if (one["receiver"], one["status"]) == ("pager", status) and wanted <= one["commonLabels"].items()
        ]


@contextmanager
def chain(
    directory: Path, services: Sequence[Service], timing: dict[str, str] | None = None, programs: Path | None = None
) -> Iterator[Chain]:
    """Watch the services."""
    directory.mkdir()
    targets = {f"127.0.0.1:{each.management_port}": {"service": each.name, "env": "production"} for each in services}
    with (
        listening() as inbox,
        alertmanager(directory, inbox, timing, programs) as receiver,
        prometheus(directory, targets, receiver, Settings(programs=programs)) as server,
    ):
        yield Chain(server, receiver, inbox)


def about(notifications: Sequence[Notification]) -> set[tuple[str, str]]:
    """Service and name of the alerts of notifications."""
    return {(one["commonLabels"].get("service", ""), one["commonLabels"]["alertname"]) for one in notifications}


def wait(look: Callable[[], list[Any]], within: float, what: str) -> list[Any]:
    """Look until there is something."""
    end = time.monotonic() + within
    pause = threading.Event()
    while not (found := look()):
        assert time.monotonic() < end, f"not within {within} s: {what}"
        pause.wait(0.2)
    return found


class Incident:
    """What users, on-call and the dashboards saw, act by act."""

    def __init__(self, services: Sequence[Service], shipped: Chain, hurried: Chain) -> None:
        """Begin while all is well."""
        self.outage, self.crash, self.burst, self.overload = services
        self.shipped, self.hurried, self.both = shipped, hurried, (shipped, hurried)
        for each in self.both:
            each.prometheus.until('count(slo:burn_rate:ratio{slo="availability",window="1h"}==0) == 4', within=120)

    def begin(self) -> None:
        """Everything goes wrong."""
        self.outage.lose_the_database()
        self.crash.lose_the_database(one_of=2)
        self.overload.users.per_second = OVERLOAD_REQUESTS_PER_SECOND
        self._listener = ThreadPoolExecutor(1)
        self._shed = self._listener.submit(self._hear_of_shedding, time.monotonic())
        self.burst_took = self.burst.fail_at_once(BURST)
        bad = 'slo:events:rate{service="burst",slo="availability",window="5m",outcome="bad"} * 300'
        # On a busy machine the first value may be higher: `rate` adds what it expects until the next scrape.
        whole = f"{bad} > {BURST * 0.9} and {bad} < {BURST * 1.3}"
        found = [each.prometheus.until(whole, within=90) for each in self.both]
        self.burst_recorded = [float(each[0]["value"][1]) for each in found]
        for each in self.both:
            each.prometheus.until(
                'count(ALERTS{alertname="ErrorBudgetBurn",burn="fast",service="crash"}) == 2', within=90
            )

    def nobody_answers(self) -> None:
        """One service is down; the pager is notified of all three."""
        began = time.monotonic()
        self.page = self._page(self.shipped, "outage", "ErrorBudgetBurn")
        assert self.outage.users.hurt_since
        self.outage_seconds = self.page["heard"] - self.outage.users.hurt_since
        self.exemplars = [trace_ids(each.prometheus) for each in self.both]
        self._page(self.hurried, "burst", "ErrorBudgetBurn")
        self.burst.users.per_second = MORE_REQUESTS_PER_SECOND
        self.crash_seconds = self._page(self.shipped, "crash", "ServiceDown")["heard"] - began
        self._page(self.hurried, "crash", "ServiceDown")
        self.held_back = [each.states("crash") for each in self.both]
        told, before = self.hurried.inbox.told, len(self.hurried.inbox.told)
        wait(
            lambda: told[before:] if about(told[before:]) >= HEARD_WHILE_DOWN else [],
            TIMEOUT_SECONDS,
            "all of it again",
        )
        self.told_while_down = about(told[before:])
        with self._listener:
            self.shed, self.shed_seconds = self._shed.result()

    def _hear_of_shedding(self, began: float) -> tuple[list[dict[str, str]], float]:
        """Wait until both notify about the overload, then end it."""
        firing = 'ALERTS{alertname="RequestsShed",service="overload",alertstate="firing"}'
        shed = [each.prometheus.until(firing, within=PAGE_WITHIN)[0]["metric"] for each in self.both]
        self.overload.users.per_second = 1
        return shed, time.monotonic() - began

    def recovery(self) -> None:
        """Everything works again. Wait until a page has resolved, and PagesTooOften fires for another service."""
        self.end = self._page(self.hurried, "burst", "ErrorBudgetBurn", "resolved")
        often = "PagesTooOften"
        wait(lambda: [s for name, s in self.hurried.states("crash").items() if name == often], PAGE_WITHIN, often)
        self.left = {each.name: self.hurried.states(each.name) for each in (self.crash, self.burst)}
        self.told = [*self.shipped.inbox.told, *self.hurried.inbox.told]
        self.failing_rules = [rule for each in self.both for rule in each.prometheus.failing_rules()]

    def _page(self, chain: Chain, service: str, alert: str, status: str = "firing") -> Notification:
        what = f"{alert} of {service}, {status}"
        page: Notification = wait(lambda: chain.pages(service, alert, status), 2 * PAGE_WITHIN, what)[0]
        return page


def trace_ids(server: Prometheus) -> set[str]:
    """The traces that exemplars of failed requests lead to."""
    found = server.exemplars(f'{BUCKETS}{{service="outage",error_type!=""}}')
    return {exemplar["labels"]["trace_id"] for series in found for exemplar in series["exemplars"]}


@pytest.fixture(scope="module")
def services(shared: Machine, template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Service]]:
    """Generate and install a service, by the default answers, for four of them."""
    directory = shared.cookiecutter(template).service
    installed = shared.run(["uv", "sync", "--quiet", "--no-dev"], directory)
    assert installed.status == 0, installed.stderr
    places = tmp_path_factory.mktemp("services")
    with closing(Collector()) as collector:  # exemplars are of traces that somebody keeps
        yield [
            Service(directory, places / name, shared.environment(), collector.url)
            for name in ("outage", "crash", "burst", "overload")
        ]


@pytest.fixture(scope="module")
def incident(services: Sequence[Service], tmp_path_factory: pytest.TempPathFactory) -> Incident:
    """Run the incident: databases fail, one service stops, and starts again."""
    directory = tmp_path_factory.mktemp("incident")
    outage, crash, burst, overload = services
    with ExitStack() as stack:
        shipped = stack.enter_context(chain(directory / "shipped", services))
        hurried = stack.enter_context(chain(directory / "hurried", services, IN_A_HURRY, PROMETHEUS_3))
        for each in (outage, burst, overload):
            stack.enter_context(each.serving())
        for each in services:
            stack.enter_context(each.users.coming())
        with crash.serving():
            incident = Incident(services, shipped, hurried)
            incident.begin()
        incident.nobody_answers()
        crash.get_the_database_back()
        with crash.serving():
            incident.recovery()
    return incident


def test_a_full_outage_pages_within_three_minutes(incident: Incident, figure: Callable[[str], None]) -> None:
    """From the first error that a user saw to the pager, with a scrape every 15 s."""
    figure(f"full outage, first error to page: {incident.outage_seconds:.0f} s")
    assert incident.outage_seconds <= PAGE_WITHIN


def test_a_crash_pages_within_three_minutes(incident: Incident, figure: Callable[[str], None]) -> None:
    """From the end of the process to the page."""
    figure(f"crash to page: {incident.crash_seconds:.0f} s")
    assert incident.crash_seconds <= PAGE_WITHIN


def test_a_burst_after_a_quiet_start_is_recorded(incident: Incident, figure: Callable[[str], None]) -> None:
    """All of it, although the service had never failed before."""
    recorded = " and ".join(f"{found:.0f}" for found in incident.burst_recorded)
    figure(f"{BURST} failures within {incident.burst_took:.1f} s after a quiet minute: recorded as {recorded}")
    assert all(BURST * 0.9 <= found <= BURST * 1.3 for found in incident.burst_recorded)


def test_overload_notifies_on_call(incident: Incident, figure: Callable[[str], None]) -> None:
    """At four times the sustained load, RequestsShed reaches on-call."""
    figure(f"four times the sustained load to RequestsShed: {incident.shed_seconds:.0f} s")
    assert [labels["priority"] for labels in incident.shed] == ["P2", "P2"]


def test_the_page_links_to_runbook_and_dashboard(incident: Incident, tmp_path: Path) -> None:
    """The text names the service and links to an existing runbook and an existing dashboard."""
    title, text = (render(f"notification.{part}", incident.page, tmp_path) for part in ("title", "text"))
    assert title.endswith("P1 outage (production) is spending its error budget far too fast.")
    (runbook,) = set(re.findall(r"Runbook: https://ops\.example\.com/runbooks/(\S+)", text))
    assert "## Mitigation\n\n1. " in (RUNBOOKS / runbook).read_text("utf-8")
    for dashboard in re.findall(r"Dashboard: https://ops\.example\.com/d/([a-z-]+)\?", text):
        assert with_uid(dashboard)["title"]


def test_exemplars_have_traces_of_failed_requests(incident: Incident) -> None:
    """The exemplar of a failing bucket has the trace id of a request that failed for a client."""
    for found in incident.exemplars:
        assert found
        assert found <= incident.outage.users.trace_ids
        assert all(re.fullmatch("[0-9a-f]{32}", trace_id) for trace_id in found)


def test_service_down_is_the_only_notification_of_a_dead_service(incident: Incident) -> None:
    """Its error budget still burns, but ErrorBudgetBurn is inhibited. Alerts of other services are not.

    Whether its third page of the day is counted already, depends on when the rules were evaluated.
    """
    for states in incident.held_back:
        assert {name for name, (state, _) in states.items() if state == "active"} == {"ServiceDown"}
        assert states["ErrorBudgetBurn"][0] == "suppressed"
    assert incident.told_while_down >= HEARD_WHILE_DOWN
    assert {name for service, name in incident.told_while_down if service == "crash"} == {"ServiceDown"}


def test_p4_notifies_nobody(incident: Incident) -> None:
    """PagesTooOften (P4) fires after three pages, and is in no notification."""
    assert incident.left["crash"]["PagesTooOften"][1] == ["log"]
    priorities = {alert["labels"]["priority"] for one in incident.told for alert in one["alerts"]}
    assert priorities == {"P1", "P2", "none"}


def test_a_page_resolves_after_recovery(incident: Incident) -> None:
    """That of the burst. ServiceDown is kept for five minutes after a recovery: `alerts/tests/crash_loops.yml`."""
    assert incident.end["status"] == "resolved"
    assert "ErrorBudgetBurn" not in incident.left["burst"]


def test_no_rule_failed(incident: Incident) -> None:
    """With real series, in both versions of Prometheus."""
    assert incident.failing_rules == []
