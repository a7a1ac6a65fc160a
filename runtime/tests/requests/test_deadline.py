"""A handler that takes too long is answered with 504: coroutines, threads, streams and bodies."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from anyio.to_thread import current_default_thread_limiter
from pydantic import BaseModel
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Message

from firstlight import Operation, Service, Settings, create_app
from firstlight.app import Application
from firstlight.metrics.instruments import REGISTRY
from firstlight.problems import NotFoundError
from firstlight.requests import deadline
from firstlight.testing.lines import Lines

from ..faults import IDENTITY

SECONDS = 0.05
LONG = 5 * SECONDS
WAIT_SECONDS = 10

Parts = list[tuple[float, bytes]]  # of a body: the seconds before each part


class Exchange:
    """One request to an application without a server, so that its response is seen while its handler still runs."""

    def __init__(self, app: Application, path: str, parts: Parts | None = None, state: Any = None) -> None:
        """Send the request. `parts` are its body."""
        self.messages: list[Message] = []
        self.answered = asyncio.Event()
        self._parts = list(parts or [])
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST" if parts else "GET",
            "path": path,
            "query_string": b"",
            "headers": [(b"content-type", b"application/json"), (b"transfer-encoding", b"chunked")] if parts else [],
            "state": state or {},
        }
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self) -> Message:
        if self._parts:
            seconds, part = self._parts.pop(0)
            await asyncio.sleep(seconds)
            return {"type": "http.request", "body": part, "more_body": bool(self._parts)}
        await self.answered.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self.messages.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.answered.set()

    async def status(self) -> int:
        """The status of the complete response."""
        await asyncio.wait_for(self.answered.wait(), WAIT_SECONDS)
        starts = [message["status"] for message in self.messages if message["type"] == "http.response.start"]
        assert len(starts) == 1
        return int(starts[0])

    async def end(self) -> None:
        """Wait until the application has returned. Raises its error."""
        await asyncio.wait_for(self.task, WAIT_SECONDS)

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document of the response."""
        document: dict[str, Any] = json.loads(b"".join(message.get("body", b"") for message in self.messages))
        return document


class Handlers:
    """Handlers that take too long, and what became of them."""

    def __init__(self) -> None:
        """The gate is closed."""
        self.gate = threading.Event()
        self.suppressed = asyncio.Event()
        self.cancelled = 0

    async def slow(self, _: Request) -> Response:
        """Take long."""
        try:
            await asyncio.sleep(LONG)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return PlainTextResponse("late")

    async def stubborn(self, _: Request) -> Response:
        """Suppress the cancellation."""
        while not self.suppressed.is_set():
            try:
                await self.suppressed.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
        return PlainTextResponse("late")

    async def careless(self, _: Request) -> Response:
        """Answer after the cancellation."""
        try:
            await asyncio.sleep(LONG)
        except asyncio.CancelledError:
            return PlainTextResponse("late")
        return PlainTextResponse("late")

    async def clumsy(self, _: Request) -> Response:
        """Fail while it ends."""
        try:
            await asyncio.sleep(LONG)
        finally:
            msg = "cannot roll back"
            raise RuntimeError(msg)

    def blocked(self, request: Request) -> Response:
        """Block a thread."""
        assert self.gate.wait(WAIT_SECONDS)
        if "missing" in request.url.path:
            raise NotFoundError
        if "fails" in request.url.path:
            msg = "the disk is full"
            raise OSError(msg)
        return PlainTextResponse("late")

    async def stream(self, _: Request) -> Response:
        """Start at once, end late."""

        async def chunks() -> AsyncIterator[bytes]:
            yield b"first"
            await asyncio.sleep(3 * SECONDS)
            yield b"last"

        return StreamingResponse(chunks())

    async def read(self, request: Request) -> Response:
        """Read the body, then take as long as it says."""
        seconds = json.loads(await request.body())["seconds"]
        await asyncio.sleep(seconds)
        return PlainTextResponse("read")

    async def ignore(self, _: Request) -> Response:
        """Never read the body."""
        await asyncio.sleep(LONG)
        return PlainTextResponse("late")

    async def validated(self, _: Request, *, body: "Work") -> Response:
        """Take as long as the body says."""
        await asyncio.sleep(body.seconds)
        return PlainTextResponse("done")


class Work(BaseModel):
    """How long to work."""

    seconds: float


