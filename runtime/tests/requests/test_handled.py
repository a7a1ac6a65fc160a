"""Errors that have a handler become responses, wherever they are raised; all others become a 500."""

import gc
import weakref
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException, WebSocketException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute, request_response
from starlette.testclient import TestClient
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from firstlight import Component, Layer, NoSettings, Operation, Service, Settings, create_app, nothing
from firstlight.component import Wrap
from firstlight.problems import NotFoundError
from firstlight.testing.lines import Lines

from ..server.wires import answered

ORIGIN = "https://app.example"


async def missing(_: Request) -> Response:
    """Raise an error with a handler."""
    raise NotFoundError


async def fine(_: Request) -> Response:
    """Answer."""
    return PlainTextResponse("fine")


async def broken(_: Request) -> Response:
    """Raise one without."""
    raise LookupError


async def teapot(_: Request) -> Response:
    """Raise a status."""
    raise HTTPException(418)


async def cut(_: Request) -> Response:
    """Raise an error with a handler in the middle of the response."""

    async def parts() -> AsyncIterator[bytes]:
        yield b"part"
        raise NotFoundError

    return StreamingResponse(parts())


async def close(socket: WebSocket) -> None:
    """End a websocket by an error."""
    await socket.accept()
    raise WebSocketException(4001)


async def answer(_: Request, __: Exception) -> Response:
    """Answer in the way of a team."""
    return PlainTextResponse("own", 503)


def client_of(
    service: Service,
    settings: Settings,
    lines: Lines,
    handlers: Mapping[Any, ExceptionHandler] | None = None,
    middleware: Mapping[Layer, Wrap] | None = None,
) -> TestClient:
    """A client of a service with the routes of this file: as operations below `/operations`, and as plain ones."""
    handled = {"fine": fine, "missing": missing, "broken": broken, "teapot": teapot, "cut": cut}
    operations = [Operation(method="GET", path=f"/operations/{name}", handler=each) for name, each in handled.items()]
    plain: list[BaseRoute] = [Route(f"/plain/{name}", each) for name, each in handled.items()]
    component: Component[NoSettings, None] = Component(
        name="answers",
        settings=NoSettings,
        open=nothing,
        exception_handlers=handlers or {},
        middleware=middleware or {},
    )
    service = replace(
        service, components=[component], routes=[*operations, *plain, WebSocketRoute("/websocket", close)]
    )
    served = settings.model_copy(update={"environment": "production", "cors_origins": (ORIGIN,)})
    return TestClient(create_app(served, service, log_sink=lines), raise_server_exceptions=False)


KINDS = pytest.mark.parametrize("kind", ["operations", "plain"])


@KINDS
@pytest.mark.parametrize(("name", "status"), [("missing", 404), ("teapot", 418), ("broken", 500)])
def test_an_error_is_a_problem(  # noqa: PLR0913, PLR0917 - fixtures
    service: Service, settings: Settings, lines: Lines, kind: str, name: str, status: int
) -> None:
    """Which pages of an allowed origin can read, also that of an error without a handler."""
    got = client_of(service, settings, lines).get(f"/{kind}/{name}", headers={"Origin": ORIGIN})

    assert (got.status_code, got.json()["status"]) == (status, status)
    assert got.headers["access-control-allow-origin"] == ORIGIN
    (event,) = lines.named("http.request_finished")
    assert event["http_response_status_code"] == status
    assert len(lines.named("http.request_failed")) == (status == 500)


@KINDS
@pytest.mark.parametrize(
    ("handled", "name", "status"),
    [(Exception, "broken", 503), (500, "broken", 503), (418, "teapot", 503), (LookupError, "broken", 503)],
)
def test_a_team_s_own_handler_answers(  # noqa: PLR0913, PLR0917 - fixtures
    service: Service, settings: Settings, lines: Lines, kind: str, handled: Any, name: str, status: int
) -> None:
    """By class or by status, and also for every exception."""
    got = client_of(service, settings, lines, {handled: answer}).get(f"/{kind}/{name}")

    assert (got.status_code, got.text) == (status, "own")


@KINDS
def test_a_response_that_has_begun_is_not_answered_again(
    service: Service, settings: Settings, lines: Lines, kind: str
) -> None:
    """The event names the error itself."""
    got = client_of(service, settings, lines).get(f"/{kind}/cut")

    assert got.status_code == 200
    (failed,) = lines.named("http.request_failed")
    assert "NotFoundError" in failed["exception"].splitlines()[-1]


@KINDS
def test_middleware_around_a_route_sees_the_answer(
    service: Service, settings: Settings, lines: Lines, kind: str
) -> None:
    """Not the error, if it has a handler."""
    seen: list[int] = []

    def seeing(app: ASGIApp, _: Operation | None) -> ASGIApp:
        async def see(scope: Scope, receive: Receive, send: Send) -> None:
            async def noting(message: Message) -> None:
                if message["type"] == "http.response.start":
                    seen.append(message["status"])
                await send(message)

            await app(scope, receive, noting)

        return see

    client_of(service, settings, lines, middleware={Layer.OBSERVE: seeing}).get(f"/{kind}/missing")

    assert seen == [404]


def test_a_websocket_is_closed_by_its_error(service: Service, settings: Settings, lines: Lines) -> None:
    """With the code that the error names."""
    client = client_of(service, settings, lines)
    with client.websocket_connect("/websocket") as socket, pytest.raises(WebSocketDisconnect) as ended:
        socket.receive_text()

    assert ended.value.code == 4001


