"""The running service emits exactly what the contract of the runtime and its component names."""

import ast
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from websockets.sync.client import connect

import firstlight
from firstlight import Settings
from firstlight.checks.events import NAME
from firstlight.components.cache import CacheSettings
from firstlight.components.database import DatabaseSettings
from firstlight.components.http_client import HttpClientSettings
from firstlight.contract import Contract
from firstlight.refusals import variable
from firstlight.testing import ServiceProcess
from firstlight.testing.process import Line
from firstlight.traces.provider import resource

from .faults import IDENTITY

EVERYTHING = str(Path(__file__).with_name("everything.py"))
PACKAGE = Path(firstlight.__file__).parent
CONTRACT = Contract.of(["cache", "database", "http_client"])
# components/cache/test_signals.py scrapes them.
OF_REDIS = ("cache_server_", "cache_pending_", "cache_errors", "cache_evictions", "cache_invalidated", "cache_write_")
OPENMETRICS = "application/openmetrics-text;version=1.0.0"


class Seen(NamedTuple):
    """The output of a service after every kind of traffic."""

    pages: Mapping[str, str]
    lines: list[Line]
    statuses: Mapping[str, tuple[int, int]]


class Family(NamedTuple):
    """A metric of the contract, as scraped."""

    kind: str
    labels: set[frozenset[str]]
    buckets: list[float]


@pytest.fixture(scope="module")
def memory() -> list[Seen]:
    """Keeps the output for all tests."""
    return []


@pytest.fixture
def seen(serve: Callable[..., ServiceProcess], refusing: str, memory: list[Seen], tmp_path: Path) -> Seen:
    """One real process for all tests of this file."""
    if not memory:
        environment = {
            "HTTP_CLIENT_DEPENDENCIES": f"scales={refusing},rulers={refusing.replace('http', 'consul')}/rulers",
            "HTTP_CLIENT_REGISTRATION": f"{refusing.replace('http', 'consul')}/everything?port=8000",
            "DATABASE_URL": f"sqlite:///{tmp_path}/everything.sqlite3",
            "DATABASE_SLOW_SECONDS": "0.000001",
        }
        memory.append(_seen(serve(EVERYTHING, **environment).started()))
    return memory[0]


def _seen(service: ServiceProcess) -> Seen:
    _traffic(service)
    return Seen(
        pages={
            "text": service.manage("/metrics").text,
            "openmetrics": service.manage("/metrics", headers={"Accept": OPENMETRICS}).text,
        },
        statuses={path: (service.get(path).status_code, service.manage(path).status_code) for path in CONTRACT.paths},
        lines=_ended(service).lines,
    )


def _traffic(service: ServiceProcess) -> None:
    """Requests that succeed, errors of clients, and failures of the service."""
    for path in ("/faults/slow?seconds=0", "/nowhere", "/faults/fail", "/call", "/count"):
        service.get(path)
    httpx2.request("PROPFIND", f"{service.url}/faults/slow")
    with pytest.raises(httpx2.RemoteProtocolError):
        service.get("/faults/stream?chunks=1")
    place = urlsplit(service.url)
    with socket.create_connection((place.hostname, place.port)) as leaving:
        leaving.sendall(b"GET /faults/stream HTTP/1.1\r\nHost: x\r\n\r\n")
        leaving.recv(1)
    service.wait_for("http.request_finished", error_type="client_disconnected")
    with connect(f"{service.url.replace('http', 'ws')}/listen"):
        service.wait_for("websocket.closed")
    service.wait_for("background.failed", task="calibration")


def _ended(service: ServiceProcess) -> ServiceProcess:
    assert service.terminate() == 0
    return service


def _families(page: str, text: str) -> dict[str, Family]:
    parse: Any = {"text": parse_text, "openmetrics": parse_openmetrics}[page]
    families = {}
    for family in parse(text):
        own = {"le"} if family.type == "histogram" else set()
        buckets = {float(sample.labels["le"]) for sample in family.samples if sample.name.endswith("_bucket")}
        labels = {frozenset(sample.labels.keys() - own) for sample in family.samples}
        families[family.name] = Family(family.type, labels, sorted(buckets - {float("inf")}))
    return families


def test_the_contract_has_no_problems() -> None:
    """Its files are valid."""
    assert CONTRACT.problems == ()


