"""Every query of every dashboard, asked of a real Prometheus that scrapes a running service under load.

Rules are evaluated and alerts held for five seconds here, so that the longest windows have a value within two minutes.
That makes those too high; what is asserted about values is about scraped series, which it leaves alone.
"""

import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from math import isnan
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from conftest import Generate
from dashboard_answers import LABELS, RATE_INTERVAL, SCRAPE_SECONDS, asked_by, filled, hurry, query_of
from dashboards import FILES, GRAFANA, dashboard, dashboards, panels, queries, variables, with_uid
from emitted import DEPENDENCIES, dependencies, drive, leave_in_mid_stream, serving
from live import Prometheus, Settings, alertmanager, listening, prometheus
from rulebook import contract, selectors
from template import EVERYTHING, Machine

from demo.collector import Collector
from demo.traffic import request

pytestmark = pytest.mark.slow

RECORDED_WITHIN = 120
MOVES_WITHIN = 30
USUAL = "/api/v1/links"
PAUSE = 0.02
LOOKED_UP = "found=consul://127.0.0.1:1/found"  # a dependency with instances, of which none is known
MORE = 3  # times what is usual is a movement

# Queries that may stay empty, and why. Any other that is empty fails.
OF_THE_MACHINE = "only in a container with cgroup v2, and with limits"
OF_THE_PAST = "looks back further than these minutes"
NO_COMMAND = "hosts and clusters report commands, not the service"
NO_WEBSOCKET = "the service has none"
OF_ILLS = "nothing of the kind goes wrong here"
NO_FALLBACK = "no dependency of this service declares one"
OF_A_SERVER = "only with PostgreSQL and replicas; test_database.py asks it"
BETWEEN_RELEASES = "the template has no end of support between two releases"
NEEDS_A_SERVER = ("cache_", "database_replica_", "database_server_", "database_pools_")
# The dashboard of the cache is about Redis. test_cache.py asks all of its queries.
HERE = [file for file in FILES if file.stem != "cache"]
IN_THE_DATABASE = "the component database keeps the states of rate limits, and no process does"
IN_MEMORY = ("rate_limit_keys", "rate_limit_evicted_keys_")  # of rate limits without the component database
MAY_BE_EMPTY = {
    "Fleet: Support left A": BETWEEN_RELEASES,
    "Telemetry: Template's support A": BETWEEN_RELEASES,
    "Alerts: Exceptions A": "no exception is written",
    "Alerts: Pages within a week B": OF_ILLS,
    "Alerts: Failing rules A": OF_ILLS,
    "Alerts: Missed evaluations A": OF_ILLS,
    "Database: Errors by type A": OF_ILLS,
    "Database: Pools of the server's limit A": OF_A_SERVER,
    "Database: Pools against the server A": OF_A_SERVER,
    "Database: Pools against the server B": OF_A_SERVER,
    "Database: Lag of replicas A": OF_A_SERVER,
    "Database: Replicas in use A": OF_A_SERVER,
    "HTTP client: Ejections A": OF_ILLS,
    "HTTP client: Fallbacks A": NO_FALLBACK,
    "HTTP client: Latency by dependency B": OF_THE_PAST,
    "HTTP client: Retries withheld A": OF_ILLS,
    "Service: Keys of rate limits A": IN_THE_DATABASE,
    "Runtime: CPU periods throttled A": OF_THE_MACHINE,
    "Runtime: Time throttled A": OF_THE_MACHINE,
    "Runtime: Pressure A": OF_THE_MACHINE,
    "Runtime: Memory B": OF_THE_MACHINE,
    "Runtime: Memory of the limit A": OF_THE_MACHINE,
    "Runtime: Killed for memory A": OF_THE_MACHINE,
    "Alerts: Commands A": NO_COMMAND,
    "Alerts: Commands B": NO_COMMAND,
    "Service: Duration of websockets A": NO_WEBSOCKET,
    "Service: Refusals A": OF_ILLS,
    "Service: Security events A": OF_ILLS,
    "Service: Rate limits A": OF_ILLS,
    "Service: Keys of rate limits B": OF_ILLS,
    "Service: Idempotency keys A": "no client repeats a request here",
    "Service: Requests C": OF_THE_PAST,
    "Service: Error log lines B": OF_THE_PAST,
    "SLO: Good business events B": OF_THE_PAST,
    "SLO: Good business events C": OF_THE_PAST,
}


@dataclass(frozen=True)
class Watched:
    """A running service, and the Prometheus that watches it."""

    port: int
    server: Prometheus


class Spell(NamedTuple):
    """A way to make the service worse, the query that must show it, and what is nothing in its unit."""

    path: str
    senders: int
    panel: str
    query: str
    nothing: float