async def reading(request: Request) -> Response:
    """Read the body, note something, and fail."""
    await request.body()
    request.state.seen = "once"
    raise TellingError


class TellingError(Exception):
    """Its handler reads the request."""


async def tell(request: Request, _: Exception) -> Response:
    """Answer with what the request had."""
    return PlainTextResponse(f"{(await request.body()).decode()} {request.state.seen}", 400)


@pytest.mark.parametrize("declared", ["operation", "route"])
def test_a_handler_gets_the_request_of_the_endpoint(service: Service, settings: Settings, declared: str) -> None:
    """With the body that the endpoint has read: it would wait for another one for ever."""
    operation = Operation(method="POST", path="/", handler=reading)
    route = operation if declared == "operation" else Route("/", reading, methods=["POST"])
    component: Component[NoSettings, None] = Component(
        name="telling", settings=NoSettings, open=nothing, exception_handlers={TellingError: tell}
    )
    app = create_app(settings, replace(service, components=[component], routes=[route]), log_sink=Lines())

    got = answered(app, [b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"])

    assert got.endswith(b"\r\n\r\nabc once")


@KINDS
@pytest.mark.parametrize("path", ["kept", "failing"])
def test_an_error_is_freed_with_its_request(service: Service, settings: Settings, kind: str, path: str) -> None:
    """Without a collection of garbage, whether it has a handler or not."""
    kept: list[weakref.ref[Lines]] = []

    async def keep(_: Request) -> Response:
        local = Lines()
        kept.append(weakref.ref(local))
        raise NotFoundError if path == "kept" else LookupError

    route = Route("/", keep) if kind == "plain" else Operation(method="GET", path="/", handler=keep)
    app = create_app(settings, replace(service, components=[], routes=[route]), log_sink=Lines())
    gc.collect()
    gc.disable()
    try:
        answered(app, [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"])
        assert [each() for each in kept] == [None]
    finally:
        gc.enable()


def _copying(app: ASGIApp, _: Operation | None) -> ASGIApp:
    async def copy(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope}, receive, send)

    return copy


def _buffering(app: ASGIApp, _: Operation | None) -> ASGIApp:
    async def buffer(scope: Scope, receive: Receive, send: Send) -> None:
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await app(scope, receive, keep if scope["type"] == "http" else send)
        for message in messages:
            await send(message)

    return buffer


@KINDS
@pytest.mark.parametrize(("around", "status"), [(_copying, 200), (_buffering, 500)])
def test_middleware_around_the_router_may_do_anything(  # noqa: PLR0913, PLR0917 - fixtures
    service: Service, settings: Settings, lines: Lines, kind: str, around: Wrap, status: int
) -> None:
    """An error in the middle of a response never adds a second response to it."""
    middleware = {Layer.LIMIT_BY_ADDRESS: around}

    got = client_of(service, settings, lines, middleware=middleware).get(f"/{kind}/cut")

    (event,) = lines.named("http.request_finished")
    assert (got.status_code, event["http_response_status_code"]) == (status, status)
    assert len(lines.named("http.request_failed")) == 1


@KINDS
def test_an_object_around_send_sees_every_message(
    service: Service, settings: Settings, lines: Lines, kind: str
) -> None:
    """Also one that hands out the attributes of what it wraps."""

    class Adding:
        def __init__(self, send: Send) -> None:
            self.wrapped = send

        async def __call__(self, message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (b"added", b"yes")]}
            await self.wrapped(message)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.wrapped, name)

    def adding(app: ASGIApp, _: Operation | None) -> ASGIApp:
        async def add(scope: Scope, receive: Receive, send: Send) -> None:
            await app(scope, receive, Adding(send))

        return add

    got = client_of(service, settings, lines, middleware={Layer.OBSERVE: adding}).get(f"/{kind}/fine")

    assert (got.text, got.headers["added"]) == ("fine", "yes")


def test_an_error_behind_a_mounted_application_has_the_handler_of_the_service(
    service: Service, settings: Settings, lines: Lines
) -> None:
    """Where middleware around the mount raises it."""

    async def other(_: Request, __: Exception) -> Response:
        return PlainTextResponse("other", 400)

    def raising(app: ASGIApp, _: Operation | None) -> ASGIApp:
        async def drop(_: Message) -> None:
            """Send nothing."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            await app(scope, receive, drop if scope["type"] == "http" else send)
            raise TellingError

        return serve

    mounted = Starlette(routes=[Route("/", missing)], exception_handlers={TellingError: other})
    component: Component[NoSettings, None] = Component(
        name="telling",
        settings=NoSettings,
        open=nothing,
        exception_handlers={TellingError: answer},
        middleware={Layer.OBSERVE: raising},
    )
    service = replace(service, components=[component], routes=[Mount("/mounted", app=mounted)])

    assert TestClient(create_app(settings, service, log_sink=lines)).get("/mounted/").text == "own"


def test_a_route_keeps_an_application_of_its_own(service: Service, settings: Settings, lines: Lines) -> None:
    """Where no handler has a deadline, nothing takes its place."""

    async def own(_: Request) -> Response:
        return PlainTextResponse("own")

    class Own(Route):
        def __init__(self, path: str, endpoint: Any) -> None:
            super().__init__(path, endpoint)
            self.app = request_response(own)

    served = settings.model_copy(update={"handler_seconds": 0})
    service = replace(service, components=[], routes=[Own("/", missing)])

    assert TestClient(create_app(served, service, log_sink=lines)).get("/").text == "own"
