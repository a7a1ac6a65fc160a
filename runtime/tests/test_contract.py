"""The running service does what `contract/` says, no less and no more; so do the manifests and the documents."""

import ast
import re
import socket
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import httpx2
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

import firstlight
from firstlight.components import COMPONENTS
from firstlight.traces.provider import resource
from firstlight.settings import Settings

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

    from .conftest import Line, Service

PROJECT = Path(__file__).parents[1]
PACKAGE = Path(firstlight.__file__).parent
CONTRACTS = [tomllib.loads(file.read_text()) for file in sorted((PROJECT / "contract").glob("*.toml"))]
SERVICE: dict[str, Any] = next(contract for contract in CONTRACTS if "probes" in contract)
METRICS: dict[str, Any] = {name: metric for contract in CONTRACTS for name, metric in contract["metrics"].items()}
EVENTS = {event for contract in CONTRACTS for event in contract.get("log", {}).get("events", ())}
PATHS = {*SERVICE["probes"].values(), SERVICE["management"]["metrics"], SERVICE["management"]["details"]}
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
VARIABLES = {name.upper() for name in Settings.model_fields} | {
    f"{component.settings.model_config.get('env_prefix', '')}{name}".upper()
    for component in COMPONENTS
    for name in component.settings.model_fields
}
READ_BY_THE_SDK = re.compile(r"OTEL_[A-Z_]+")


class Seen(NamedTuple):
    """What a service that has met traffic of every kind shows."""

    pages: Mapping[str, str]
    lines: "list[Line]"
    statuses: Mapping[str, tuple[int, int]]


class Family(NamedTuple):
    """What the contract says of a metric, as scraped."""

    type: str
    labels: set[frozenset[str]]
    buckets: list[float]


@pytest.fixture(scope="module")
def memory() -> list[Seen]:
    """What was seen once."""
    return []


@pytest.fixture
def seen(serve: Callable[..., "Service"], memory: list[Seen]) -> Seen:
    """One real process for all tests of this file."""
    if not memory:
        service = serve().started()
        _traffic(service)
        memory.append(
            Seen(
                pages={
                    "text": service.manage("/metrics").text,
                    "openmetrics": service.manage("/metrics", headers={"Accept": OPENMETRICS}).text,
                },
                statuses={path: (service.get(path).status_code, service.manage(path).status_code) for path in PATHS},
                lines=_ended(service).lines,
            )
        )
    return memory[0]


def _traffic(service: "Service") -> None:
    """A success, what clients do wrong, and what goes wrong here."""
    for path in ("/faults/slow?seconds=0", "/nowhere", "/faults/fail"):
        service.get(path)
    httpx2.request("PROPFIND", f"{service.url}/faults/slow")
    with pytest.raises(httpx2.RemoteProtocolError):
        service.get("/faults/stream?chunks=1")
    place = urlsplit(service.url)
    with socket.create_connection((place.hostname, place.port)) as leaving:
        leaving.sendall(b"GET /faults/stream HTTP/1.1\r\nHost: x\r\n\r\n")
        leaving.recv(1)
    service.wait_for("http.request_finished", error_type="client_disconnected")


def _ended(service: "Service") -> "Service":
    assert service.terminate() == 0
    return service


def _families(page: str, text: str) -> dict[str, Family]:
    parse: Any = {"text": parse_text, "openmetrics": parse_openmetrics}[page]
    families = {}
    for family in parse(text):
        own = {"le"} if family.type == "histogram" else set()
        name = f"{family.name}_total" if family.type == "counter" else family.name
        bounds = {float(s.labels["le"]) for s in family.samples if s.name.endswith("_bucket")}
        labels = {frozenset(sample.labels.keys() - own) for sample in family.samples}
        families[name] = Family(family.type, labels, sorted(bounds - {float("inf")}))
    return families


@pytest.mark.parametrize("page", ["text", "openmetrics"])
def test_every_metric_is_in_the_contract(seen: Seen, page: str) -> None:
    """Nobody can rely on what is not written down, and nobody pays for series that nothing may use."""
    assert _families(page, seen.pages[page]).keys() - METRICS.keys() == set()


@pytest.mark.parametrize("page", ["text", "openmetrics"])
def test_every_metric_of_the_contract_is_there(seen: Seen, page: str) -> None:
    """Scraped from a service that has just started and met some traffic."""
    scraped = {name for name, family in _families(page, seen.pages[page]).items() if family.labels}
    promised = {name for name, metric in METRICS.items() if not metric.get("optional")}

    assert promised - scraped == set()


@pytest.mark.parametrize("page", ["text", "openmetrics"])
def test_every_metric_is_as_the_contract_describes_it(seen: Seen, page: str) -> None:
    """Its type, exactly its labels, its buckets."""
    families = _families(page, seen.pages[page])

    for name, metric in METRICS.items():
        if name not in families:
            continue
        family = families[name]
        assert family.type == metric["type"], name
        assert family.labels <= {frozenset(metric["labels"])}, name
        if "buckets" in metric and family.labels:
            assert family.buckets == metric["buckets"], name


def test_label_values_are_bounded(seen: Seen) -> None:
    """Templates and constants, whatever the client sent."""
    family = _request_durations(seen)
    values = {label: {sample.labels[label] for sample in family} for label in family[0].labels if label != "le"}

    assert values["http_request_method"] <= {"GET", "_OTHER"}
    assert values["http_route"] <= {"/faults/slow", "/faults/fail", "/faults/stream", "unmatched"}
    assert values["http_response_status_code"] <= {"200", "404", "405", "500"}
    assert values["error_type"] <= {"", "RuntimeError", "client_disconnected"}


