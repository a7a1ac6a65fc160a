"""A response that is sent in one step is the one that its two messages would be."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firstlight import Component, JsonResponse, Layer, NoSettings, Operation, Service, Settings, create_app, nothing
from firstlight.testing.lines import Lines

from ..server.wires import answered

GET = b"GET /%s HTTP/1.1\r\nHost: a\r\nX-Request-ID: 1\r\n\r\n"
LARGE = "large " * 1000
RESPONSES: dict[str, Callable[[], Response]] = {
    "text": lambda: PlainTextResponse("text"),
    "json": lambda: JSONResponse({"a": 1}, 201, {"Location": "/a"}),
    "ours": lambda: JsonResponse({"a": 1}, headers={"ETag": '"1"'}),
    "empty": lambda: Response(status_code=204),
    "unchanged": lambda: Response(status_code=304, headers={"ETag": '"1"'}),
    "large": lambda: PlainTextResponse(LARGE),
    "memory": lambda: Response(memoryview(b"memory")),
    "own": lambda: PlainTextResponse("own", headers={"X-Frame-Options": "SAMEORIGIN", "Cache-Control": "private"}),
    "closing": lambda: PlainTextResponse("closing", headers={"Connection": "close"}),
    "longer": lambda: Response(b"abc", headers={"Content-Length": "4"}),
    "shorter": lambda: Response(b"abc", headers={"Content-Length": "2"}),
    "bad value": lambda: Response(b"abc", headers={"X": "a\r\nb"}),
    "bad type": lambda: Response(b"abc", media_type="text/a\r\nb"),
    "bad name": lambda: Response(b"abc", headers={"a b": "c"}),
    "failed": lambda: Response(b"abc", 500),
    "lists": lambda: _with_headers([[b"content-length", b"3"], [b"Content-Type", bytearray(b"text/plain")]]),
}
REQUESTS = {
    "plain": b"GET /%s HTTP/1.1\r\nHost: a\r\nX-Request-ID: 1\r\n\r\n",
    "head": b"HEAD /%s HTTP/1.1\r\nHost: a\r\nX-Request-ID: 1\r\n\r\n",
    "gzip": b"GET /%s HTTP/1.1\r\nHost: a\r\nX-Request-ID: 1\r\nAccept-Encoding: gzip\r\n\r\n",
    "last": b"GET /%s HTTP/1.0\r\nX-Request-ID: 1\r\n\r\n",
    "two": b"GET /%s HTTP/1.1\r\nHost: a\r\nX-Request-ID: 1\r\n\r\n" * 2,
    "expecting": b"GET /%s HTTP/1.1\r\nHost: a\r\nX-Request-ID: 1\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n",
}


def _with_headers(headers: Any) -> Response:
    response = Response(b"abc")
    response.raw_headers = headers
    return response


def _endpoint(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(_: Request) -> Response:
        return RESPONSES[name]()

    endpoint.__name__ = re.sub(r"\W", "_", name)
    return endpoint


def _in_messages(app: ASGIApp, _: Operation | None) -> ASGIApp:
    """Middleware as a team writes it, with a function of its own around `send`."""

    async def around(scope: Scope, receive: Receive, send: Send) -> None:
        async def passing(message: Message) -> None:
            await send(message)

        await app(scope, receive, passing)

    return around


MIDDLEWARE: Component[Any, None] = Component(
    name="around", settings=NoSettings, open=nothing, middleware={Layer.OBSERVE: _in_messages}
)


def _said(service: Service, settings: Settings, request: bytes) -> tuple[bytes, list[dict[str, Any]]]:
    """The bytes of the response, and the events of the request without what the clock and chance decide."""
    lines = Lines()
    app = create_app(settings.model_copy(update={"environment": "production"}), service, log_sink=lines)
    sent = answered(app, [request])
    changing = {"timestamp", "duration_seconds", "trace_id", "span_id", "exception"}
    events = [{name: value for name, value in line.items() if name not in changing} for line in lines.events]
    return re.sub(rb"[0-9a-f]{32}", b"", sent), events


@pytest.mark.parametrize("kind", REQUESTS)
@pytest.mark.parametrize("name", RESPONSES)
@pytest.mark.parametrize("declared", ["operation", "route"])
def test_it_is_the_same_in_one_step(service: Service, settings: Settings, declared: str, name: str, kind: str) -> None:
    """For each kind of response, of request and of route."""
    path, handler = f"/{name.replace(' ', '-')}", _endpoint(name)
    route = Route(path, handler) if declared == "route" else Operation(method="GET", path=path, handler=handler)
    plain = replace(service, routes=[route], components=[])
    request = REQUESTS[kind].replace(b"%s", path[1:].encode())

    sent, events = _said(plain, settings, request)

    assert sent.startswith(b"HTTP/1.1 ")
    assert (sent, events) == _said(replace(plain, components=[MIDDLEWARE]), settings, request)


def test_its_background_task_runs(service: Service, settings: Settings) -> None:
    """After the response has been sent."""
    done: list[str] = []

    async def work() -> None:
        done.append("worked")

    async def endpoint(_: Request) -> Response:
        done.append("served")
        return PlainTextResponse("a", background=BackgroundTask(work))

    served = replace(service, routes=[Route("/a", endpoint)], components=[])
    sent = answered(create_app(settings, served, log_sink=Lines()), [GET.replace(b"%s", b"a")])

    assert sent.endswith(b"\r\n\r\na")
    assert done == ["served", "worked"]


def test_a_function_between_application_and_server_sees_every_message(service: Service, settings: Settings) -> None:
    """Where somebody wraps the finished application."""
    app = create_app(settings, replace(service, routes=[Route("/text", _endpoint("text"))]), log_sink=Lines())
    seen: list[str] = []

    async def around(scope: Scope, receive: Receive, send: Send) -> None:
        async def noting(message: Message) -> None:
            seen.append(message["type"])
            await send(message)

        await app(scope, receive, noting)

    answered(around, [GET.replace(b"%s", b"text")])

    assert seen == ["http.response.start", "http.response.body"]