SPELLS = {
    "latency, of slow requests": Spell("/faults/slow?seconds=0.5", 2, "Latency", "C", 0.05),
    "traffic, of many requests": Spell("/faults/none", 6, "Requests by route", "A", 1),
    "errors, of failing requests": Spell("/faults/fail", 2, "Failures by route", "A", 0.1),
    "saturation, of a blocked loop": Spell("/faults/block?seconds=0.3", 1, "Event loop lag", "A", 0.02),
    "saturation, of requests that pile up": Spell("/faults/slow?seconds=1", 12, "Requests in flight", "A", 2),
}


# What the spell before every test must have cost, as recorded rules tell it.
COSTS = {
    "firstlight-service": ("Slow now A", "Failing now A", "Slow requests A", "Failing requests A"),
    "firstlight-slo": ("Bad events A", "Burn rate, last hour A", "Bad events within a window A"),
}


@contextmanager
def sending(send: Callable[[], object], senders: int = 1, pause: float = 0) -> Iterator[None]:
    """Send requests one after the other, from so many at once."""
    over = threading.Event()

    def go_on(_: int) -> None:
        while not over.wait(pause):
            send()

    with ThreadPoolExecutor(senders) as pool:
        sent = pool.map(go_on, range(senders))
        try:
            yield
        finally:
            over.set()
            list(sent)


@contextmanager
def usual_traffic(port: int) -> Iterator[None]:
    """The constant load: requests, calls to other services, and a client with a short timeout."""
    calls = [partial(request, port, "GET", f"/orders/{name}") for name in DEPENDENCIES]
    with ExitStack() as stack:
        stack.enter_context(sending(partial(request, port, "GET", USUAL), pause=0.1))
        stack.enter_context(sending(partial(request, port, "POST", USUAL, {"url": "https://example.com"}), pause=1))
        stack.enter_context(sending(partial(leave_in_mid_stream, port), pause=1))
        for call in calls:
            stack.enter_context(sending(call, pause=1))
        yield


def one_bad_spell(port: int, server: Prometheus) -> None:
    """Slow and failing requests, until Prometheus has seen them; then until it sees no more of them."""
    rates = []
    for path in ("/faults/fail", "/faults/slow?seconds=0.5"):
        route = path.partition("?")[0]
        rates.append(f'rate(http_server_request_duration_seconds_count{{http_route="{route}"}}[{RATE_INTERVAL}])')
        with sending(partial(request, port, "GET", path), senders=2, pause=PAUSE):
            server.until(f"{rates[-1]} > 0", MOVES_WITHIN)
    for rate in rates:
        server.until(f"{rate} == 0", MOVES_WITHIN)


