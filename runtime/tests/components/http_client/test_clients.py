"""The clients call a real server over pooled connections, with a timeout and request ids, and record each call."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from firstlight import Service, Settings, Surroundings
from firstlight.app import Application, create_app
from firstlight.command_line import main
from firstlight.components.http_client import (
    HTTP_CLIENT,
    Clients,
    ExchangeTimeoutError,
    ForeignOriginError,
    HttpClientSettings,
    open_clients,
)
from firstlight.errors import SettingsError
from firstlight.lifecycle import Lifecycle
from firstlight.management.health import CheckState
from firstlight.metrics.instruments import LATENCY_BUCKETS_SECONDS, REGISTRY
from firstlight.settings import load
from firstlight.testing.lines import Lines

from ...faults import IDENTITY

METRIC = "http_client_request_duration_seconds"
TIMEOUT_SECONDS = 5


class Handler(BaseHTTPRequestHandler):
    """A dependency that answers with the status in the path, and never answers on `/hang`."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def handle(self) -> None:
        """Count a connection while it is open."""
        super().handle()
        self.server.closed.release()

    def answer(self) -> None:
        """Keep the request, and answer it."""
        self.server.seen.append((self.client_address[1], self.command, self.path, dict(self.headers)))
        name = self.path.partition("?")[0].rpartition("/")[2]
        if name == "hang":
            self.server.release.wait(TIMEOUT_SECONDS)
        self.send_response(int(name) if name.isdigit() else 200 if name else self.server.root_status)
        self.send_header("Content-Length", "0")
        if target := self.path.partition("?to=")[2]:
            self.send_header("Location", target)
        self.end_headers()

    do_GET = do_POST = do_BREW = answer  # noqa: N815 - the base class's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Write nothing."""


class Server(ThreadingHTTPServer):
    """The dependency, in a thread."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on any free port."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[int, str, str, dict[str, str]]] = []
        self.root_status = 200
        self.release = threading.Event()
        self.closed = threading.Semaphore(0)

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Write nothing: clients that disconnect are part of the tests."""


