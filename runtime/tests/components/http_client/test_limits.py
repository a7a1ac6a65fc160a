"""Calls have limits on time and memory, whatever the dependency does. A failed call is counted and logged once."""

import asyncio
import gzip
import socket
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from firstlight import Service, Settings, Surroundings
from firstlight.app import create_app
from firstlight.components.http_client import (
    HTTP_CLIENT,
    Clients,
    ExchangeTimeoutError,
    HttpClientSettings,
    ResponseTooLargeError,
    UnreadableResponseError,
    open_clients,
)
from firstlight.components.http_client.failures import FailureLog
from firstlight.lifecycle import Lifecycle
from firstlight.logs import pipeline
from firstlight.management.health import CheckState
from firstlight.metrics.instruments import REGISTRY
from firstlight.testing.lines import Lines

from ...faults import IDENTITY
from ...peers import DRIPPING, Peer, answer, silent, then, wait_until
from ...ports import refusing_port

METRIC = "http_client_request_duration_seconds_count"
SECONDS = 0.3
SLACK_SECONDS = 4.0
LIMIT = 100_000


@pytest.fixture(autouse=True)
def _settled(settings: Settings, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in HttpClientSettings.model_fields:
        monkeypatch.delenv(f"HTTP_CLIENT_{name.upper()}", raising=False)
    pipeline.configure(settings, IDENTITY, lines)


@pytest.fixture(autouse=True)
def client_spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Finished spans of calls. The component asks for the global tracer, which a process can set only once."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    return exporter


def _counts() -> dict[tuple[str, str], float]:
    """The number of calls so far, by status code and error type."""
    found: dict[tuple[str, str], float] = {}
    for family in REGISTRY.collect():
        for sample in family.samples:
            labels = sample.labels
            if sample.name == METRIC and (labels["dependency"], labels["http_request_method"]) == ("scales", "GET"):
                key = labels["http_response_status_code"], labels["error_type"].rpartition(".")[2]
                found[key] = found.get(key, 0) + sample.value
    return found


@pytest.fixture
def counted() -> Callable[[], dict[tuple[str, str], float]]:
    """The number of calls since the test began, by status code and error type."""
    before = _counts()
    return lambda: {key: value - before.get(key, 0) for key, value in _counts().items() if value != before.get(key, 0)}


@asynccontextmanager
async def _clients(peer: Peer, **values: Any) -> AsyncIterator[Clients]:
    chosen = {"timeout_seconds": SECONDS, "max_response_bytes": LIMIT, **values}
    settings = HttpClientSettings(dependencies={"scales": peer.url}, **chosen)
    async with open_clients(Surroundings(settings, Settings(), {}, Lifecycle(), IDENTITY)) as clients:
        yield clients


async def _get(peer: Peer, **values: Any) -> httpx2.Response:
    async with _clients(peer, **values) as clients:
        return await clients["scales"].get("/")


async def _stream(peer: Peer) -> bytes:
    async with _clients(peer) as clients, clients["scales"].stream("GET", "/") as response:
        return b"".join([part async for part in response.aiter_raw()])


@pytest.mark.parametrize("call", [_get, _stream])
@pytest.mark.parametrize("behave", DRIPPING.values(), ids=DRIPPING.keys())
def test_the_time_limit_is_for_the_whole_call(
    behave: Callable[..., None],
    call: Callable[[Peer], Any],
    counted: Callable[[], dict[tuple[str, str], float]],
    client_spans: InMemorySpanExporter,
) -> None:
    """Also for a stream, and when single bytes arrive slowly. The call is counted and traced as failed."""
    began = time.monotonic()
    with Peer(behave) as peer, pytest.raises(ExchangeTimeoutError):
        asyncio.run(call(peer))
    assert time.monotonic() - began < SECONDS + SLACK_SECONDS
    ((status, error_type),) = counted()
    assert error_type == "ExchangeTimeoutError"
    if behave not in {DRIPPING["body"], DRIPPING["chunks"]}:
        assert not status
    (span,) = client_spans.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR


def test_a_call_may_have_a_timeout_of_its_own() -> None:
    """A `timeout` given with the call replaces the limit, up or down."""

    async def run(peer: Peer, seconds: float) -> None:
        async with _clients(peer) as clients:
            await clients["scales"].get("/", timeout=seconds)

    def late(peer: Peer, connection: socket.socket) -> None:
        peer.ended.wait(2 * SECONDS)
        answer("200 OK")(peer, connection)

    with Peer(late) as peer:
        asyncio.run(run(peer, 5))
        with pytest.raises(ExchangeTimeoutError):
            asyncio.run(run(peer, 0.1))


BODIES = {
    "length": then(
        b"HTTP/1.1 200 OK\r\ncontent-length: 196000000\r\n\r\n",
        lambda peer, connection: peer.flood(connection, 196_000_000),
    ),
    "endless": then(b"HTTP/1.1 200 OK\r\n\r\n", lambda peer, connection: peer.flood(connection, 196_000_000)),
    "compressed": answer("200 OK", gzip.compress(bytes(50_000_000)), "content-encoding: gzip"),
}


@pytest.mark.parametrize("behave", BODIES.values(), ids=BODIES.keys())
def test_a_large_response_is_refused(behave: Callable[..., None], counted: Callable[[], object]) -> None:
    """The limit applies before and after decoding, and little memory is used."""
    with Peer(behave) as peer:
        tracemalloc.start()
        with pytest.raises(ResponseTooLargeError):
            asyncio.run(_get(peer, timeout_seconds=5))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 8_000_000
    assert peer.sent < 50_000_000
    assert counted() == {("200", "ResponseTooLargeError"): 1}


@pytest.mark.parametrize("streamed", [False, True])
def test_a_body_that_cannot_be_decoded_is_a_failed_call(*, streamed: bool, counted: Callable[[], object]) -> None:
    """It is an error of the transport, as all failed calls are. A stream has ended well before it is decoded."""

    async def run(peer: Peer) -> None:
        async with _clients(peer) as clients:
            if not streamed:
                await clients["scales"].get("/")
            async with clients["scales"].stream("GET", "/") as response:
                await response.aread()

    with (
        Peer(answer("200 OK", b"plain", "content-encoding: gzip")) as peer,
        pytest.raises(UnreadableResponseError, match="incorrect header check"),
    ):
        asyncio.run(run(peer))
    assert counted() == {("200", "" if streamed else "UnreadableResponseError"): 1}


def test_a_large_response_is_refused_when_read_raw(counted: Callable[[], object]) -> None:
    """The limit also applies to `aiter_raw`."""
    with Peer(BODIES["endless"]) as peer, pytest.raises(ResponseTooLargeError):
        asyncio.run(_stream(peer))
    assert counted() == {("200", "ResponseTooLargeError"): 1}


def test_a_response_of_the_largest_size_is_read() -> None:
    """The limit itself is allowed, plain and compressed."""
    body = bytes(LIMIT)
    with Peer(answer("200 OK", body)) as peer:
        assert asyncio.run(_get(peer)).content == body
    with Peer(answer("200 OK", gzip.compress(body), "content-encoding: gzip")) as peer:
        assert asyncio.run(_get(peer)).content == body


def test_a_stream_that_is_closed_early_is_not_a_failure(counted: Callable[[], object]) -> None:
    """It is counted with the status of its response."""

    async def run(peer: Peer) -> None:
        async with _clients(peer, timeout_seconds=5) as clients, clients["scales"].stream("GET", "/") as response:
            async for _ in response.aiter_bytes():
                break

    with Peer(BODIES["length"]) as peer:
        asyncio.run(run(peer))
    assert counted() == {("200", ""): 1}


@pytest.mark.parametrize(
    ("behave", "status"), [(silent, ""), (DRIPPING["body"], "200")], ids=["before the answer", "in the body"]
)
def test_a_call_cancelled_by_its_caller_is_not_a_failure(
    behave: Callable[..., None],
    status: str,
    counted: Callable[[], object],
    client_spans: InMemorySpanExporter,
    lines: Lines,
) -> None:
    """There is no error type and no log line, and the status of the span is not an error."""

    async def run(peer: Peer) -> None:
        async with _clients(peer, timeout_seconds=60) as clients:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(SECONDS):
                    await clients["scales"].get("/")

    with Peer(behave) as peer:
        asyncio.run(run(peer))
    assert counted() == {(status, ""): 1}
    (span,) = client_spans.get_finished_spans()
    assert span.status.status_code is StatusCode.UNSET
    assert "error.type" not in (span.attributes or {})
    assert [event.name for event in span.events] == ["cancelled"]
    assert lines.named("http_client.call_failed") == []


@pytest.mark.parametrize("behave", [BODIES["length"], DRIPPING["body"], answer("404 Not Found")])
def test_a_check_reads_the_status_only(
    behave: Callable[..., None], counted: Callable[[], object], client_spans: InMemorySpanExporter
) -> None:
    """It records no span and no metric, sends no ids, and does not read the body."""

    async def run(peer: Peer) -> None:
        async with _clients(peer) as clients:
            (check,) = HTTP_CLIENT.checks(clients)
            await check.probe()

    with Peer(behave) as peer:
        asyncio.run(run(peer))
        wait_until(lambda: peer.requests)
    assert peer.sent < 50_000_000
    assert counted() == {}
    assert client_spans.get_finished_spans() == ()
    assert not {b"traceparent", b"x-request-id"} & {
        line.split(b":")[0].lower() for line in peer.requests[0].splitlines()
    }


def test_a_check_ends_in_time() -> None:
    """The limits of calls apply to checks, too."""

    async def run(peer: Peer) -> str:
        async with _clients(peer) as clients:
            state = CheckState(*HTTP_CLIENT.checks(clients))
            await state.refresh()
            return state.status

    began = time.monotonic()
    with Peer(DRIPPING["head"]) as peer:
        assert asyncio.run(run(peer)) == "fail"
    assert time.monotonic() - began < SECONDS + SLACK_SECONDS


async def _call(request: Request) -> Response:
    response = await HTTP_CLIENT.of(request)["scales"].get("/")
    return PlainTextResponse(str(response.status_code))


@pytest.fixture
def refused(settings: Settings, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A service whose dependency cannot be reached."""
    service = Service(identity=IDENTITY, components=[HTTP_CLIENT], routes=[Route("/call", _call)])
    with refusing_port() as port:
        monkeypatch.setenv("HTTP_CLIENT_DEPENDENCIES", f"scales=http://u:hunter2@127.0.0.1:{port}")
        with TestClient(create_app(settings, service, log_sink=lines), raise_server_exceptions=False) as client:
            yield client


def test_a_dependency_that_cannot_be_reached_is_named(
    refused: TestClient, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One log line has the name and the reason for all calls. Clients read the name, not the address."""
    responses = [refused.get("/call") for _ in range(2)]
    assert {response.status_code for response in responses} == {503}
    assert responses[0].json()["dependency"] == "scales"
    assert "scales" in responses[0].json()["detail"]
    assert "127.0.0.1" not in responses[0].text
    (line,) = lines.named("http_client.call_failed")
    assert (line["level"], line["dependency"], line["error_type"]) == ("warning", "scales", "httpx2.ConnectError")
    assert line["http_request_method"] == "GET"
    assert "111" in line["reason"] or "refused" in line["reason"].lower()
    assert line["request_id"] == responses[0].headers["x-request-id"]
    assert (line["suppressed"], "hunter2" in str(line)) == (0, False)

    monkeypatch.setattr(time, "monotonic", lambda: time.perf_counter() + 1e9)
    refused.get("/call")
    assert lines.named("http_client.call_failed")[-1]["suppressed"] == 5  # each call is sent three times


def test_an_error_of_another_client_is_a_problem_too(
    settings: Settings, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that the team has made itself: the problem document names no dependency."""

    async def fail(_: Request) -> Response:
        msg = "down"
        raise httpx2.ConnectError(msg)

    monkeypatch.setenv("HTTP_CLIENT_DEPENDENCIES", "")
    service = Service(identity=IDENTITY, components=[HTTP_CLIENT], routes=[Route("/call", fail)])
    with TestClient(create_app(settings, service, log_sink=lines), raise_server_exceptions=False) as client:
        response = client.get("/call")
    assert response.status_code == 503
    assert "dependency" not in response.json()


@pytest.mark.parametrize(
    ("text", "reason"), [("no connection in time", "no connection in time"), ("", "ConnectTimeout")]
)
def test_the_reason_of_a_timeout_names_no_task(text: str, reason: str, lines: Lines) -> None:
    """A connection that takes too long is cancelled, by a text about a task of this process."""
    pipeline.configure(Settings(), IDENTITY, lines)
    error = httpx2.ConnectTimeout(text)
    error.__cause__ = TimeoutError()
    error.__cause__.__context__ = asyncio.CancelledError("Cancelled via cancel scope 7f39 by <Task pending>")
    FailureLog("scales").write("GET", "httpx2.ConnectTimeout", error)
    assert [line["reason"] for line in lines.named("http_client.call_failed")] == [reason]
