"""Exported telemetry agrees with docs/guides/semantics.md and the semantic conventions."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from firstlight.testing import ServiceProcess
from firstlight.testing.environment import variables

from ..conftest import PROGRAMS
from ..programs.relay import SERVICE
from .behind import Behind
from .conftest import Receiver, Wire, metric, request, samples, wait_until

GUIDE = Path(__file__).parents[3] / "docs/guides/semantics.md"
TYPES: Mapping[str, type] = {"string_value": str, "int_value": int}
NAMES = {"string": str, "int": int}
CHECKS = 3
TIMES = "_bucket|_count|_sum"

Value = str | int


class Row(NamedTuple):
    """One attribute of the guide."""

    kind: type
    level: str


def _table(title: str) -> dict[str, Row]:
    section = GUIDE.read_text("utf-8").partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([a-z_.]+)` \| (\w+) \| (\w+) \|", section, re.MULTILINE)
    return {name: Row(NAMES[kind], level) for name, kind, level in rows}


def _metrics() -> dict[str, set[str]]:
    section = GUIDE.read_text("utf-8").partition("\n## Metrics\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|(.*)$", section, re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


class Exported(NamedTuple):
    """The spans of a service after every kind of traffic, and the second service that it calls."""

    service: ServiceProcess
    behind: Behind
    collector: Receiver

    def spans(self, kind: int) -> list[Span]:
        """All spans of one kind."""
        return [span for span in self.collector.spans if span.kind == kind]

    def span(self, name: str, **attributes: Value) -> Span:
        """Wait for the span of this name with these attributes. Underscores in keywords are dots."""

        def found() -> list[Span]:
            wanted = attributes.items()
            return [s for s in self.collector.spans if s.name == name and wanted <= _underscored(s).items()]

        wait_until(found)
        return found()[0]


def _attributes(span: Span) -> dict[str, Value]:
    found = {}
    for pair in span.attributes:
        kind = pair.value.WhichOneof("value")
        assert kind in TYPES, pair
        found[pair.key] = getattr(pair.value, kind)
    return found


def _underscored(span: Span) -> dict[str, Value]:
    return {name.replace(".", "_"): value for name, value in _attributes(span).items()}


@pytest.fixture(scope="module")
def exported(receive: Callable[..., Receiver]) -> Iterator[Exported]:
    """One process for all tests of this file."""
    collector = receive()
    with Behind() as behind:
        environment = {
            "HTTP_CLIENT_DEPENDENCIES": f"behind=http://user:hunter2@127.0.0.1:{behind.server_port}",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "50",
            "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS": "GET,HEAD,POST,BREW",
        }
        program = [str(PROGRAMS / "relay.py")]
        with closing(ServiceProcess(program, environment, without=variables(SERVICE))) as process:
            made = Exported(process.started(), behind, collector)
            _traffic(made)
            yield made
            assert process.terminate() == 0


def _traffic(exported: Exported) -> None:
    with Wire(exported.service.url) as wire:

        def send(target: str, method: str = "GET", **headers: str) -> int:
            wire.send(request(target, method, **headers))
            reply = wire.head() if method == "HEAD" else wire.receive()
            return reply.status

        assert send("/items/tea%20pot?size=7&token=hunter2", user_agent="probe/1") == 200
        assert send("/items/missing") == 404
        assert send("/items/tea", "PURGE") == 405
        assert send("/nowhere") == 404
        assert send("/items/tea", "HEAD") == 200
        assert send("/relay/200?calls=2") == 200
        assert send("/relay/404") == 200
        assert send("/relay/x?method=POST") == 200
        assert send("/relay/x?method=BREW") == 200
        assert send("/relay/x?method=PURGE") == 200
        assert send("/follow") == 200
        assert send("/give-up") == 200
        assert send("/items/broken") == 500  # the server closes the connection
    with Wire(exported.service.url) as wire:
        wire.send(b"GET /items/tea HTTP/1.0\r\nHost: [::1]\r\n\r\n")
        assert wire.head().status == 200
    wait_until(lambda: len(exported.behind.seen("/checked")) >= CHECKS)


@pytest.mark.parametrize(
    ("title", "kind"), [("Server spans", Span.SPAN_KIND_SERVER), ("Client spans", Span.SPAN_KIND_CLIENT)]
)
def test_spans_have_the_attributes_of_the_guide(exported: Exported, title: str, kind: int) -> None:
    """Exactly those, with their types and not empty. Required ones are in every span."""
    exported.span("GET /give-up")
    table, spans = _table(title), exported.spans(kind)
    seen: set[str] = set()
    for span in spans:
        attributes = _attributes(span)
        assert {name: type(value) for name, value in attributes.items()} == {n: table[n].kind for n in attributes}
        assert {name for name, row in table.items() if row.level == "required"} <= attributes.keys(), span.name
        assert "" not in attributes.values()
        assert ("error.type" in attributes) is (span.status.code == Status.STATUS_CODE_ERROR), span.name
        assert not span.status.message
        seen |= attributes.keys()
    assert seen == table.keys()


def test_the_guide_lists_what_the_conventions_require() -> None:
    """So that a missing row is noticed."""
    server, client = _table("Server spans"), _table("Client spans")
    assert {name for name, row in server.items() if row.level != "recommended"} == {
        "http.request.method",
        "url.path",
        "url.scheme",
        "http.request.method_original",
        "http.response.status_code",
        "error.type",
        "http.route",
        "server.port",
        "url.query",
    }
    assert {name for name, row in client.items() if row.level != "recommended"} == {
        "http.request.method",
        "server.address",
        "server.port",
        "url.full",
        "error.type",
        "http.request.method_original",
        "http.response.status_code",
    }


def test_a_server_span_describes_its_request(exported: Exported) -> None:
    """As it was sent, without secrets."""
    attributes = _attributes(exported.span("GET /items/{name}", url_path="/items/tea%20pot"))
    assert attributes.pop("network.peer.port")
    assert attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/items/{name}",
        "url.path": "/items/tea%20pot",
        "url.query": "size=7&token=REDACTED",
        "url.scheme": "http",
        "server.address": "test",
        "server.port": 80,
        "client.address": "127.0.0.1",
        "network.peer.address": "127.0.0.1",
        "network.protocol.version": "1.1",
        "user_agent.original": "probe/1",
    }


def test_a_header_that_is_not_sent_has_no_attribute(exported: Exported) -> None:
    """Neither an empty nor a guessed value."""
    attributes = _attributes(exported.span("GET", url_path="/nowhere"))
    absent = {"http.route", "url.query", "user_agent.original", "error.type", "http.request.method_original"}
    assert not absent & attributes.keys()
    old = _attributes(exported.span("GET /items/{name}", network_protocol_version="1.0"))
    assert (old["server.address"], old["server.port"]) == ("::1", 80)


def test_a_failure_has_an_error_type(exported: Exported) -> None:
    """With the module of its class, in span and metric. An error of the client has none."""
    broken = exported.span("GET /items/{name}", url_path="/items/broken")
    missing = exported.span("GET /items/{name}", url_path="/items/missing")
    assert _attributes(broken)["error.type"] == "__main__.DepotError"
    assert broken.status.code == Status.STATUS_CODE_ERROR
    assert missing.status.code == Status.STATUS_CODE_UNSET
    labels = {"http_route": "/items/{name}", "error_type": "__main__.DepotError"}
    assert metric(exported.service.management_url, "http_server_request_duration_seconds_count", **labels) == 1


def test_an_unknown_method_is_named_in_its_attribute_only(exported: Exported) -> None:
    """In server and client spans. A variable lists the known methods."""
    purge = exported.span("HTTP /items/{name}")
    assert _attributes(purge)["http.request.method"] == "_OTHER"
    assert _attributes(purge)["http.request.method_original"] == "PURGE"
    assert "http.request.method_original" not in _attributes(exported.span("BREW"))
    call = _attributes(exported.span("HTTP", server_port=exported.behind.server_port))
    assert (call["http.request.method"], call["http.request.method_original"]) == ("_OTHER", "PURGE")


def test_a_client_span_describes_its_call(exported: Exported) -> None:
    """Without the credentials of the URL."""
    attributes = _attributes(exported.span("GET", http_response_status_code=404, error_type="404"))
    port = exported.behind.server_port
    assert attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 404,
        "error.type": "404",
        "server.address": "127.0.0.1",
        "server.port": port,
        "network.peer.address": "127.0.0.1",
        "network.peer.port": port,
        "network.protocol.version": "1.1",
        "url.full": f"http://REDACTED:REDACTED@127.0.0.1:{port}/404",
    }


def test_resent_requests_are_counted(exported: Exported) -> None:
    """A redirect has its own span. Separate calls of a handler do not count."""
    resent = exported.span("GET", http_request_resend_count=1)
    assert str(_attributes(resent)["url.full"]).endswith("/redirected")
    calls = [_attributes(s) for s in exported.spans(Span.SPAN_KIND_CLIENT)]
    assert [c.get("http.request.resend_count") for c in calls if str(c["url.full"]).endswith("/200")] == [None, None]


def test_a_call_cancelled_by_its_caller_is_not_a_failure(exported: Exported) -> None:
    """It has an event, and no error type."""

    def given_up() -> list[Span]:
        return [span for span in exported.collector.spans if any(event.name == "cancelled" for event in span.events)]

    wait_until(given_up)
    (span,) = given_up()
    assert span.status.code == Status.STATUS_CODE_UNSET
    assert "error.type" not in _attributes(span)
    failed = [s.labels["error_type"] for s in samples(exported.service.management_url, f"{_metric('client')}_count")]
    assert set(failed) == {"", "404"}


def test_a_check_records_no_telemetry(exported: Exported) -> None:
    """No span, no duration and no header, although it uses the client of the handlers."""
    urls = [str(_attributes(span)["url.full"]) for span in exported.spans(Span.SPAN_KIND_CLIENT)]
    assert urls
    assert [url for url in urls if url.endswith("/checked")] == []
    for seen in exported.behind.seen("/checked"):
        assert (seen.all("traceparent"), seen.all("x-request-id")) == ([], [])
    sent = len([each for each in exported.behind.requests if each.path not in {"/checked", "/"}])
    assert metric(exported.service.management_url, f"{_metric('client')}_count") == sent


def _metric(side: str) -> str:
    return f"http_{side}_request_duration_seconds"


def test_metrics_have_the_labels_of_the_guide(exported: Exported) -> None:
    """Those that the conventions require, and our own."""
    for name, labels in _metrics().items():
        shown = [s for suffix in ("_count", "") for s in samples(exported.service.management_url, f"{name}{suffix}")]
        assert shown, name
        assert {frozenset(sample.labels) for sample in shown} == {frozenset(labels)}, name


def test_a_duration_is_that_of_its_span(exported: Exported) -> None:
    """Span and metric use the same readings of the clock."""
    span = exported.span("GET /give-up")
    labels = {"http_route": "/give-up"}
    seconds = metric(exported.service.management_url, f"{_metric('server')}_sum", **labels)
    assert seconds == pytest.approx((span.end_time_unix_nano - span.start_time_unix_nano) / 1e9, abs=1e-6)


def test_a_head_is_answered_with_the_length_of_a_get(exported: Exported) -> None:
    """On both ports, without a body, so that the connection stays usable. The age of the loop has up to five digits."""
    for url, target in (
        (exported.service.url, "/items/tea"),
        (exported.service.management_url, "/health"),
        (exported.service.management_url, "/health/live"),
        (exported.service.management_url, "/metrics?name[]=build_info"),
    ):
        with Wire(url) as wire:
            wire.send(request(target, "HEAD"))
            head = wire.head()
            wire.send(request(target))
            got = wire.receive()
            assert (head.status, got.status) == (200, 200), target
            digits = 4 if target == "/health" else 0
            assert abs(int(head.headers["content-length"]) - len(got.body)) <= digits < len(got.body), target
    line = exported.service.wait_for("http.request_finished", http_request_method="HEAD")
    assert line["response_bytes"] == 0


def test_the_request_id_is_sent_once(exported: Exported) -> None:
    """Also when the application sets the header."""
    with Wire(exported.service.url) as wire:
        wire.send(request("/own-id", x_request_id="mine", connection="close"))
        head = wire.file.read().partition(b"\r\n\r\n")[0].lower()
    assert re.findall(rb"\r\nx-request-id: *([^\r]*)", head) == [b"mine"]
