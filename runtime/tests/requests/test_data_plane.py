"""The data plane changes nothing that passes through it, and records each request once, by its outcome.

It is tested as a server sees it: `data_plane.py`, `observed_request.py` and `recorder.py` together.
"""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn
from urllib.parse import unquote

import pytest
import structlog
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider, sampling
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firstlight import Service, Settings
from firstlight.context import current_request
from firstlight.error_type import error_type
from firstlight.lifecycle import Lifecycle
from firstlight.logs import pipeline
from firstlight.logs.emit import Emit
from firstlight.metrics.active_requests import ACTIVE_REQUESTS
from firstlight.metrics.instruments import REGISTRY, REQUEST_DURATION
from firstlight.requests.data_plane import DataPlane
from firstlight.requests.forwarded import Proxies
from firstlight.requests.observed_websocket import WebsocketRecorder
from firstlight.requests.recorder import Recorder
from firstlight.requests.request_record import Observers
from firstlight.requests.routes import RouteTemplates
from firstlight.requests.shedding import Shedder
from firstlight.requests.timings import Timings
from firstlight.security.headers import FIELDS
from firstlight.slo import standard_objectives
from firstlight.testing.lines import Line, Lines
from firstlight.traces import propagation
from firstlight.traces.attributes import merged
from firstlight.traces.request_tracer import Describe, NoTracer

from ..faults import IDENTITY

LABELS = ("http_request_method", "http_route", "http_response_status_code", "error_type")
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SECOND = 1_000_000_000
CANCELLED = "asyncio.exceptions.CancelledError"
LEFT_OPEN = trace.NonRecordingSpan(trace.SpanContext(1, 1, is_remote=False))

ADDED = list(FIELDS.pairs)
START: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
BODY: Message = {"type": "http.response.body", "body": b"hello"}
REQUEST: Message = {"type": "http.request", "body": b"", "more_body": False}
DISCONNECT: Message = {"type": "http.disconnect"}

Labels = tuple[str, ...]


class NotAnExceptionError(BaseException):
    """An exception that `except Exception` does not catch."""


def scope_of(path: str = "/", method: str = "GET", headers: Sequence[tuple[bytes, bytes]] = (), **more: Any) -> Scope:
    """An HTTP scope as a server makes it."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "query_string": b"page=2",
        "headers": list(headers),
        "client": ("192.0.2.1", 1234),
        **more,
    }


@dataclass
class Server:
    """The server of one request: hands out request messages, keeps response messages, fails on demand."""

    requests: list[Message] = field(default_factory=lambda: [REQUEST])
    fail_at: str = ""
    responses: list[Message] = field(default_factory=list)
    on_send: Callable[[Message], None] = lambda _: None

    async def receive(self) -> Message:
        """The next message; after the last one a disconnect."""
        return self.requests.pop(0) if self.requests else DISCONNECT

    async def send(self, message: Message) -> None:
        """Keep the message, or fail to send it."""
        if message["type"] == self.fail_at:
            msg = "connection lost"
            raise OSError(msg)
        self.responses.append(message)
        self.on_send(message)

    @property
    def headers(self) -> dict[bytes, bytes]:
        """The response's headers."""
        (start,) = (message for message in self.responses if message["type"] == "http.response.start")
        return dict(start["headers"])


@dataclass
class Bench:
    """What a data plane is made of, and all that it reports."""

    settings: Settings
    emit: Emit
    lines: Lines
    spans: InMemorySpanExporter
    observers: Observers

    def around(self, app: ASGIApp) -> DataPlane:
        """Put a data plane around `app`."""
        templates = RouteTemplates(app.routes if isinstance(app, Starlette) else ())
        availability, latency = (objective.export() for objective in standard_objectives(self.settings))
        record = Recorder(
            templates=templates,
            timings=Timings(Service(identity=IDENTITY), self.settings, latency),
            availability=availability,
            known_methods=self.settings.known_methods,
            emit=self.emit,
        )
        websockets = WebsocketRecorder(templates, self.emit)
        return DataPlane(
            app, replace(self.observers, record=record), websockets, Shedder("event_loop", self.settings.shed_seconds)
        )

    @property
    def requests(self) -> list[Line]:
        """The access events."""
        return self.lines.named("http.request_finished")

    @property
    def failures(self) -> list[Line]:
        """The events of exceptions."""
        return self.lines.named("http.request_failed")

    @property
    def span(self) -> ReadableSpan:
        """The only span."""
        (span,) = self.spans.get_finished_spans()
        return span

    def sample(self, sampler: sampling.Sampler) -> None:
        """Trace with this sampler from now on."""
        provider = TracerProvider(sampler, shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.spans))
        self.observers = replace(self.observers, tracer=Recording(provider.get_tracer("test")))


@dataclass
class Recording:
    """Starts each span with a tracer of the SDK."""

    tracer: trace.Tracer

    def start(self, context: otel_context.Context, describe: Describe) -> trace.Span:
        """As the sampler of the SDK says."""
        name, groups = describe()
        return self.tracer.start_span(name, context, SpanKind.SERVER, merged(groups))


def unused(_: object) -> dict[str, str | int | float]:
    """Stands where `around` puts the recorder of its application."""
    return {}


@pytest.fixture
def bench(settings: Settings, lines: Lines, spans: InMemorySpanExporter) -> Bench:
    """Observers that sample everything, with nothing counted yet."""
    REQUEST_DURATION.clear()
    observers = Observers(
        propagator=propagation.install(settings),
        tracer=NoTracer(),
        record=unused,
        lifecycle=Lifecycle(),
        known_methods=settings.known_methods,
        proxies=Proxies(settings.trusted_proxies),
    )
    made = Bench(settings, pipeline.configure(settings, IDENTITY, lines), lines, spans, observers)
    made.sample(sampling.ALWAYS_ON)
    return made