@pytest.mark.parametrize("page", ["text", "openmetrics"])
def test_every_metric_is_in_the_contract(seen: Seen, page: str) -> None:
    """Rules may only use series of the contract."""
    assert _families(page, seen.pages[page]).keys() - CONTRACT.metrics.keys() == set()


@pytest.mark.parametrize("page", ["text", "openmetrics"])
def test_every_metric_of_the_contract_is_scraped(seen: Seen, page: str) -> None:
    """After the start and some traffic. Those of cgroups depend on the machine, some on replicas or on Redis."""
    scraped = {name for name, family in _families(page, seen.pages[page]).items() if family.labels}
    missing = {name: CONTRACT.metrics[name] for name in CONTRACT.metrics.keys() - scraped}

    elsewhere = (
        "cgroup_",
        "database_replica_",
        "database_server_",
        "database_pools_",
        "http_client_fallbacks",
        *OF_REDIS,
    )
    assert {name for name in missing if not name.startswith(elsewhere)} == set()
    assert [name for name, metric in missing.items() if not metric.optional] == []


@pytest.mark.parametrize("page", ["text", "openmetrics"])
def test_every_metric_is_as_the_contract_describes_it(seen: Seen, page: str) -> None:
    """Kind, labels and buckets are equal."""
    for name, family in _families(page, seen.pages[page]).items():
        metric = CONTRACT.metrics[name]
        assert family.kind == metric.kind, name
        assert family.labels <= {frozenset(metric.labels)}, name
        if metric.buckets and family.labels:
            assert family.buckets == list(metric.buckets), name


def test_label_values_come_from_limited_sets(seen: Seen) -> None:
    """Route templates and constants, whatever clients send."""
    families = parse_text(seen.pages["text"])
    duration = next(family for family in families if family.name == "http_server_request_duration_seconds")
    labels = [sample.labels for sample in duration.samples if sample.name.endswith("_count")]
    values = {name: {each[name] for each in labels} for name in labels[0]}

    assert values == {
        "http_request_method": {"GET", "_OTHER"},
        "http_route": {"/faults/slow", "/faults/fail", "/faults/stream", "/call", "/count", "unmatched"},
        "http_response_status_code": {"200", "404", "405", "500", "503"},
        "error_type": {"", "RuntimeError", "client_disconnected", "503"},
        "url_scheme": {"http"},
    }


def test_promtool_has_no_complaint(seen: Seen) -> None:
    """`promtool check metrics` checks units, suffixes and help texts."""
    promtool = shutil.which("promtool")
    if promtool is None and not os.environ.get("CI"):
        pytest.skip("needs promtool: apt-get install prometheus")
    assert promtool
    command = [promtool, "check", "metrics"]
    checked = subprocess.run(command, input=seen.pages["text"], capture_output=True, text=True, check=False)  # noqa: S603 - a program of Prometheus
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_runs_of_background_work_are_counted_by_task_and_outcome(seen: Seen) -> None:
    """Both outcomes exist from the start, so that `rate()` sees the first failure."""
    families = {family.name: family for family in parse_text(seen.pages["text"])}
    runs = {(s.labels["task"], s.labels["outcome"]): s.value for s in families["background_runs"].samples}

    tasks = ("weighing", "calibration", "database.watch", "database.capacity", "http_client.registration")
    assert runs.keys() == {(task, outcome) for task in tasks for outcome in ("ok", "failed")}
    assert (runs["weighing", "ok"], runs["weighing", "failed"], runs["calibration", "ok"]) == (1, 0, 0)
    assert runs["calibration", "failed"] >= 1


def test_every_line_has_the_fields_of_the_contract(seen: Seen) -> None:
    """A line of a request also has its ids, in the format of W3C."""
    finished = [line for line in seen.lines if line["event"] == "http.request_finished"]
    assert finished

    for line in seen.lines:
        assert set(CONTRACT.fact("log", "fields")) <= line.keys()
    for line in finished:
        assert line.keys() >= CONTRACT.fields
        assert re.fullmatch(r"[0-9a-f]{32} [0-9a-f]{16}", f"{line['trace_id']} {line['span_id']}")


def _events(lines: list[Line]) -> set[str]:
    """The events of the runtime. Lines of libraries have a `logger`."""
    return {line["event"] for line in lines if "logger" not in line}