@pytest.fixture(autouse=True)
def _no_dependencies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the dependencies that the machine's environment may name."""
    for name in HttpClientSettings.model_fields:
        monkeypatch.delenv(f"HTTP_CLIENT_{name.upper()}", raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    """A dependency."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.release.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def client_spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Finished spans of calls. The component asks for the global tracer, which a process can set only once."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    return exporter


async def _call(request: Request) -> Response:
    path = request.query_params["path"]
    response = await HTTP_CLIENT.of(request)["scales"].get(path)
    return PlainTextResponse(str(response.status_code))


SERVICE = Service(identity=IDENTITY, components=[HTTP_CLIENT], routes=[Route("/call", _call)])


@pytest.fixture
def app(
    server: Server,
    client_spans: InMemorySpanExporter,
    settings: Settings,
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
) -> Application:
    """A service with one dependency and a route that calls it."""
    del client_spans
    monkeypatch.setenv("HTTP_CLIENT_DEPENDENCIES", f"scales={server.url}/v1")
    monkeypatch.setenv("HTTP_CLIENT_TIMEOUT_SECONDS", "0.2")
    return create_app(settings, SERVICE, log_sink=lines)


def _observed(**labels: str) -> float:
    wanted = {"dependency": "scales", "http_request_method": "GET", **labels}
    return sum(
        sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == f"{METRIC}_count" and wanted.items() <= sample.labels.items()
    )


def _settings(**values: Any) -> HttpClientSettings:
    return HttpClientSettings(**values)


def _opened(settings: HttpClientSettings) -> AbstractAsyncContextManager[Clients]:
    return open_clients(Surroundings(settings, Settings(), {}, Lifecycle(), IDENTITY))


def _clients(**values: Any) -> AbstractAsyncContextManager[Clients]:
    return _opened(_settings(**values))


async def _get(settings: HttpClientSettings, path: str) -> httpx2.Response:
    async with _opened(settings) as clients:
        return await clients["scales"].get(path)


def qualified(error: type[BaseException]) -> str:
    """The name of a class with its module."""
    return f"{error.__module__}.{error.__qualname__}"


def _calls(server: Server) -> list[tuple[int, str, str, dict[str, str]]]:
    """The requests of a path without those of health checks."""
    return [call for call in server.seen if not call[2].endswith("/")]


def test_calls_share_a_connection(server: Server) -> None:
    """Several calls use one connection, and paths are relative to the base URL of the dependency."""

    async def run() -> None:
        async with _clients(dependencies=f"scales={server.url}/v1") as clients:
            for _ in range(2):
                assert (await clients["scales"].get("/parcels")).status_code == 200

    asyncio.run(run())

    (first, _, path, _), (second, *_) = _calls(server)
    assert path == "/v1/parcels"
    assert first == second


@pytest.mark.parametrize("by_redirect", [False, True])
def test_a_client_calls_no_other_server(server: Server, *, by_redirect: bool) -> None:
    """It would get what is meant for the dependency. A redirect of the dependency to itself is followed."""

    async def run(foreign: Server) -> None:
        async with _clients(dependencies=f"scales={server.url}/v1") as clients:
            scales = clients["scales"]
            url = f"/302?to={foreign.url}/v1/parcels" if by_redirect else f"{foreign.url}/v1/parcels"
            with pytest.raises(ForeignOriginError, match=rf"^the client of scales does not call {foreign.url}: give a"):
                await scales.get(url, follow_redirects=True)
            own = await scales.get(f"/302?to={server.url}/v1/parcels", follow_redirects=True)
            assert own.status_code == 200
            assert (await scales.get(f"{server.url}/v1/parcels")).status_code == 200

    with Server() as foreign:
        asyncio.run(run(foreign))
        assert foreign.seen == []


def test_a_call_carries_the_requests_ids(
    client: TestClient, server: Server, client_spans: InMemorySpanExporter, lines: Lines
) -> None:
    """The dependency can log the request id and the trace id of the request."""
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01", "x-request-id": "parcel-7"}
    client.get("/call?path=/parcels", headers=headers)

    ((_, _, _, sent),) = _calls(server)
    (span,) = [span for span in client_spans.get_finished_spans() if _attributes(span)["url.full"].endswith("parcels")]
    (line,) = lines.named("http.request_finished")
    assert sent["x-request-id"] == "parcel-7"
    assert sent["traceparent"] == f"00-{trace_id}-{span.context.span_id:016x}-01"
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == line["span_id"]


def _attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_span_has_the_address_of_the_call_and_no_secrets(server: Server, client_spans: InMemorySpanExporter) -> None:
    """The attributes follow the semantic conventions, without credentials and fragment."""
    url = server.url.replace("//", "//user:hunter2@")

    asyncio.run(_get(_settings(dependencies=f"scales={url}"), "/parcels?token=hunter2&size=7#hunter2"))

    (span,) = client_spans.get_finished_spans()
    assert span.name == "GET"
    assert span.kind is SpanKind.CLIENT
    assert span.status.status_code is StatusCode.UNSET
    assert _attributes(span) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "server.port": server.server_port,
        "network.peer.address": "127.0.0.1",
        "network.peer.port": server.server_port,
        "network.protocol.version": "1.1",
        "url.full": f"http://REDACTED:REDACTED@127.0.0.1:{server.server_port}/parcels?token=REDACTED&size=7",
    }
    ((_, _, path, sent),) = server.seen
    assert path == "/parcels?token=hunter2&size=7"
    assert sent["Authorization"].startswith("Basic ")


@pytest.mark.parametrize(("path", "status"), [("/404", "404"), ("/500", "500"), ("/204", "204")])
def test_an_answer_is_measured_by_its_status(
    server: Server, client_spans: InMemorySpanExporter, path: str, status: str
) -> None:
    """For clients, a status of 400 or above is an error."""
    error_type = status if status >= "400" else ""
    before = _observed(http_response_status_code=status, error_type=error_type)

    asyncio.run(_get(_settings(dependencies=f"scales={server.url}"), path))

    assert _observed(http_response_status_code=status, error_type=error_type) == before + 1
    (span,) = client_spans.get_finished_spans()
    assert _attributes(span).get("error.type", "") == error_type
    assert (span.status.status_code is StatusCode.ERROR) == bool(error_type)


def test_a_failed_call_is_measured_by_its_error_type(
    server: Server, refusing: str, client_spans: InMemorySpanExporter
) -> None:
    """A refused connection and a timeout have different error types."""
    for url, path, error in (
        (refusing, "/", httpx2.ConnectError),
        (server.url, "/hang", ExchangeTimeoutError),
    ):
        labels = {"http_response_status_code": "", "error_type": qualified(error)}
        before = _observed(**labels)
        settings = _settings(dependencies=f"scales={url}", timeout_seconds=0.5)

        with pytest.raises(error):
            asyncio.run(_get(settings, path))

        attempts = 3 if error is httpx2.ConnectError else 1  # the others have no time left
        assert _observed(**labels) == before + attempts
        span = client_spans.get_finished_spans()[-1]
        assert _attributes(span)["error.type"] == labels["error_type"]
        assert span.status.status_code is StatusCode.ERROR
        assert span.events == ()


def test_the_method_label_has_a_limited_set_of_values(server: Server, client_spans: InMemorySpanExporter) -> None:
    """A handler may pass on the method of its request, which the client can choose."""

    async def brew() -> None:
        async with _clients(dependencies=f"scales={server.url}") as clients:
            await clients["scales"].request("BREW", "/parcels")

    asyncio.run(brew())

    families = {family.name: family for family in REGISTRY.collect()}
    methods = {sample.labels["http_request_method"] for sample in families[METRIC].samples}
    assert methods <= {"GET", "_OTHER"}
    assert [_attributes(span)["http.request.method"] for span in client_spans.get_finished_spans()] == ["_OTHER"]
    assert server.seen[0][1] == "BREW"


def test_the_metric_has_the_buckets_of_the_request_duration(server: Server) -> None:
    """So that calls can be compared with the requests of which they are part."""
    asyncio.run(_get(_settings(dependencies=f"scales={server.url}"), "/parcels"))

    (family,) = [family for family in REGISTRY.collect() if family.name == METRIC]
    buckets = {float(sample.labels["le"]) for sample in family.samples if "le" in sample.labels}
    assert buckets == {*LATENCY_BUCKETS_SECONDS, float("inf")}


def test_a_dependency_that_does_not_answer_is_a_problem(client: TestClient, lines: Lines) -> None:
    """The client gets 503 with `Retry-After` and the ids, without the address of the dependency."""
    response = client.get("/call?path=/hang")

    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["retry-after"] == "5"
    assert response.json()["request_id"] == response.headers["x-request-id"]
    assert "127.0.0.1" not in response.text
    (line,) = lines.named("http.request_finished")
    assert (line["http_response_status_code"], line["error_type"]) == (503, "503")


def test_the_client_library_logs_no_calls(client: TestClient, lines: Lines) -> None:
    """Each call has a span and a metric already."""
    client.get("/call?path=/parcels")

    repeated = [line for line in lines.events if str(line.get("logger", "")).startswith(("httpx2", "httpcore2"))]
    assert [line["event"] for line in repeated if "/v1/parcels" in line["event"]] == []


def test_each_dependency_has_a_check_that_is_not_critical(server: Server, refusing: str) -> None:
    """A failure is visible, but does not take the instance out of traffic."""
    settings = _settings(dependencies=f"scales={server.url},printer={refusing},stamp={server.url}/500")

    async def run() -> dict[str, str]:
        async with _opened(settings) as clients:
            states = [CheckState(check) for check in HTTP_CLIENT.checks(clients)]
            for state in states:
                assert not state.check.critical
                await state.refresh()
            return {state.check.name: state.status for state in states}

    statuses = asyncio.run(run())

    # any status below 500 passes: a server that answers 404 is there
    assert statuses == {"http_client.scales": "pass", "http_client.printer": "fail", "http_client.stamp": "pass"}


def test_a_dependency_that_answers_with_errors_fails_its_check(server: Server) -> None:
    """500 at the base URL fails; 404 passes, because the server answers."""

    async def run() -> list[str]:
        async with _clients(dependencies=f"scales={server.url}") as clients:
            state = CheckState(*HTTP_CLIENT.checks(clients))
            statuses = []
            for server.root_status in (404, 500):
                state.passing = None
                await state.refresh()
                statuses.append(state.status)
            return statuses

    assert asyncio.run(run()) == ["pass", "fail"]


def test_everything_is_closed_at_the_end(server: Server) -> None:
    """No connection stays open after the service has stopped."""

    async def run() -> list[httpx2.AsyncClient]:
        async with _clients(dependencies=f"scales={server.url},printer={server.url}") as clients:
            for client in clients.values():
                await client.get("/parcels")
            return list(clients.values())

    assert all(client.is_closed for client in asyncio.run(run()))
    for _ in range(2):
        assert server.closed.acquire(timeout=TIMEOUT_SECONDS)


def test_nothing_is_configured_by_default() -> None:
    """There are no dependencies, and the limits have defaults."""
    settings = load(HttpClientSettings)

    assert settings.dependencies == {}
    assert (settings.connect_seconds, settings.timeout_seconds, settings.max_connections) == (1, 5, 100)
    assert settings.max_response_bytes == 16_777_216


def test_dependencies_are_named_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    """One variable has the list of all dependencies."""
    monkeypatch.setenv("HTTP_CLIENT_DEPENDENCIES", "scales=http://scales:8000/v1, printer=https://printer.example,")

    assert load(HttpClientSettings).dependencies == {
        "scales": "http://scales:8000/v1",
        "printer": "https://printer.example",
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DEPENDENCIES", "scales"),
        ("DEPENDENCIES", "scales="),
        ("DEPENDENCIES", "scales=scales:8000"),
        ("DEPENDENCIES", "scales=ftp://scales"),
        ("DEPENDENCIES", "scales=http://"),
        ("DEPENDENCIES", "scales=http://scales?a=b"),
        ("DEPENDENCIES", "two words=http://scales"),
        ("DEPENDENCIES", "=http://scales"),
        ("DEPENDENCIES", "scales=http://one,scales=http://two"),
        ("CONNECT_SECONDS", "0"),
        ("CONNECT_SECONDS", "inf"),
        ("TIMEOUT_SECONDS", "-1"),
        ("TIMEOUT_SECONDS", "nan"),
        ("MAX_CONNECTIONS", "0"),
        ("MAX_CONNECTIONS", "many"),
        ("MAX_RESPONSE_BYTES", "-1"),
    ],
)
def test_a_bad_setting_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    """One sentence names the variable."""
    monkeypatch.setenv(f"HTTP_CLIENT_{name}", text)

    with pytest.raises(SettingsError, match=rf"^HTTP_CLIENT_{name} must [^\n]+$"):
        load(HttpClientSettings)


def test_a_refusal_shows_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The URL of a dependency may contain a password."""
    monkeypatch.setenv("HTTP_CLIENT_DEPENDENCIES", "scales=https://user:hunter2@scales.example,printer")

    with pytest.raises(SettingsError) as refused:
        load(HttpClientSettings)

    assert "hunter2" not in str(refused.value)


def test_a_bad_setting_stops_the_start(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """The exit status is 2, with one sentence, as for settings of the service."""
    for name, value in (("PORT", "0"), ("MANAGEMENT_PORT", "0"), ("HTTP_CLIENT_DEPENDENCIES", "scales")):
        monkeypatch.setenv(name, value)

    assert main(SERVICE, []) == 2

    output, error = capfd.readouterr()
    assert "HTTP_CLIENT_DEPENDENCIES must be" in error
    assert (output, error.count("\n")) == ("", 1)
