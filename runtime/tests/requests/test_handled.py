"""Errors that have a handler become responses, wherever they are raised; all others become a 500."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from starlette.exceptions import HTTPException, WebSocketException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from firstlight import Component, Layer, NoSettings, Operation, Service, Settings, create_app, nothing
from firstlight.component import Wrap
from firstlight.problems import NotFoundError
from firstlight.testing.lines import Lines

ORIGIN = "https://app.example"


async def missing(_: Request) -> Response:
    """Raise an error with a handler."""
    raise NotFoundError


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
    handled = {"missing": missing, "broken": broken, "teapot": teapot, "cut": cut}
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