@pytest.fixture(scope="module")
def watched(
    _programs: None, shared: Machine, generate: Generate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    """Run a service with everything, with usual traffic, Prometheus with every rule, and Alertmanager."""
    directory = Path(shutil.copytree(generate(**EVERYTHING), tmp_path_factory.mktemp("watched") / "acme-links"))
    installed = shared.run(["uv", "sync", "--quiet", "--no-dev"], directory)
    assert installed.status == 0, installed.stderr
    rules = tmp_path_factory.mktemp("rules")
    hurry(rules)
    place = tmp_path_factory.mktemp("servers")
    with (
        dependencies() as calls,
        closing(Collector()) as collector,  # exemplars are of traces that somebody keeps
        serving(
            shared,
            directory,
            HTTP_CLIENT_DEPENDENCIES=f"{calls},{LOOKED_UP}",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            DATABASE_SLOW_SECONDS="0.000001",  # some statements are slow
        ) as service,
        listening() as inbox,
        alertmanager(place, inbox, {"group_wait": "1s", "group_interval": "1s"}) as receiver,
    ):
        ports = service.wait_for("service.started")
        targets: dict[str, Mapping[str, str]] = {f"127.0.0.1:{ports['management_port']}": LABELS}
        targets[receiver.url.removeprefix("http://")] = {}
        with prometheus(place, targets, receiver, Settings(f"{SCRAPE_SECONDS}s", rules)) as server:
            server.until('up{service!=""} == 1', MOVES_WITHIN)
            drive(service, ports["port"])
            with usual_traffic(ports["port"]):
                one_bad_spell(ports["port"], server)
                yield Watched(ports["port"], server)


def value(watched: Watched, spell: Spell) -> float:
    """What the panel shows now, for the worst of its series."""
    asked = query_of(with_uid("firstlight-service"), f"{spell.panel} {spell.query}")
    numbers = [float(each["value"][1]) for each in watched.server.query(asked.expr)]
    return max((number for number in numbers if not isnan(number)), default=0.0)


def until(watched: Watched, spell: Spell, bound: float, *, above: bool) -> float:
    """Wait until the panel shows more, or no more, than `bound`."""
    end = time.monotonic() + MOVES_WITHIN
    pause = threading.Event()
    while ((shown := value(watched, spell)) > bound) is not above:
        assert time.monotonic() < end, f"{spell.panel} shows {shown}, not {'above' if above else 'below'} {bound}"
        pause.wait(0.2)
    return shown


@pytest.mark.parametrize("spell", SPELLS.values(), ids=SPELLS)
def test_a_golden_signal_moves(watched: Watched, spell: Spell) -> None:
    """It rises while the service is made worse, and falls afterwards."""
    bound = MORE * max(usual := value(watched, spell), spell.nothing)
    with sending(partial(request, watched.port, "GET", spell.path), spell.senders, PAUSE):
        moved = until(watched, spell, bound, above=True)
    after = until(watched, spell, bound, above=False)
    print(f"{spell.panel}: {usual:.3f}, then {moved:.3f}, then {after:.3f}")


@pytest.mark.parametrize(("uid", "place"), [(uid, place) for uid, places in COSTS.items() for place in places])
def test_bad_requests_count_against_the_objectives(watched: Watched, uid: str, place: str) -> None:
    """From the request through the rules to the panel."""
    asked = query_of(with_uid(uid), place)
    watched.server.until(f"({asked.expr}) > 0", RECORDED_WITHIN)


@pytest.mark.parametrize("file", HERE, ids=lambda file: file.stem)
def test_every_query_has_an_answer(watched: Watched, file: Path) -> None:
    """None is refused; and each has something to show, or is on the list of those that need not."""
    everything = asked_by(dashboard(file))
    empty = [each for each in everything if not each.of(watched.server)]
    end = time.monotonic() + RECORDED_WITHIN
    while missing := [each for each in empty if each.place not in MAY_BE_EMPTY and not each.of(watched.server)]:
        assert time.monotonic() < end, f"no answer: {[each.place for each in missing]}"
        threading.Event().wait(1)
    listed = [each.place for each in empty if each.place in MAY_BE_EMPTY]
    print(f"{len(everything)} queries, {len(everything) - len(listed)} with an answer; not: {listed}")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_variable_has_choices(watched: Watched, file: Path) -> None:
    """Filled from the series it names."""
    of = dashboard(file)
    for name, variable in variables(of).items():
        if variable["type"] == "query":
            selector = variable["query"].removeprefix("label_values(").removesuffix(f", {name})")
            choices = watched.server.label_values(name, filled(selector, of, ""))
            if name == "cluster":  # no target has one here, and every query has an answer all the same
                assert choices == []
                continue
            assert choices, name
            assert LABELS.get(name, choices[0]) in choices


def test_every_series_of_the_service_that_a_dashboard_reads_is_scraped(watched: Watched) -> None:
    """Every name of the contract, except those that need another machine."""
    read = {
        name
        for of in dashboards()
        for query in queries(of)
        for found in selectors(query.filled)
        for name in found.metrics
    }
    missing = {name for name in read & contract().keys() if not watched.server.query(f"last_over_time({name}[5m])")}
    elsewhere = (
        "cgroup_",
        "http_client_fallbacks_",
        "websocket_connection_",
        "template_supported_until_",
        *IN_MEMORY,
        *NEEDS_A_SERVER,
    )
    assert {name for name in missing if not name.startswith(elsewhere)} == set()


def test_no_rule_fails(watched: Watched) -> None:
    """What a panel reads is recorded by a sound rule."""
    assert watched.server.failing_rules() == []


def test_no_place_that_may_be_empty_is_a_stranger() -> None:
    """The list names queries that are there."""
    assert MAY_BE_EMPTY.keys() <= {asked.place for of in dashboards() for asked in asked_by(of)}


def test_exemplars_lead_to_traces(watched: Watched) -> None:
    """By the label that the data source follows."""
    provisioned = yaml.safe_load((GRAFANA / "provisioning/datasources/datasources.yaml").read_text("utf-8"))
    (source,) = (each["jsonData"] for each in provisioned["datasources"] if each["uid"] == "prometheus")
    (followed,) = (each["name"] for each in source["exemplarTraceIdDestinations"])
    of = with_uid("firstlight-service")
    targets = [target for panel in panels(of) for target in panel["targets"] if target["exemplar"]]
    assert len(targets) == 4
    for target in targets:
        found = watched.server.exemplars(filled(target["expr"], of, RATE_INTERVAL))
        labels = [exemplar["labels"] for series in found for exemplar in series["exemplars"]]
        assert labels
        assert [each for each in labels if not re.fullmatch("[0-9a-f]{32}", each.get(followed, ""))] == []
