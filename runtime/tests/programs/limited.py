"""A service with routes that read slowly or write much, and with websockets."""

import asyncio
import sys
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from firstlight import Identity, Service, main

CHUNK_BYTES = 65_536


async def none(_: Request) -> Response:
    """Answer at once."""
    return PlainTextResponse("none")


async def size(request: Request) -> Response:
    """Read the body, and answer with its size."""
    return PlainTextResponse(str(len(await request.body())))


async def wait(request: Request) -> Response:
    """Wait some seconds, then read the body and answer with its size."""
    await asyncio.sleep(float(request.query_params["seconds"]))
    return await size(request)


async def deaf(_: Request) -> Response:
    """Answer without reading the body."""
    return PlainTextResponse("deaf")


async def much(request: Request) -> Response:
    """Answer with this number of bytes."""
    left = int(request.query_params["bytes"])

    async def body() -> AsyncIterator[bytes]:
        for _ in range(left // CHUNK_BYTES):
            yield bytes(CHUNK_BYTES)

    return StreamingResponse(body(), headers={"content-length": str(left // CHUNK_BYTES * CHUNK_BYTES)})


async def echo(websocket: WebSocket) -> None:
    """Send every message back."""
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        return


async def leave(websocket: WebSocket) -> None:
    """Close the websocket."""
    await websocket.accept()
    await websocket.close()


async def end(websocket: WebSocket) -> None:
    """Return or raise, with a close by nobody."""
    if "accepted" in websocket.query_params:
        await websocket.accept()
    if "raised" in websocket.query_params:
        msg = "meant to fail"
        raise LookupError(msg)


async def group(websocket: WebSocket) -> None:
    """Read and wait in one task group."""
    await websocket.accept()

    async def read() -> None:
        while True:
            await websocket.receive_text()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read())
        tasks.create_task(asyncio.sleep(60))


async def pour(websocket: WebSocket) -> None:
    """Send messages for ever."""
    await websocket.accept()
    while True:
        await websocket.send_bytes(bytes(CHUNK_BYTES))


SERVICE = Service(
    identity=Identity(
        name="limited",
        version="1.2.3",
        title="Limited",
        description="A service for the tests of limits.",
        owner="Team Sample",
        defaults={"slo_availability": 0.999, "slo_latency": 0.99, "slo_latency_seconds": 0.25},
    ),
    routes=[
        Route("/none", none),
        Route("/size", size, methods=["GET", "POST"]),
        Route("/wait", wait, methods=["GET", "POST"]),
        Route("/deaf", deaf, methods=["GET", "POST"]),
        Route("/much", much),
        WebSocketRoute("/echo", echo),
        WebSocketRoute("/leave", leave),
        WebSocketRoute("/end", end),
        WebSocketRoute("/group", group),
        WebSocketRoute("/pour", pour),
    ],
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
