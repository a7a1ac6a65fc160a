"""Bodies are limited while they come: before the response has started with a 413, after that without a word."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from firstlight.requests.body_limit import BodyLimit

LIMIT = 10
CHUNKED = ((b"transfer-encoding", b"chunked"),)
SMALL: Message = {"type": "http.request", "body": b"12345", "more_body": True}
LARGE: Message = {"type": "http.request", "body": b"x" * 11, "more_body": True}
LAST: Message = {"type": "http.request", "body": b"y", "more_body": False}
LEFT: Message = {"type": "http.disconnect"}
START: Message = {"type": "http.response.start", "status": 200, "headers": []}
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def serve(
    app: App, *messages: Message, method: str = "POST", headers: Sequence[tuple[bytes, bytes]] = CHUNKED
) -> list[Message]:
    """What the application sends for a request of these messages. Asking for more of them fails the test."""
    scope: Scope = {"type": "http", "method": method, "path": "/", "query_string": b"", "headers": list(headers)}
    left = list(messages)
    sent: list[Message] = []

    async def receive() -> Message:
        assert left, "nothing more comes"
        return left.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    async def serve() -> None:
        await BodyLimit(app, LIMIT)(scope, receive, send)

    asyncio.run(serve())
    return sent


def endpoint(handler: Callable[[Request], Awaitable[Response]]) -> App:
    """An application of one handler."""
    return Starlette(routes=[Route("/", handler, methods=["GET", "POST", "DELETE"])])


async def read(request: Request) -> Response:
    """Answer with the size of the body."""
    return PlainTextResponse(str(len(await request.body())))


def test_a_body_that_grows_too_large_is_refused() -> None:
    """By the sum of its parts, as soon as it is too large."""
    assert serve(endpoint(read), SMALL, SMALL, SMALL)[0]["status"] == 413
    assert serve(endpoint(read), SMALL, {**SMALL, "more_body": False})[-1]["body"] == b"10"


@pytest.mark.parametrize("length", [b"11", b"9" * 30, b"9" * 5000])
def test_a_body_that_is_announced_too_large_is_refused(length: bytes) -> None:
    """However long the number is, and before anything is read."""
    assert serve(endpoint(read), headers=[(b"content-length", length)])[0]["status"] == 413


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_method_that_seldom_has_a_body_is_limited_as_well(method: str) -> None:
    """What a handler reads of a GET takes memory, too."""
    assert serve(endpoint(read), LARGE, method=method)[0]["status"] == 413
    assert serve(endpoint(read), method=method, headers=[(b"content-length", b"11")])[0]["status"] == 413
    assert serve(endpoint(read), {**LAST, "body": b""}, method=method, headers=())[-1]["body"] == b"0"


def test_an_application_that_catches_the_refusal_gets_no_more() -> None:
    """It may answer as it likes, at once: the next call does not wait for what is not going to be read."""
    refusals: list[int] = []

    async def insist(request: Request) -> Response:
        for _ in range(3):
            try:
                await request.receive()
            except HTTPException as error:
                refusals.append(error.status_code)
        return PlainTextResponse("read what I could")

    sent = serve(endpoint(insist), LARGE)
    assert (sent[0]["status"], refusals) == (200, [413, 413, 413])


def test_a_response_that_has_started_is_not_broken_off() -> None:
    """A stream listens for the client's leaving, and hears nothing else."""
    received: list[Message] = []

    async def stream(_: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        received.append(await receive())
        await send({"type": "http.response.body", "body": b"all of it"})

    sent = serve(stream, LARGE, SMALL, LAST, LEFT)
    assert [message.get("body") for message in sent] == [None, b"all of it"]
    assert received == [LEFT]


def test_a_body_that_is_cut_never_looks_complete() -> None:
    """An application that reads while it answers learns that the client has left, and not that this was all."""
    parts: list[bytes] = []

    async def echo(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        with pytest.raises(ClientDisconnect):
            parts.extend([part async for part in Request(scope, receive).stream()])
        await send({"type": "http.response.body"})

    serve(echo, LARGE, LAST, LEFT)
    assert parts == []


def test_a_background_task_is_not_refused() -> None:
    """The response is over: what it reads then ends as for a client that has left."""
    ended: list[type[BaseException]] = []

    async def later(request: Request) -> None:
        try:
            await request.body()
        except (ClientDisconnect, HTTPException) as error:
            ended.append(type(error))

    async def handler(request: Request) -> Response:
        return PlainTextResponse("done", background=BackgroundTask(later, request))

    assert serve(endpoint(handler), LARGE, LEFT)[0]["status"] == 200
    assert ended == [ClientDisconnect]


def test_a_hint_does_not_start_the_response() -> None:
    """It can still become a 413."""

    async def hint(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.early_hint", "links": []})
        with pytest.raises(HTTPException):
            await Request(scope, receive).body()
        await send(START)

    serve(hint, LARGE)


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
def test_other_protocols_pass_untouched(kind: str) -> None:
    """The messages of a websocket have a limit of the server's."""
    seen: list[object] = []

    async def app(*given: object) -> None:
        seen.extend(given)

    async def receive() -> Message:
        return LARGE

    async def send(_: Message) -> None:
        """Send nothing."""

    scope: Scope = {"type": kind, "headers": [(b"content-length", b"99")]}

    async def serve() -> None:
        await BodyLimit(app, LIMIT)(scope, receive, send)

    asyncio.run(serve())
    assert seen == [scope, receive, send]
