"""A websocket has ids, a span, a duration and one event, however it ends."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from starlette.routing import Mount, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from firstlight import Service, Settings, create_app
from firstlight.error_type import error_type
from firstlight.lifecycle import Lifecycle
from firstlight.metrics.instruments import REGISTRY
from firstlight.testing.lines import Line, Lines

from ..faults import IDENTITY

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class NotAnExceptionError(BaseException):
    """What no framework catches."""


async def echo(websocket: WebSocket) -> None:
    """Answer each message until the client leaves."""
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


async def listen(websocket: WebSocket) -> None:
    """Listen until Starlette raises, because the client left."""
    await websocket.accept()
    while True:
        await websocket.receive_text()


async def close(websocket: WebSocket) -> None:
    """End it ourselves."""
    await websocket.accept()
    await websocket.close(4001)


async def refuse(websocket: WebSocket) -> None:
    """Accept nobody."""
    await websocket.close(4003)


async def fail_early(_: WebSocket) -> None:
    """Raise before the handshake is answered."""
    msg = "too early"
    raise LookupError(msg)


async def fail_late(websocket: WebSocket) -> None:
    """Raise in the middle."""
    await websocket.accept()
    msg = "password=hunter2"
    raise LookupError(msg)


async def fail_badly(websocket: WebSocket) -> None:
    """Raise what is no exception."""
    await websocket.accept()
    raise NotAnExceptionError


async def drain(websocket: WebSocket) -> None:
    """End when the process is told to stop."""
    await websocket.accept()
    await Lifecycle.of(websocket).drain_began()
    await websocket.close(1001)


HANDLERS = (echo, listen, close, refuse, fail_early, fail_late, fail_badly, drain)
ROUTES = [Mount("/ws", routes=[WebSocketRoute(f"/{handler.__name__}/{{id}}", handler) for handler in HANDLERS])]


@pytest.fixture
def client(settings: Settings, lines: Lines, spans: InMemorySpanExporter) -> TestClient:
    """A client of a service with these websockets."""
    service = Service(identity=IDENTITY, routes=ROUTES)
    app = create_app(settings, service, log_sink=lines, span_processors=[SimpleSpanProcessor(spans)])
    return TestClient(app)


def _observed(lines: Lines) -> Line:
    (line,) = lines.named("websocket.closed")
    return line


def _duration(name: str, error_type: str = "") -> float:
    labels = {"http_route": f"/ws/{name}/{{id}}", "error_type": error_type}
    return REGISTRY.get_sample_value("websocket_connection_duration_seconds_count", labels) or 0.0


def test_a_websocket_is_one_event(client: TestClient, lines: Lines, spans: InMemorySpanExporter) -> None:
    """With the ids of its caller, and the route as a template."""
    before = _duration("echo")
    with client.websocket_connect("/ws/echo/7", headers={"traceparent": TRACEPARENT, "x-request-id": "mine"}) as ws:
        assert (b"x-request-id", b"mine") in (ws.extra_headers or [])
        ws.send_text("hello")
        assert ws.receive_text() == "hello"
        assert REGISTRY.get_sample_value("websocket_active_connections") == 1
        ws.close(1000)

    line = _observed(lines)
    expected = {
        "level": "info",
        "request_id": "mine",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "http_route": "/ws/echo/{id}",
        "url_path": "/ws/echo/7",
        "error_type": "",
        "close_code": 1000,
        "accepted": True,
        "messages_received": 1,
        "messages_sent": 1,
    }
    assert {key: line[key] for key in expected} == expected
    (span,) = spans.get_finished_spans()
    assert span.name == "WEBSOCKET /ws/echo/{id}"
    assert span.parent is not None
    assert f"{span.context.span_id:016x}" == line["span_id"]
    assert span.status.status_code is StatusCode.UNSET
    assert _duration("echo") == before + 1
    assert REGISTRY.get_sample_value("websocket_active_connections") == 0


@pytest.mark.parametrize(("name", "code", "accepted"), [("close", 4001, True), ("refuse", 4003, False)])
def test_who_closes_is_in_the_event(client: TestClient, lines: Lines, name: str, code: int, accepted: object) -> None:
    """A handshake that is refused is no failure either."""
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(f"/ws/{name}/7") as ws:
        ws.receive_text()

    line = _observed(lines)
    assert (line["level"], line["close_code"], line["accepted"], line["error_type"]) == ("info", code, accepted, "")


def test_a_client_that_leaves_is_no_failure(client: TestClient, lines: Lines) -> None:
    """Starlette raises `WebSocketDisconnect` in a handler that listens."""
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/ws/listen/7") as ws:
        ws.close(1001)

    line = _observed(lines)
    assert (line["level"], line["error_type"], line["close_code"]) == ("info", "", 1001)
    assert not lines.named("websocket.failed")


@pytest.mark.parametrize(
    ("handler", "error"),
    [(fail_early, LookupError), (fail_late, LookupError), (fail_badly, NotAnExceptionError)],
    ids=lambda value: value.__name__,
)
def test_a_failure_is_reported_once(
    client: TestClient,
    lines: Lines,
    spans: InMemorySpanExporter,
    handler: Callable[[WebSocket], Any],
    error: type[BaseException],
) -> None:
    """With the traceback, under the ids and the route of the websocket."""
    unhandled = {"source": "websocket"}
    before = REGISTRY.get_sample_value("unhandled_errors_total", unhandled) or 0.0
    with pytest.raises(error), client.websocket_connect(f"/ws/{handler.__name__}/7") as ws:
        ws.receive_text()

    (failed,), line = lines.named("websocket.failed"), _observed(lines)
    assert (line["level"], line["error_type"]) == ("error", error_type(error()))
    assert f"in {handler.__name__}" in failed["exception"]
    assert "hunter2" not in failed["exception"]
    same = ("request_id", "trace_id", "span_id", "http_route", "error_type")
    assert [failed[key] for key in same] == [line[key] for key in same]
    (span,) = spans.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert [event.name for event in span.events] == ["exception"]
    assert REGISTRY.get_sample_value("unhandled_errors_total", unhandled) == before + 1


def test_a_handler_can_await_the_drain(settings: Settings, lines: Lines) -> None:
    """The application closes the websocket itself."""
    app = create_app(settings, Service(identity=IDENTITY, routes=ROUTES), log_sink=lines)
    sent: list[Any] = []

    async def run() -> None:
        async with app.lifespan() as state:
            scope = {"type": "websocket", "path": "/ws/drain/7", "headers": [], "state": dict(state)}
            messages = iter([{"type": "websocket.connect"}])

            async def receive() -> Any:
                return next(messages)

            async def send(message: Any) -> None:
                sent.append(message)
                if message["type"] == "websocket.accept":
                    app.lifespan.lifecycle.begin_drain()

            await app(scope, receive, send)

    asyncio.run(run())

    assert sent[-1]["code"] == 1001
    assert _observed(lines)["close_code"] == 1001