def named(name: str, handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """The handler under another name: each operation needs its own."""

    async def call(request: Request) -> Response:
        return await handler(request)

    call.__name__ = name
    return call


def in_a_thread(name: str, handler: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """The same for a plain function."""

    def call(request: Request) -> Response:
        return handler(request)

    call.__name__ = name
    return call


@pytest.fixture
def handlers() -> Handlers:
    """New handlers."""
    return Handlers()


Create = Callable[..., Application]


@pytest.fixture
def create(settings: Settings, lines: Lines, handlers: Handlers) -> Create:
    """Create the application."""

    class Endpoint(HTTPEndpoint):
        async def get(self, request: Request) -> Response:
            return await handlers.slow(request)

    def made(seconds: float = SECONDS) -> Application:
        routes: list[BaseRoute | Operation] = [
            Operation(method="GET", path="/slow", handler=handlers.slow),
            Operation(method="GET", path="/own", handler=named("own", handlers.slow), deadline_seconds=10 * LONG),
            Operation(method="GET", path="/unlimited", handler=named("free", handlers.slow), deadline_seconds=0),
            Operation(method="GET", path="/stubborn", handler=handlers.stubborn),
            Operation(method="GET", path="/careless", handler=handlers.careless),
            Operation(method="GET", path="/clumsy", handler=handlers.clumsy),
            Operation(method="GET", path="/thread", handler=handlers.blocked),
            Operation(method="GET", path="/thread/missing", handler=in_a_thread("missing", handlers.blocked)),
            Operation(method="GET", path="/thread/fails", handler=in_a_thread("fails", handlers.blocked)),
            Operation(method="GET", path="/stream", handler=handlers.stream),
            Operation(method="POST", path="/validated", handler=handlers.validated, body=Work),
            Route("/plain", handlers.slow),
            Route("/plain/thread", handlers.blocked),
            Route("/plain/class", Endpoint),
            Route("/read", handlers.read, methods=["POST"]),
            Route("/ignore", handlers.ignore, methods=["POST"]),
        ]
        changed = settings.model_copy(update={"handler_seconds": seconds, "shed_seconds": 0})
        return create_app(changed, Service(identity=IDENTITY, routes=routes), log_sink=lines)

    return made


Send = Callable[..., Exchange]


def _run(app: Application, trial: Callable[[Send], Awaitable[None]]) -> None:
    async def run() -> None:
        async with app.lifespan() as state:
            await trial(lambda path, parts=None: Exchange(app, path, parts, state))

    asyncio.run(run())


def _bad() -> float:
    return REGISTRY.get_sample_value("slo_events_total", {"slo": "availability", "outcome": "bad"}) or 0


@pytest.mark.parametrize("path", ["/slow", "/careless", "/clumsy", "/plain", "/plain/class"])
def test_a_handler_beyond_its_deadline_is_cancelled(create: Create, lines: Lines, path: str) -> None:
    """504 as a problem, under the route, as a failure of the service, with the reason in the log."""
    before = _bad()

    async def trial(send: Send) -> None:
        sent = send(path)
        assert await sent.status() == 504
        await sent.end()
        assert (sent.document["type"], sent.document["status"]) == ("/problems/gateway-timeout", 504)
        assert sent.document["detail"] == "The request was not finished within 0.05 s."
        assert sent.document["request_id"]

    _run(create(), trial)
    (line,) = lines.named("http.request_finished")
    assert (line["level"], line["http_route"], line["error_type"]) == ("error", path, "504")
    assert line["reason"].startswith("DeadlineExceededError: The request was not finished within 0.05 s.")
    assert ("cannot roll back" in line["reason"]) is (path == "/clumsy")
    assert lines.named("http.request_failed") == []
    assert _bad() == before + 1


def test_a_cancelled_handler_is_answered_once(create: Create, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not again when the time for its end is over."""
    monkeypatch.setattr(deadline, "CANCEL_SECONDS", SECONDS)

    async def trial(send: Send) -> None:
        sent = send("/slow")
        await sent.status()
        await asyncio.sleep(2 * SECONDS)
        assert await sent.status() == 504

    _run(create(), trial)


@pytest.mark.parametrize(("seconds", "path"), [(SECONDS, "/own"), (SECONDS, "/unlimited"), (0, "/slow"), (0, "/plain")])
def test_a_longer_deadline_and_none(create: Create, seconds: float, path: str) -> None:
    """An operation has its own, and 0 switches it off."""

    async def trial(send: Send) -> None:
        assert await send(path).status() == 200

    _run(create(seconds), trial)


def test_without_a_deadline_the_handler_is_called_directly() -> None:
    """What is switched off costs nothing."""
    handler = Handlers().slow

    assert deadline.Deadlines(0).limited(handler) == handler


def test_many_calls_expire_in_their_order(create: Create, handlers: Handlers) -> None:
    """Those that come later have their whole time."""

    async def trial(send: Send) -> None:
        first = send("/slow")
        await asyncio.sleep(SECONDS / 2)
        second = send("/slow")
        assert await first.status() == 504
        assert not second.answered.is_set()
        assert await second.status() == 504
        assert await send("/stream").status() == 200
        third = send("/slow")  # after the timer has found no calls
        assert await third.status() == 504

    _run(create(), trial)
    assert handlers.cancelled == 3


def test_a_handler_that_suppresses_its_cancellation_is_answered(
    create: Create, lines: Lines, handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client gets 504, the request is recorded at once, and what the handler returns is dropped."""
    monkeypatch.setattr(deadline, "CANCEL_SECONDS", SECONDS)

    async def trial(send: Send) -> None:
        sent = send("/stubborn")
        try:
            assert await sent.status() == 504
            assert [sent.document["request_id"]] == [
                line["request_id"] for line in lines.named("http.request_finished")
            ]
            assert not sent.task.done()
        finally:
            handlers.suppressed.set()
        await sent.end()
        assert await sent.status() == 504

    _run(create(), trial)
    assert handlers.cancelled == 1
    (line,) = lines.named("http.request_finished")
    assert (line["http_response_status_code"], line["reason"][:21]) == (504, "DeadlineExceededError")


@pytest.mark.parametrize("path", ["/thread", "/thread/missing", "/plain/thread"])
def test_a_thread_is_not_waited_for_but_counted(create: Create, lines: Lines, handlers: Handlers, path: str) -> None:
    """A thread cannot be cancelled: the client gets 504, and the pool counts the thread until it ends."""

    async def trial(send: Send) -> None:
        pool = current_default_thread_limiter()
        pool.total_tokens = 1
        blocked = send(path)
        assert await blocked.status() == 504
        assert pool.borrowed_tokens == 1
        assert len(lines.named("http.request_finished")) == 1
        waiting = send(path)  # no thread is free
        assert await waiting.status() == 504
        await waiting.end()  # it was cancelled while it waited
        assert pool.borrowed_tokens == 1
        handlers.gate.set()
        await blocked.end()
        assert pool.borrowed_tokens == 0
        assert await send(path).status() == (404 if "missing" in path else 200)

    _run(create(), trial)
    assert lines.named("http.request_failed") == []


def test_a_thread_that_fails_later_is_reported(create: Create, lines: Lines, handlers: Handlers) -> None:
    """Its client has 504 already, but the error must be seen."""

    async def trial(send: Send) -> None:
        sent = send("/thread/fails")
        assert await sent.status() == 504
        handlers.gate.set()
        with pytest.raises(deadline.LateHandlerError):
            await sent.end()

    _run(create(), trial)
    (line,) = lines.named("http.request_failed")
    assert "the disk is full" in line["exception"]
    assert len(lines.named("http.request_finished")) == 1


def test_a_stream_may_last(create: Create) -> None:
    """The deadline ends with the response object."""

    async def trial(send: Send) -> None:
        sent = send("/stream")
        assert await sent.status() == 200
        assert [message.get("body") for message in sent.messages[1:3]] == [b"first", b"last"]

    _run(create(), trial)


SLOW_BODY: Parts = [(2 * SECONDS, b'{"sec'), (2 * SECONDS, b'onds": '), (2 * SECONDS, b"0}")]


@pytest.mark.parametrize("path", ["/validated", "/read"])
def test_the_wait_for_a_body_does_not_count(create: Create, path: str) -> None:
    """It has its own limit, `BODY_SECONDS`. The whole time is left after it."""
    parts: Parts = [*SLOW_BODY[:-1], (2 * SECONDS, b"%.3f}" % (SECONDS / 2))]

    async def trial(send: Send) -> None:
        assert await send(path, SLOW_BODY).status() == 200
        assert await send(path, parts).status() == 200

    _run(create(), trial)


@pytest.mark.parametrize("path", ["/validated", "/read", "/ignore"])
def test_the_time_after_a_body_counts(create: Create, path: str) -> None:
    """A body that has arrived, or that nobody reads, does not extend the deadline."""

    async def trial(send: Send) -> None:
        assert await send(path, [(SECONDS, b'{"seconds": '), (0, b"9}")]).status() == 504

    _run(create(), trial)


def test_a_task_that_is_cancelled_from_outside_stays_cancelled(create: Create) -> None:
    """The deadline does not suppress the end of the process."""

    async def trial(send: Send) -> None:
        sent = send("/own")
        await asyncio.sleep(0)
        sent.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sent.end()

    _run(create(), trial)
