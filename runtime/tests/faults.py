"""Routes that fail on demand, and a service of nothing else. Tests run it as a real process."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from firstlight import Identity, Service, main
from firstlight.problems import NotFoundError


async def none(_: Request) -> Response:
    """Answer at once, for comparison."""
    return PlainTextResponse("none")


async def missing(_: Request) -> Response:
    """Know nothing of this name."""
    raise NotFoundError


async def fail(_: Request) -> Response:
    """Raise what no handler expects."""
    msg = "on demand, password=hunter2"
    raise RuntimeError(msg)


async def slow(request: Request) -> Response:
    """Answer late, without holding anybody up."""
    await asyncio.sleep(float(request.query_params.get("seconds", "1")))
    return PlainTextResponse("slow")


async def block(request: Request) -> Response:
    """Hold the event loop up, as a synchronous call in a coroutine does."""
    time.sleep(float(request.query_params.get("seconds", "1")))  # noqa: ASYNC251 - this is the fault
    return PlainTextResponse("blocked")


async def stream(request: Request) -> Response:
    """Send chunks for ever, or break off after some."""
    chunks = int(request.query_params.get("chunks", "0"))

    async def body() -> AsyncIterator[bytes]:
        sent = 0
        while not chunks or sent < chunks:
            yield b"chunk\n"
            sent += 1
            await asyncio.sleep(0.01)
        msg = "broke off in mid-stream"
        raise RuntimeError(msg)

    return StreamingResponse(body(), media_type="text/plain")


FAULTS: list[BaseRoute] = [
    Route("/faults/none", none),
    Route("/faults/missing/{name}", missing),
    Route("/faults/fail", fail),
    Route("/faults/slow", slow),
    Route("/faults/block", block),
    Route("/faults/stream", stream),
]

IDENTITY = Identity(
    name="sample",
    version="1.2.3",
    title="Sample",
    description="A service for the tests of the runtime.",
    owner="Team Sample",
    defaults={"slo_availability": 0.999, "slo_latency": 0.99, "slo_latency_seconds": 0.25},
)
SERVICE = Service(identity=IDENTITY, routes=FAULTS)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