def test_a_running_service_logs_the_events_of_the_contract(seen: Seen) -> None:
    """At its start and end, for requests and for background work."""
    assert _events(seen.lines) - {"event_loop.blocked"} == {  # where the machine is busy
        "startup.delayed",
        "startup.resumed",
        "service.started",
        "http.request_finished",
        "http.request_failed",
        "health.check_changed",
        "http_client.call_failed",
        "http_client.lookup_failed",
        "http_client.registration_failed",
        "http_client.deregistration_failed",
        "database.slow_statement_finished",
        "websocket.closed",
        "background.failed",
        "service.drain_started",
        "service.drain_finished",
        "service.stopped",
    }
    assert _events(seen.lines) <= CONTRACT.events


@pytest.mark.parametrize(("arguments", "event"), [((), "command.finished"), (("fail",), "command.failed")])
def test_a_command_logs_an_event_of_the_contract(
    serve: Callable[..., ServiceProcess], arguments: tuple[str, ...], event: str
) -> None:
    """One event with all fields."""
    command = serve(EVERYTHING, "weigh", *arguments)
    command.wait()

    (line,) = command.lines
    assert (line["event"], line["command"]) == (event, "weigh")
    assert event in CONTRACT.events
    assert set(CONTRACT.fact("log", "fields")) <= line.keys()


@pytest.mark.parametrize(("name", "event"), [("failing", "process.failed"), ("running", "process.cut")])
def test_another_kind_of_process_logs_the_events_of_the_contract(
    serve: Callable[..., ServiceProcess], name: str, event: str
) -> None:
    """When it fails, and when it does not end in time."""
    process = serve(EVERYTHING, name, GRACEFUL_SECONDS="1")
    process.wait_for("service.started")
    if name == "running":
        process.terminate()
    process.wait()

    assert event in _events(process.lines)
    assert _events(process.lines) <= CONTRACT.events


def _modules() -> Iterator[ast.Module]:
    """The modules that a service runs, without checks and contract."""
    for file in PACKAGE.rglob("*.py"):
        if not {"checks", "contract", "testing"} & set(file.relative_to(PACKAGE).parts):
            yield ast.parse(file.read_text())


def _logged() -> Iterator[str]:
    """The first argument of every call on `log`."""
    for module in _modules():
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and node.args and "log." in ast.unparse(node.func):
                yield from _strings(node.args[0])


def _strings(tree: ast.AST) -> set[str]:
    nodes = ast.walk(tree)
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_every_event_in_the_source_is_in_the_contract() -> None:
    """Including events that no test causes."""
    assert set(_logged()) - CONTRACT.events == set()


def test_every_event_of_the_contract_is_in_the_source() -> None:
    """The contract has no event that is never logged."""
    assert set().union(*map(_strings, _modules())) >= CONTRACT.events


def test_every_event_has_the_form_of_an_event() -> None:
    """Lower case with a dot."""
    assert [event for event in CONTRACT.events if not NAME.fullmatch(event)] == []


def test_the_probes_answer_on_both_ports(seen: Seen) -> None:
    """Details and metrics only on the management port."""
    probes = set(CONTRACT.probes.values())

    assert seen.statuses == {path: (200 if path in probes else 404, 200) for path in CONTRACT.paths}


def test_the_ports_are_those_of_the_contract() -> None:
    """They are the defaults of the settings."""
    settings = Settings()

    assert settings.port == CONTRACT.fact("service", "port")
    assert settings.management_port == CONTRACT.fact("management", "port")


def test_the_variables_of_a_component_are_those_of_the_contract() -> None:
    """Deployments may set exactly the variables that the component reads."""
    variables = {
        variable(kind, name)
        for kind in (CacheSettings, DatabaseSettings, HttpClientSettings)
        for name in kind.model_fields
    }

    assert variables == CONTRACT.variables


def test_spans_have_the_resource_attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    """They join traces, metrics and logs of one instance."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "team=scales")
    attributes = resource(Settings(environment="production"), IDENTITY).attributes

    assert set(CONTRACT.fact("resource", "attributes")) <= attributes.keys()
    assert attributes["deployment.environment.name"] == "production"
    assert attributes["team"] == "scales"