def _request_durations(seen: Seen) -> list[Any]:
    families = parse_text(seen.pages["text"])
    duration = next(family for family in families if family.name == "http_server_request_duration_seconds")
    return [sample for sample in duration.samples if sample.name.endswith("_count")]


def test_every_line_has_the_fields_of_the_contract(seen: Seen) -> None:
    """And those of a request its ids, as W3C writes them."""
    finished = [line for line in seen.lines if line["event"] == "http.request_finished"]
    assert finished

    for line in seen.lines:
        assert set(SERVICE["log"]["fields"]) <= line.keys()
    for line in finished:
        assert set(SERVICE["log"]["request_fields"]) <= line.keys()
        assert re.fullmatch(r"[0-9a-f]{32} [0-9a-f]{16}", f"{line['trace_id']} {line['span_id']}")


def test_every_event_seen_is_in_the_contract(seen: Seen) -> None:
    """A query for an event is written from the contract. What libraries say carries their `logger` instead."""
    assert {line["event"] for line in seen.lines if "logger" not in line} - EVENTS == set()


def _strings(file: Path) -> set[str]:
    nodes = ast.walk(ast.parse(file.read_text()))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _logged() -> Iterator[str]:
    """The first argument of every call on a `log`, and of nothing else."""
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and node.args and "log." in ast.unparse(node.func):
                strings = (part for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant))
                yield from (str(part.value) for part in strings)


def test_every_event_in_the_source_is_in_the_contract() -> None:
    """Those included that no test provokes."""
    assert set(_logged()) - EVENTS == set()


def test_every_event_of_the_contract_is_in_the_source() -> None:
    """The contract promises no event that nobody logs."""
    assert set().union(*map(_strings, PACKAGE.rglob("*.py"))) >= EVENTS


def test_every_event_is_named_alike() -> None:
    """Dotted, in the past tense."""
    assert [event for event in EVENTS if not re.fullmatch(r"([a-z_]+\.)+[a-z_]*ed", event)] == []


def test_the_probes_answer_on_both_ports(seen: Seen) -> None:
    """Details and metrics on one only."""
    probes = set(SERVICE["probes"].values())

    assert seen.statuses == {path: (200 if path in probes else 404, 200) for path in PATHS}


def test_the_management_port_is_the_contracts() -> None:
    """Where Prometheus looks unless told otherwise."""
    assert Settings().management_port == SERVICE["management"]["port"]


def test_spans_carry_the_resource_attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    """By which traces, metrics and logs of one instance are found together."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "team=scales")
    attributes = resource(Settings(environment="production")).attributes

    assert set(SERVICE["resource"]["attributes"]) <= attributes.keys()
    assert attributes["deployment.environment.name"] == "production"
    assert attributes["team"] == "scales"


def _manifests() -> Iterator[tuple[Path, str]]:
    for file in sorted((PROJECT / "deploy").rglob("*")):
        if file.is_file():
            yield file, file.read_text()


def test_manifests_probe_what_exists() -> None:
    """Every path and every port of every deployment."""
    port = SERVICE["management"]["port"]
    for file, text in _manifests():
        assert set(re.findall(r"/(?:health|metrics)\b[a-z/]*", text)) <= PATHS, file
        assert {int(number) for number in re.findall(r"(?:containerPort|_port): (\d+)", text)} <= {8000, port}, file


def test_manifests_set_what_the_service_reads() -> None:
    """A misspelt variable would be ignored in silence. A script's variables are its own."""
    for file, text in _manifests():
        if file.suffix == ".sh":
            continue
        names = re.findall(r"^(?:\s*- name: )?([A-Z][A-Z_]+)(?:=.*)?$", text, re.MULTILINE)
        assert set(names) <= VARIABLES, file


def _documented(name: str, pattern: str) -> set[str]:
    file = PROJECT / name
    found = re.findall(pattern, file.read_text(), re.MULTILINE) if file.exists() else []
    return {variable for match in found for variable in re.findall(r"[A-Z][A-Z_]{2,}", match)}


def test_documented_variables_exist() -> None:
    """In the README's table and in the file to copy."""
    for name, pattern in ((".env.example", r"^#?([A-Z_]+)="), ("README.md", r"^\| (`[A-Z_`, ]+`) \|")):
        unknown = {v for v in _documented(name, pattern) - VARIABLES if not READ_BY_THE_SDK.fullmatch(v)}
        assert unknown == set(), name


def test_variables_are_documented() -> None:
    """What the service reads is in the file to copy; the standard's own variables are in the standard."""
    if not (PROJECT / ".env.example").exists():
        return
    missing = VARIABLES - _documented(".env.example", r"^#?([A-Z_]+)=")

    assert {variable for variable in missing if not READ_BY_THE_SDK.fullmatch(variable)} == set()


def test_the_file_to_copy_holds_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copied as it is, it changes nothing."""
    kinds: list[type[BaseSettings]] = [Settings, *(component.settings for component in COMPONENTS)]
    before = [kind() for kind in kinds]
    example = PROJECT / ".env.example"
    text = example.read_text() if example.exists() else ""
    for name, value in re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE):
        monkeypatch.setenv(name, value)

    assert [kind() for kind in kinds] == before
