# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-def, misc"
"""Routes that fail in every way, added to the generated service as a module of its package.

`emitted.py` copies it to `src/<package>/`, with `hostile.py` and `runtime/tests/faults.py` beside it.
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import structlog
from firstlight import Background, Surroundings
from firstlight.components.http_client import HTTP_CLIENT
from firstlight.lifecycle import Lifecycle
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from .faults import FAULTS
from .hostile import OnDemandError, UnprintableError, hostile

DEPTH = 4000
MIB = 1 << 20

log = structlog.get_logger()
referenced: list[object] = []


def recurse(depth: int) -> None:
    """Fail far down."""
    if depth:
        recurse(depth - 1)
    raise OnDemandError


async def fail(*_: object) -> None:
    """Fail at the next step of the loop."""
    await asyncio.sleep(0)
    raise OnDemandError


class Finalized:
    """Fails when it is collected."""

    def __del__(self) -> None:
        """Fail."""
        raise OnDemandError


async def raise_(request: Request) -> Response:
    """Fail in a handler."""
    match request.path_params["what"]:
        case "exception":
            raise OnDemandError
        case "unprintable":
            raise UnprintableError
        case "deep":
            recurse(DEPTH)
        case "exit":
            raise SystemExit(1)
        case "cancelled":
            other = asyncio.ensure_future(asyncio.sleep(60))
            other.cancel()
            await other
    return PlainTextResponse("nothing failed")


async def late(request: Request) -> Response:
    """Fail after the client has left."""
    while not await request.is_disconnected():  # noqa: ASYNC110 - Starlette has no event for it
        await asyncio.sleep(0.01)
    raise OnDemandError


async def beside(request: Request) -> Response:
    """Fail beside the request: answer 200, and raise elsewhere."""
    task = None
    match request.path_params["what"]:
        case "thread":
            thread = threading.Thread(target=recurse, args=(0,))
            thread.start()
            await asyncio.to_thread(thread.join)
        case "task":
            referenced.append(asyncio.ensure_future(fail()))
        case "finalizer":
            Finalized()
        case "after":
            task = BackgroundTask(fail)
    return PlainTextResponse("beside", background=task)


async def caught(_: Request) -> Response:
    """Log an exception that the team handles itself."""
    try:
        recurse(0)
    except OnDemandError:
        log.exception("fault.caught")
    return PlainTextResponse("caught")


async def field(request: Request) -> Response:
    """Log a field of so many bytes, so many times."""
    value = "x" * int(request.query_params["bytes"])
    for _ in range(int(request.query_params.get("lines", "1"))):
        log.info("fault.written", payload=value)
    return PlainTextResponse("written")


async def large(request: Request) -> Response:
    """Send a large response."""
    chunk = b"x" * MIB

    async def body() -> AsyncIterator[bytes]:
        for _ in range(int(request.query_params["mib"])):
            yield chunk

    return StreamingResponse(body())


async def until_drain(request: Request) -> Response:
    """Stream until the service is told to stop, then end the stream properly."""

    async def body() -> AsyncIterator[bytes]:
        yield b"begun\n"
        await Lifecycle.of(request).drain_began()
        yield b"ended\n"

    return StreamingResponse(body(), media_type="text/plain")


async def ask(request: Request) -> Response:
    """Ask a dependency."""
    answer = await HTTP_CLIENT.of(request)[request.path_params["dependency"]].get("/asked")
    return JSONResponse({"status": answer.status_code, "bytes": len(answer.content)})


async def ask_briefly(request: Request) -> Response:
    """Ask a dependency, and wait for a moment only."""
    with suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            return await ask(request)
    return PlainTextResponse("gave up")


async def echo(websocket: WebSocket) -> None:
    """Answer each message until the client leaves."""
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


async def refuse(_: WebSocket) -> None:
    """Fail before the handshake is answered."""
    raise OnDemandError


async def break_off(websocket: WebSocket) -> None:
    """Fail after the handshake."""
    await websocket.accept()
    raise OnDemandError


ADDED: list[BaseRoute] = [
    *FAULTS,
    Route("/raise/{what}", raise_),
    Route("/beside/{what}", beside),
    Route("/late", late),
    Route("/caught", caught),
    Route("/field", field),
    Route("/large", large),
    Route("/until-drain", until_drain),
    Route("/ask/{dependency}", ask),
    Route("/ask-briefly/{dependency}", ask_briefly),
    Route("/hostile", hostile),
    WebSocketRoute("/echo", echo),
    WebSocketRoute("/refuse", refuse),
    WebSocketRoute("/break-off", break_off),
]


async def work(_: Surroundings[Any]) -> None:
    """Fail from the second run on."""
    referenced.append(None)
    if len(referenced) > 1:
        raise OnDemandError


BACKGROUND = [Background("work", work, every_seconds=0.2)] if os.environ.get("FAULTY_BACKGROUND") else []