def drive(call: Awaitable[None]) -> None:
    """Run a coroutine that has nothing to wait for, in the test's own context."""
    assert isinstance(call, Coroutine)
    try:
        call.send(None)
    except StopIteration:
        return
    call.close()
    pytest.fail("the coroutine waits for something")


def counted() -> dict[Labels, int]:
    """Every label set of the request histogram, with its count."""
    return {
        tuple(sample.labels[name] for name in LABELS): int(sample.value)
        for family in REQUEST_DURATION.collect()
        for sample in family.samples
        if sample.name.endswith("_count")
    }


def seconds() -> float:
    """The sum of all durations observed."""
    return sum(s.value for f in REQUEST_DURATION.collect() for s in f.samples if s.name.endswith("_sum"))


def active() -> float:
    """The gauge of requests in flight."""
    return sum(sample.value for family in ACTIVE_REQUESTS.collect() for sample in family.samples)


def sends(*messages: Message) -> ASGIApp:
    """An application that sends just these messages."""

    async def app(_: Scope, __: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    return app


def raises(error: BaseException, *messages: Message) -> ASGIApp:
    """An application that sends these messages and then fails."""

    async def app(_: Scope, __: Receive, send: Send) -> None:
        for message in messages:
            await send(message)
        raise error

    return app


hello = sends(START, BODY)


def start(**members: Any) -> Message:
    """A response's start with other members."""
    return {"type": "http.response.start", "status": 200, **members}


RESPONSES: dict[str, tuple[Message, ...]] = {
    "plain": (START, BODY),
    "no headers": (start(), BODY),
    "tuple headers": (start(headers=((b"a", b"b"), (b"a", b"c"))), BODY),
    "list pairs": (start(headers=[[b"a", b"b"]]), BODY),
    "unknown members": (start(headers=[], reason=b"Fine"), {**BODY, "extra": 1}),
    "body by default": (START, {"type": "http.response.body"}),
    "chunks": (START, {**BODY, "more_body": True}, {**BODY, "more_body": True}, {"type": "http.response.body"}),
    "no content": (start(status=204, headers=[]), {"type": "http.response.body"}),
    "error": (start(status=503, headers=[]), BODY),
    "trailers": (
        start(headers=[], trailers=True),
        BODY,
        {"type": "http.response.trailers", "headers": [(b"a", b"b")], "more_trailers": True},
        {"type": "http.response.trailers", "headers": [(b"c", b"d")]},
    ),
    "path": (START, {"type": "http.response.pathsend", "path": "/etc/hostname"}),
    "zero copy": (
        START,
        {"type": "http.response.zerocopysend", "file": 3, "more_body": True},
        {"type": "http.response.zerocopysend", "file": 3},
    ),
    "early hints": ({"type": "http.response.early_hint", "links": [b"</a.css>"]}, START, BODY),
    "debug": ({"type": "http.response.debug", "info": {"template": "a"}}, START, BODY),
    "unknown kind": ({"type": "http.response.push", "path": "/a"}, START, BODY),
}


@pytest.mark.parametrize("messages", RESPONSES.values(), ids=RESPONSES.keys())
def test_the_server_receives_the_messages_of_the_application(bench: Bench, messages: tuple[Message, ...]) -> None:
    """Apart from the added headers every message is the application's own."""
    bare, observed = Server(), Server()
    drive(sends(*messages)(scope_of(), bare.receive, bare.send))
    drive(bench.around(sends(*messages))(scope_of(), observed.receive, observed.send))
    assert len(bare.responses) == len(observed.responses)
    for before, after in zip(bare.responses, observed.responses, strict=True):
        if before["type"] == "http.response.start":
            headers = list(before.get("headers", ()))
            assert after["headers"][: len(headers)] == headers
            (name, _), *others = after["headers"][len(headers) :]
            assert (name, others) == (b"x-request-id", ADDED)
            assert {**before, "headers": 0} == {**after, "headers": 0}
        else:
            assert after is before
    assert [line["error_type"] for line in bench.requests] == ["503" if messages[0].get("status") == 503 else ""]


def test_headers_that_can_be_read_once_arrive(bench: Bench) -> None:
    """The specification allows any iterable as the headers of a response."""
    server = Server()
    drive(bench.around(sends(start(headers=iter([(b"a", b"b")])), BODY))(scope_of(), server.receive, server.send))
    assert server.headers[b"a"] == b"b"


def test_request_headers_that_can_be_read_once_arrive(bench: Bench) -> None:
    """The application reads all of them, and so does the data plane."""
    seen: list[tuple[bytes, bytes]] = []

    async def app(scope: Scope, _: Receive, send: Send) -> None:
        seen.extend(scope["headers"])
        await hello(scope, _, send)

    headers = [(b"x-request-id", b"mine"), (b"traceparent", PARENT.encode()), (b"a", b"b")]
    scope, server = scope_of(), Server()
    scope["headers"] = iter(headers)
    drive(bench.around(app)(scope, server.receive, server.send))
    assert seen == headers
    assert server.headers[b"x-request-id"] == b"mine"
    assert bench.requests[0]["trace_id"] == PARENT[3:35]


def test_a_response_that_is_used_again_does_not_grow(bench: Bench) -> None:
    """Messages are copied, never changed: applications keep responses as constants."""
    message = {"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]}
    for _ in range(3):
        server = Server()
        drive(bench.around(sends(message, BODY))(scope_of(), server.receive, server.send))
        assert len(server.responses[0]["headers"]) == 2 + len(ADDED)
    assert message == {"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]}


def test_the_application_receives_what_the_server_sends(bench: Bench) -> None:
    """Request messages pass as they are."""
    messages: list[Message] = [{"type": "http.request", "body": b"a", "more_body": True}, REQUEST]
    received: list[Message] = []

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        received.extend([await receive(), await receive()])
        await hello(_, receive, send)

    server = Server(list(messages))
    drive(bench.around(app)(scope_of(), server.receive, server.send))
    assert [message is original for message, original in zip(received, messages, strict=True)] == [True, True]


@pytest.mark.parametrize("kind", ["websocket", "lifespan", "something.else"])
def test_other_protocols_pass_untouched(bench: Bench, kind: str) -> None:
    """A websocket or a lifespan gets the server's own callables, not wrapped ones."""
    seen: list[object] = []

    async def app(*arguments: object) -> None:
        seen.extend(arguments)

    scope, server = {"type": kind}, Server()
    receive, send = server.receive, server.send
    drive(bench.around(app)(scope, receive, send))
    assert seen == [scope, receive, send]
    assert [seen[0] is scope, seen[1] is receive, seen[2] is send] == [True, True, True]
    assert scope == {"type": kind}
    assert (counted(), bench.requests, bench.spans.get_finished_spans()) == ({}, [], ())


ERRORS = [ValueError("x"), KeyboardInterrupt(), SystemExit(3), asyncio.CancelledError(), NotAnExceptionError()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("messages", [(), (START,), (START, BODY)], ids=["before", "within", "after"])
def test_an_exception_arrives_at_the_server_as_it_was_raised(
    bench: Bench, error: BaseException, messages: tuple[Message, ...]
) -> None:
    """The same object, whatever its class and whenever it is raised; no request stays active or current."""
    server = Server()
    with pytest.raises(BaseException) as raised:  # noqa: PT011 - the next line is more exact
        drive(bench.around(raises(error, *messages))(scope_of(), server.receive, server.send))
    assert raised.value is error
    assert (error.__cause__, error.__context__) == (None, None)
    assert sum(counted().values()) == 1
    assert active() == 0
    assert current_request() is None


@pytest.mark.parametrize("error", [None, SystemExit(3)], ids=["nothing", "exit"])
def test_a_request_that_the_application_does_not_answer_gets_a_problem(bench: Bench, error: SystemExit | None) -> None:
    """A server would answer in plain text, without ids and headers. It is recorded as what it was."""
    server = Server()
    with suppress(SystemExit):
        drive(bench.around(raises(error) if error else sends())(scope_of(), server.receive, server.send))

    assert [message.get("status") for message in server.responses] == [500, None]
    assert server.headers[b"content-type"] == b"application/problem+json"
    assert set(ADDED) <= set(server.headers.items())
    (line,) = bench.requests
    assert json.loads(server.responses[1]["body"])["request_id"] == line["request_id"]
    assert line["error_type"] == ("SystemExit" if error else "incomplete")


async def fail(_: Request) -> NoReturn:
    """Raise what no handler expects."""
    msg = "password=hunter2"
    raise LookupError(msg)


async def unavailable(_: Request) -> NoReturn:
    """Raise what Starlette answers."""
    raise HTTPException(503)


async def forbidden(_: Request) -> NoReturn:
    """Raise an error of the client."""
    raise HTTPException(403)


async def answer(_: Request) -> Response:
    """Answer with a text."""
    return PlainTextResponse("hello")


async def read(request: Request) -> Response:
    """Read a body that may never be complete."""
    return Response(await request.body())


async def ignorant(request: Request) -> Response:
    """Answer although the client has disconnected."""
    assert await request.receive() == DISCONNECT
    return PlainTextResponse("hello")


def template(name: str) -> str:
    """The route of an endpoint."""
    return "/" + name + "/{id}"


def application() -> Starlette:
    """An application with one route for each outcome."""
    endpoints = (fail, unavailable, forbidden, answer, read, ignorant)
    return Starlette(routes=[Route(template(e.__name__), e, methods=["GET", "POST"]) for e in endpoints])


@pytest.mark.parametrize(
    ("name", "status", "error_type", "level"),
    [
        ("answer", 200, "", "info"),
        ("forbidden", 403, "", "info"),
        ("unavailable", 503, "503", "error"),
        ("fail", 500, "LookupError", "error"),
    ],
)
def test_one_request_is_one_record_of_each_signal(
    bench: Bench, name: str, status: int, error_type: str, level: str
) -> None:
    """Metric, access event and span agree; only a failure of the service is an error."""
    server = Server()
    call = bench.around(application())(scope_of(f"/{name}/7"), server.receive, server.send)
    if name == "fail":
        with pytest.raises(LookupError):
            drive(call)
    else:
        drive(call)
    route = template(name)
    assert counted() == {("GET", route, str(status), error_type): 1}
    (line,) = bench.requests
    expected = {
        "level": level,
        "http_request_method": "GET",
        "http_route": route,
        "url_path": f"/{name}/7",
        "http_response_status_code": status,
        "error_type": error_type,
        "client_address": "192.0.2.1",
        "request_id": server.headers[b"x-request-id"].decode(),
    }
    assert {key: line[key] for key in expected} == expected
    span = bench.span
    assert (span.name, span.kind) == (f"GET {route}", SpanKind.SERVER)
    assert span.status.status_code is (StatusCode.ERROR if error_type else StatusCode.UNSET)
    assert span.status.description is None
    assert span.attributes is not None
    assert span.attributes["http.response.status_code"] == status
    assert span.attributes.get("error.type", "") == error_type
    assert (line["trace_id"], line["span_id"]) == (f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}")
    assert "hunter2" not in b"".join(bench.lines.raw).decode()


def test_a_failure_is_reported_once_with_its_ids(bench: Bench) -> None:
    """The event with the traceback and the error report belong to the request's span."""
    server = Server()
    with pytest.raises(LookupError):
        drive(bench.around(application())(scope_of("/fail/7"), server.receive, server.send))
    (failure,), (line,) = bench.failures, bench.requests
    assert "LookupError: password=REDACTED" in failure["exception"]
    assert [failure[key] for key in ("request_id", "trace_id", "span_id")] == [
        line[key] for key in ("request_id", "trace_id", "span_id")
    ]
    assert server.headers[b"x-request-id"].decode() == line["request_id"]
    labels = ("http_request_method", "http_route", "http_response_status_code", "error_type")
    assert [failure[name] for name in labels] == ["GET", "/fail/{id}", 500, "LookupError"]


def test_a_bound_field_is_on_the_line_of_the_request(bench: Bench) -> None:
    """As on every other line of it; a secret in it is redacted, and it cannot take the place of a field of ours."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        structlog.contextvars.bind_contextvars(tenant="acme", password="hunter2", http_route="/mine")  # noqa: S106
        await hello(scope, receive, send)

    drive(bench.around(app)(scope_of(), Server().receive, Server().send))
    (line,) = bench.requests
    assert (line["tenant"], line["http_route"]) == ("acme", "unmatched")
    assert "hunter2" not in str(line)


def test_the_span_carries_the_exception_without_secrets(bench: Bench) -> None:
    """Exception messages may hold secrets."""
    with pytest.raises(LookupError):
        drive(bench.around(application())(scope_of("/fail/7"), Server().receive, Server().send))
    (event,) = bench.span.events
    assert event.attributes is not None
    assert event.attributes["exception.type"] == "LookupError"
    assert event.attributes["exception.message"] == "password=REDACTED"
    assert "in fail" in str(event.attributes["exception.stacktrace"])
    assert "hunter2" not in bench.span.to_json()


@pytest.mark.parametrize(
    ("behaviour", "label"),
    [
        (raises(ValueError(), START), ("200", "ValueError")),
        (raises(ValueError()), ("500", "ValueError")),
        (raises(asyncio.CancelledError()), ("500", CANCELLED)),
        (raises(asyncio.CancelledError(), START, {**BODY, "more_body": True}), ("200", CANCELLED)),
        (raises(NotAnExceptionError()), ("500", f"{__name__}.NotAnExceptionError")),
        (raises(KeyboardInterrupt()), ("500", "KeyboardInterrupt")),
        (sends(START, {**BODY, "more_body": True}), ("200", "incomplete")),
        (sends(start(trailers=True), BODY), ("200", "incomplete")),
        (sends(), ("500", "incomplete")),
        (raises(ConnectionResetError(), START), ("200", "ConnectionResetError")),
    ],
    ids=lambda value: "" if callable(value) else "-".join(value),
)
def test_each_kind_of_failure_has_an_error_type(bench: Bench, behaviour: ASGIApp, label: tuple[str, str]) -> None:
    """The status is the one that was sent; the error type names what ended the request."""
    server = Server()
    try:
        drive(bench.around(behaviour)(scope_of(), server.receive, server.send))
    except BaseException as error:  # noqa: BLE001 - whatever it is: another test is about that
        reported = [error_type(error)]
    else:
        reported = []
    assert counted() == {("GET", "unmatched", *label): 1}
    assert bench.span.status.status_code is StatusCode.ERROR
    assert bench.requests[0]["level"] == "error"
    assert [failure["error_type"] for failure in bench.failures] == reported


def disconnected_at_once() -> tuple[ASGIApp, Server]:
    """The client disconnects before it has sent its request."""
    return application(), Server([])


def disconnected_while_sending() -> tuple[ASGIApp, Server]:
    """The client disconnects before its request is complete."""
    return application(), Server([{"type": "http.request", "body": b"a", "more_body": True}])


@pytest.mark.parametrize("make", [disconnected_at_once, disconnected_while_sending], ids=lambda make: make.__name__)
def test_a_client_that_left_early_is_no_error(bench: Bench, make: Callable[[], tuple[ASGIApp, Server]]) -> None:
    """Starlette raises `ClientDisconnect`; it is neither reported nor counted against an objective."""
    app, server = make()
    with pytest.raises(ClientDisconnect):
        drive(bench.around(app)(scope_of("/read/7", "POST"), server.receive, server.send))
    assert counted() == {("POST", "/read/{id}", "", "client_disconnected"): 1}
    assert bench.failures == []
    assert bench.requests[0]["level"] == "info"
    assert bench.span.status.status_code is StatusCode.ERROR  # of the exchange, whosever fault it is
    assert bench.span.attributes is not None
    assert bench.span.attributes["error.type"] == "client_disconnected"


def test_an_answer_to_a_disconnected_client_is_499(bench: Bench) -> None:
    """A handler that answers a client that has disconnected does not make the request a success."""
    server = Server([])
    drive(bench.around(application())(scope_of("/ignorant/7"), server.receive, server.send))
    assert counted() == {("GET", "/ignorant/{id}", "", "client_disconnected"): 1}
    assert server.responses[0]["status"] == 200


@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
def test_a_client_that_leaves_in_mid_stream_is_no_error(bench: Bench, spec_version: str) -> None:
    """The status is the one that was sent, whichever way the server reports the disconnect."""
    disconnected = asyncio.Event()
    server = Server(fail_at="http.response.body" if spec_version == "2.4" else "")

    async def receive() -> Message:
        await disconnected.wait()
        return DISCONNECT

    async def chunks() -> Any:
        yield b"chunk"
        disconnected.set()
        await asyncio.Event().wait()

    async def endpoint(_: Request) -> Response:
        return StreamingResponse(chunks())

    app = bench.around(Starlette(routes=[Route("/stream", endpoint)]))
    scope = scope_of("/stream", asgi={"version": "3.0", "spec_version": spec_version})

    async def serve() -> None:
        await app(scope, receive, server.send)

    if spec_version == "2.4":
        with pytest.raises(ClientDisconnect):
            asyncio.run(serve())
    else:
        asyncio.run(serve())
    assert counted() == {("GET", "/stream", "200", "client_disconnected"): 1}
    assert bench.failures == []
    assert bench.requests[0]["level"] == "info"
    assert bench.span.status.status_code is StatusCode.ERROR  # of the exchange, whosever fault it is


@pytest.mark.parametrize(
    ("fail_at", "status"), [("http.response.start", "200"), ("http.response.body", "200")], ids=["start", "body"]
)
def test_a_server_that_cannot_send_reports_a_disconnect(bench: Bench, fail_at: str, status: str) -> None:
    """`OSError` from `send` is a disconnect (ASGI 2.4); the application gets it as well."""
    server = Server(fail_at=fail_at)
    with pytest.raises(OSError, match="connection lost"):
        drive(bench.around(hello)(scope_of(), server.receive, server.send))
    assert counted() == {("GET", "unmatched", status, "client_disconnected"): 1}
    assert bench.failures == []


def test_a_server_may_drop_the_response_of_a_disconnected_client(bench: Bench) -> None:
    """The disconnect is an attribute of uvicorn, which raises nothing."""

    class Uvicorn(Server):
        disconnected = True

    server = Uvicorn()
    drive(bench.around(hello)(scope_of(), server.receive, server.send))
    assert counted() == {("GET", "unmatched", "", "client_disconnected"): 1}


def test_a_client_that_leaves_an_application_that_does_not_receive_is_noted(bench: Bench) -> None:
    """What was dropped is not counted as sent."""

    class Uvicorn(Server):
        disconnected = False

        async def send(self, message: Message) -> None:
            await super().send(message)
            self.disconnected = bool(message.get("body"))

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(START)
        for part in (b"sent", b"dropped", b""):
            await send({"type": "http.response.body", "body": part, "more_body": bool(part)})

    server = Uvicorn()
    drive(bench.around(app)(scope_of(), server.receive, server.send))
    assert counted() == {("GET", "unmatched", "200", "client_disconnected"): 1}
    assert bench.requests[0]["response_bytes"] == len(b"sent")


def test_a_message_that_the_server_refuses_is_not_counted(bench: Bench) -> None:
    """The response is incomplete, although the application goes on as if nothing had happened."""

    class Uvicorn(Server):
        response_started = True

        async def send(self, message: Message) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                msg = "The body is shorter than the Content-Length of the response."
                raise RuntimeError(msg)
            await super().send(message)

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(START)
        with suppress(RuntimeError):
            await send({"type": "http.response.body", "body": b"part"})

    server = Uvicorn()
    drive(bench.around(app)(scope_of(), server.receive, server.send))
    assert counted() == {("GET", "unmatched", "200", "incomplete"): 1}


def test_a_disconnect_is_counted_once(bench: Bench) -> None:
    """The server may report it by a message and by an exception."""

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        assert [await receive(), await receive()] == [DISCONNECT] * 2
        await send(START)

    server = Server([], fail_at="http.response.start")
    with pytest.raises(OSError, match="connection lost"):
        drive(bench.around(app)(scope_of(), server.receive, server.send))
    assert counted() == {("GET", "unmatched", "", "client_disconnected"): 1}


@pytest.mark.parametrize(("status", "error_type"), [(200, ""), (503, "503")])
def test_a_disconnect_after_the_last_byte_does_not_count(bench: Bench, status: int, error_type: str) -> None:
    """Every client disconnects in the end."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await sends(start(status=status), BODY)(scope, receive, send)
        assert await receive() == DISCONNECT

    drive(bench.around(app)(scope_of(), Server([]).receive, Server().send))
    assert counted() == {("GET", "unmatched", str(status), error_type): 1}


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        """Start at any time but zero."""
        self.now = 5 * SECOND

    def __call__(self) -> int:
        """Nanoseconds."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that the data plane reads."""
    made = Clock()
    monkeypatch.setattr(time, "perf_counter_ns", made)
    return made


LAST_MESSAGES: dict[str, tuple[Message, ...]] = {
    "body": (START, {**BODY, "more_body": True}, BODY),
    "trailers": (start(trailers=True), BODY, {"type": "http.response.trailers", "headers": []}),
    "path": (START, {"type": "http.response.pathsend", "path": "/a"}),
    "zero copy": (START, {"type": "http.response.zerocopysend", "file": 3}),
    "zero copy and trailers": (
        start(trailers=True),
        {"type": "http.response.zerocopysend", "file": 3},
        {"type": "http.response.trailers", "headers": []},
    ),
}


@pytest.mark.parametrize("messages", LAST_MESSAGES.values(), ids=LAST_MESSAGES.keys())
def test_the_clock_stops_with_the_last_byte(bench: Bench, clock: Clock, messages: tuple[Message, ...]) -> None:
    """Code that runs after the response adds nothing to the duration and does not delay the record."""
    before: list[int] = []
    after: list[int] = []

    async def app(_: Scope, __: Receive, send: Send) -> None:
        for message in messages:
            before.append(len(bench.requests))
            clock.now += SECOND
            await send(message)
        after.append(len(bench.requests))
        clock.now += 60 * SECOND

    drive(bench.around(app)(scope_of(), Server().receive, Server().send))
    assert before == [0] * len(messages)
    assert after == [1]
    assert seconds() == len(messages)
    assert bench.requests[0]["duration_seconds"] == len(messages)


def test_time_spent_sending_counts(bench: Bench, clock: Clock) -> None:
    """The duration includes the time that a slow client takes to read."""

    def wait(_: Message) -> None:
        clock.now += SECOND

    drive(bench.around(hello)(scope_of(), Server().receive, Server(on_send=wait).send))
    assert seconds() == 2


def test_span_metric_and_event_have_the_same_duration(bench: Bench, clock: Clock) -> None:
    """One reading of the clock serves all three."""
    nanoseconds = 1_234_567_891

    def wait(_: Message) -> None:
        clock.now += nanoseconds if _ is BODY else 0

    drive(bench.around(hello)(scope_of(), Server().receive, Server(on_send=wait).send))
    span = bench.span
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time - span.start_time == nanoseconds
    assert seconds() == nanoseconds / 1e9
    assert bench.requests[0]["duration_seconds"] == 1.234567


@pytest.mark.parametrize("status", [200, 503])
def test_a_background_task_that_fails_is_reported_and_not_counted_again(bench: Bench, status: int) -> None:
    """The client has its answer: the request keeps its outcome, and the failure is reported."""
    during: list[int] = []

    async def background() -> None:
        during.append(len(bench.requests))
        msg = "too late"
        raise LookupError(msg)

    async def endpoint(_: Request) -> Response:
        return PlainTextResponse("hello", status, background=BackgroundTask(background))

    app = bench.around(Starlette(routes=[Route("/", endpoint)]))
    with pytest.raises(LookupError, match="too late"):
        drive(app(scope_of(), Server().receive, Server().send))
    ((labels, count),) = counted().items()
    assert (labels[2], count) == (str(status), 1)
    assert "LookupError: too late" in bench.failures[0]["exception"]
    assert len(bench.failures) == len(bench.requests) == len(bench.spans.get_finished_spans()) == 1
    if status == 200:
        assert during == [1]
        assert labels[3] == ""


@pytest.mark.parametrize("extra", [BODY, {**BODY, "more_body": True}, {"type": "http.response.push", "path": "/a"}])
@pytest.mark.parametrize(("status", "error_type"), [(200, ""), (503, "503")])
def test_what_follows_the_end_changes_nothing(bench: Bench, extra: Message, status: int, error_type: str) -> None:
    """A server may accept messages after the last one."""
    app = bench.around(sends(start(status=status), BODY, extra))
    drive(app(scope_of(), Server().receive, Server().send))
    assert counted() == {("GET", "unmatched", str(status), error_type): 1}
    assert len(bench.requests) == len(bench.spans.get_finished_spans()) == 1


@pytest.mark.parametrize(
    ("messages", "size"),
    [
        ((START, BODY), 5),
        ((START, {**BODY, "more_body": True}, {"type": "http.response.body", "body": b"!"}), 6),
        ((START, {"type": "http.response.body"}), 0),
    ],
)
def test_the_response_is_measured_by_what_was_sent(bench: Bench, messages: tuple[Message, ...], size: int) -> None:
    """Bytes are counted; no header is trusted."""
    drive(bench.around(sends(*messages))(scope_of(), Server().receive, Server().send))
    assert bench.requests[0]["response_bytes"] == size


def test_a_head_is_answered_without_a_byte(bench: Bench) -> None:
    """The application sends a body, and the server leaves it out."""
    server = Server()
    drive(bench.around(application())(scope_of("/answer/7", "HEAD"), server.receive, server.send))
    assert server.headers[b"content-length"] == b"5"
    assert bench.requests[0]["response_bytes"] == 0


@pytest.mark.parametrize(
    ("path", "method", "labels"),
    [
        ("/answer/7", "GET", ("GET", "/answer/{id}", "200", "")),
        ("/answer/7", "HEAD", ("HEAD", "/answer/{id}", "200", "")),
        ("/answer/7", "DELETE", ("DELETE", "/answer/{id}", "405", "")),
        ("/answer/7", "FOOBAR", ("_OTHER", "/answer/{id}", "405", "")),
        ("/answer/7", "get", ("_OTHER", "/answer/{id}", "405", "")),
        ("/nowhere/7", "GET", ("GET", "unmatched", "404", "")),
        ("/nowhere/7", "FOOBAR", ("_OTHER", "unmatched", "404", "")),
        ("/answer/7/", "GET", ("GET", "unmatched", "307", "")),
    ],
)
def test_method_and_route_come_from_limited_sets(bench: Bench, path: str, method: str, labels: Labels) -> None:
    """Neither the metric nor the span name contains what a client chose freely."""
    drive(bench.around(application())(scope_of(path, method), Server().receive, Server().send))
    assert counted() == {labels: 1}
    verb = "HTTP" if labels[0] == "_OTHER" else method
    assert bench.span.attributes is not None
    if labels[1] == "unmatched":  # the conventions leave the route out then
        assert bench.span.name == verb
        assert "http.route" not in bench.span.attributes
    else:
        assert bench.span.name == f"{verb} {labels[1]}"
    assert bench.span.attributes["http.request.method"] == labels[0]
    assert bench.requests[0]["http_request_method"] == labels[0]
    assert "FOOBAR" not in bench.span.name
    assert bench.span.attributes.get("http.request.method_original") == (None if labels[0] == method else method)


def test_a_scan_of_paths_and_verbs_adds_two_series(bench: Bench) -> None:
    """Their number does not matter."""
    app = bench.around(application())
    for number in range(300):
        drive(app(scope_of(f"/.env/{number}"), Server().receive, Server().send))
        drive(app(scope_of("/", f"VERB{number}"), Server().receive, Server().send))
    assert counted() == {("GET", "unmatched", "404", ""): 300, ("_OTHER", "unmatched", "404", ""): 300}


def test_the_known_methods_are_a_setting(bench: Bench) -> None:
    """`OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS` is standard, and replaces the list."""
    bench.settings = bench.settings.model_copy(update={"otel_instrumentation_http_known_methods": "PURGE"})
    for method in ("PURGE", "GET"):
        drive(bench.around(hello)(scope_of(method=method), Server().receive, Server().send))
    assert {labels[0] for labels in counted()} == {"PURGE", "_OTHER"}


def test_the_gauge_counts_requests_in_flight(bench: Bench) -> None:
    """It rises with each request and returns to zero."""
    seen: list[float | None] = []

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(active())
        if len(seen) < 3:
            await plane(scope_of(), receive, Server().send)
        await hello(scope, receive, send)

    plane = bench.around(outer)
    drive(plane(scope_of(), Server().receive, Server().send))
    assert (seen, active()) == ([1, 2, 3], 0)


def test_a_response_during_the_drain_closes_its_connection(bench: Bench) -> None:
    """The first answer after the drain began makes the client open another connection."""
    app = bench.around(hello)
    for draining in (False, True):
        if draining:
            bench.observers.lifecycle.begin_drain()
        server = Server()
        drive(app(scope_of(), server.receive, server.send))
        assert (server.headers.get(b"connection") == b"close") is draining


@pytest.mark.parametrize(
    "given", [b"a", b"A-Z.a_z-0.9", b"0" * 128, b"--", b"3f2b8c1e-7a54-4d0e-9a57-6d1f0c8b2e11"], ids=len
)
def test_an_acceptable_request_id_is_kept(bench: Bench, given: bytes) -> None:
    """The response and the access event carry it."""
    server = Server()
    drive(bench.around(hello)(scope_of(headers=[(b"x-request-id", given)]), server.receive, server.send))
    assert server.headers[b"x-request-id"] == given
    assert bench.requests[0]["request_id"] == given.decode()


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"0" * 129,
        b"a b",
        b"a\nb",
        b"a\n",
        b"a\r\nset-cookie: x=1",
        b"\x1b[2Jevil",
        b"a;b",
        b"<script>",
        b"\xff\xfe",
        "٣".encode(),
        b'","level":"critical',
    ],
)
def test_any_other_request_id_is_replaced_and_not_repeated(bench: Bench, given: bytes) -> None:
    """The response and the access event carry a generated one."""
    server = Server()
    drive(bench.around(hello)(scope_of(headers=[(b"x-request-id", given)]), server.receive, server.send))
    generated = server.headers[b"x-request-id"]
    assert re.fullmatch(rb"[0-9a-f]{32}", generated)
    assert bench.requests[0]["request_id"] == generated.decode()
    assert not given or given not in b"".join(bench.lines.raw)


def test_each_request_gets_an_id_of_its_own(bench: Bench) -> None:
    """Generated ids do not repeat."""
    for _ in range(50):
        drive(bench.around(hello)(scope_of(), Server().receive, Server().send))
    assert len({line["request_id"] for line in bench.requests}) == 50


@pytest.mark.parametrize("name", [b"x-request-id", b"X-Request-ID"])
def test_the_request_id_is_sent_once(bench: Bench, name: bytes) -> None:
    """Ours, whatever the application says: it is the one in the logs."""
    server = Server()
    app = sends(start(headers=[(name, b"theirs"), (b"a", b"b"), (name, b"again")]), BODY)
    drive(bench.around(app)(scope_of(headers=[(b"x-request-id", b"ours")]), server.receive, server.send))
    assert server.responses[0]["headers"] == [(b"a", b"b"), (b"x-request-id", b"ours"), *ADDED]


@pytest.mark.parametrize("kind", ["websocket.accept", "websocket.http.response.start"])
def test_a_handshake_is_answered_with_the_request_id_once(bench: Bench, kind: str) -> None:
    """Accepted or refused."""
    server = Server()
    message = {"type": kind, "status": 403, "headers": [(b"x-request-id", b"theirs")]}
    scope = {**scope_of(headers=[(b"x-request-id", b"ours")]), "type": "websocket"}
    drive(bench.around(sends(message))(scope, server.receive, server.send))
    added = [] if kind == "websocket.accept" else ADDED
    assert server.responses[0]["headers"] == [(b"x-request-id", b"ours"), *added]


def test_the_application_cannot_keep_a_connection_open_during_the_drain(bench: Bench) -> None:
    """One `Connection` field, and it says close."""
    bench.observers.lifecycle.begin_drain()
    server = Server()
    app = sends(start(headers=[(b"connection", b"keep-alive")]), BODY)
    drive(bench.around(app)(scope_of(headers=[(b"x-request-id", b"a")]), server.receive, server.send))
    assert server.responses[0]["headers"] == [(b"connection", b"close"), (b"x-request-id", b"a"), *ADDED]


def test_nothing_leaks_from_one_request_to_the_next(bench: Bench) -> None:
    """Pipelined requests share a context: bound fields, current span and ids end with their request."""
    seen: list[tuple[dict[str, Any], int, int, str]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        span, ids = trace.get_current_span(), current_request()
        assert ids is not None
        assert isinstance(span, ReadableSpan)
        parent = span.parent.span_id if span.parent else 0
        seen.append((structlog.contextvars.get_contextvars(), span.get_span_context().trace_id, parent, ids.request_id))
        structlog.contextvars.bind_contextvars(user="mallory")
        otel_context.attach(trace.set_span_in_context(LEFT_OPEN))  # not detached
        await hello(scope, receive, send)

    outside = trace.get_current_span()
    for number in range(2):
        headers = [(b"x-request-id", b"%d" % number)]
        drive(bench.around(app)(scope_of(headers=headers), Server().receive, Server().send))
        assert trace.get_current_span() is outside
        assert current_request() is None
    first, second = seen
    assert first[0] == second[0] == {}
    assert first[1] != second[1]
    assert first[2] == second[2] == 0
    assert (first[3], second[3]) == ("0", "1")
    structlog.contextvars.clear_contextvars()


def scrape() -> str:
    """What Prometheus reads."""
    text: bytes = generate_latest(REGISTRY)  # type: ignore[no-untyped-call]
    return text.decode()


def exemplars() -> Iterator[dict[str, str]]:
    """The labels of every exemplar in what a scrape returns."""
    for family in text_string_to_metric_families(scrape()):  # type: ignore[no-untyped-call]
        for sample in family.samples:
            if sample.name == "http_server_request_duration_seconds_bucket" and sample.exemplar:
                yield sample.exemplar.labels


def test_a_sampled_request_leaves_an_exemplar(bench: Bench) -> None:
    """The exemplar names a trace that was kept."""
    drive(bench.around(hello)(scope_of(), Server().receive, Server().send))
    assert list(exemplars()) == [{"trace_id": f"{bench.span.context.trace_id:032x}"}]


def test_an_unsampled_request_leaves_none(bench: Bench) -> None:
    """The access event still has the trace id: the caller may have kept the trace."""
    bench.sample(sampling.ALWAYS_OFF)
    headers = [(b"traceparent", PARENT.encode())]
    drive(bench.around(hello)(scope_of(headers=headers), Server().receive, Server().send))
    assert list(exemplars()) == []
    assert bench.spans.get_finished_spans() == ()
    assert bench.requests[0]["trace_id"] == PARENT[3:35]
    assert counted() == {("GET", "unmatched", "200", ""): 1}


def test_without_a_tracer_the_ids_are_empty(bench: Bench) -> None:
    """With the SDK disabled requests are served and counted as well."""
    bench.observers = replace(bench.observers, tracer=NoTracer())
    drive(bench.around(hello)(scope_of(), Server().receive, Server().send))
    assert [bench.requests[0][key] for key in ("trace_id", "span_id")] == ["", ""]
    assert counted() == {("GET", "unmatched", "200", ""): 1}


def test_the_span_continues_the_callers_trace(bench: Bench) -> None:
    """The caller's span is the parent, and remote."""
    headers = [(b"traceparent", PARENT.encode()), (b"user-agent", b"probe/1")]
    drive(bench.around(hello)(scope_of(headers=headers), Server().receive, Server().send))
    span = bench.span
    assert span.parent is not None
    assert (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}") == (PARENT[3:35], PARENT[36:52])
    assert span.parent.is_remote


def test_the_span_has_the_attributes_of_the_conventions(bench: Bench) -> None:
    """HTTP server spans, stable semantic conventions."""
    headers = [(b"user-agent", b"probe/1"), (b"host", b"shop.example:8443")]
    drive(bench.around(application())(scope_of("/answer/7", headers=headers), Server().receive, Server().send))
    assert dict(bench.span.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "/answer/{id}",
        "http.response.status_code": 200,
        "url.path": "/answer/7",
        "url.query": "page=2",
        "url.scheme": "http",
        "server.address": "shop.example",
        "server.port": 8443,
        "network.peer.address": "192.0.2.1",
        "network.peer.port": 1234,
        "network.protocol.version": "1.1",
        "client.address": "192.0.2.1",
        "user_agent.original": "probe/1",
    }


def test_secrets_in_the_path_are_not_recorded(bench: Bench) -> None:
    """Nor those in the query, however they are encoded."""
    path = "/reset/bob@example.com/password=hunter2"
    scope = scope_of(path, query_string=b"a=1&pass%77ord=hunter2&mail=bob%40example.com&X-Goog-Signature=hunter2")
    drive(bench.around(application())(scope, Server().receive, Server().send))
    recorded = b"".join(bench.lines.raw).decode() + bench.span.to_json() + scrape()
    assert [word for word in ("bob@example.com", "bob%40", "hunter2") if word in recorded] == []
    assert bench.requests[0]["url_path"] == "/reset/REDACTED/password=REDACTED"
    assert bench.span.attributes is not None
    query = "a=1&pass%77ord=REDACTED&mail=REDACTED&X-Goog-Signature=REDACTED"
    assert bench.span.attributes["url.query"] == query


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("/any/a%20b/c", "/any/a%20b/c"),
        ("/caf%C3%A9%2F", "/caf%C3%A9%2F"),
        ("/a%3Fb%23c", "/a%3Fb%23c"),
        ("/%ff", "/%ff"),
        ("/to/bob%40example.com/a%20b", "/to/REDACTED/a%20b"),
        ("/to/bob@example.com", "/to/REDACTED"),
    ],
)
def test_the_path_is_recorded_as_it_was_sent(bench: Bench, raw: str, shown: str) -> None:
    """Percent-encoded, unless it means a secret."""
    drive(bench.around(hello)(scope_of(unquote(raw), raw_path=raw.encode()), Server().receive, Server().send))
    assert bench.span.attributes is not None
    assert [bench.requests[0]["url_path"], bench.span.attributes["url.path"]] == [shown, shown]


@pytest.mark.parametrize("path", ["/a\nb", '/","level":"critical', "/\x1b[2J", "/\u2028", "/\udcff", "/" + "a" * 9000])
def test_a_hostile_path_is_one_line(bench: Bench, path: str) -> None:
    """Whatever path a client requests, a line is one valid object."""
    drive(bench.around(hello)(scope_of(path), Server().receive, Server().send))
    (raw,) = bench.lines.raw
    assert raw.count(b"\n") == 1
    assert raw.endswith(b"\n")
    assert json.loads(raw)["level"] == "info"


@pytest.mark.parametrize("client", [None, ("testclient", 50000), ('"}{', 0), ("a" * 46, 0)])
def test_a_server_may_not_know_the_client(bench: Bench, client: tuple[str, int] | None) -> None:
    """Behind a unix socket there is no address; behind a proxy it may be any text."""
    drive(bench.around(hello)(scope_of(client=client), Server().receive, Server().send))
    assert bench.requests[0]["client_address"] == ""


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7"])
def test_the_address_of_the_client_is_recorded(bench: Bench, address: str) -> None:
    """IPv4 and IPv6."""
    drive(bench.around(hello)(scope_of(client=(address, 50000)), Server().receive, Server().send))
    assert bench.requests[0]["client_address"] == address


def test_a_scope_without_the_optional_members_is_served(bench: Bench) -> None:
    """The specification lets a server leave these out."""
    scope = scope_of()
    for name in ("client", "scheme", "query_string", "http_version"):
        del scope[name]
    drive(bench.around(hello)(scope, Server().receive, Server().send))
    assert counted() == {("GET", "unmatched", "200", ""): 1}
