"""A service of streams: some end at the drain and some do not, with different latency objectives."""

import asyncio
import runpy
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import structlog
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from firstlight import Latency, Lifecycle, Operation, Service, main

log = structlog.get_logger()
faults = runpy.run_path(str(Path(__file__).parent.with_name("faults.py")))


async def attentive(request: Request) -> Response:
    """Send an event, and the last one when the drain begins."""

    async def events() -> AsyncIterator[bytes]:
        yield b"data: first\n\n"
        await Lifecycle.of(request).drain_began()
        yield b"data: last\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


async def ignorant(_: Request) -> Response:
    """Send an event, and then nothing, also during the drain."""

    async def events() -> AsyncIterator[bytes]:
        yield b"data: first\n\n"
        await asyncio.Event().wait()

    return StreamingResponse(events(), media_type="text/event-stream")


async def followed(_: Request) -> Response:
    """Send an event, nothing for ever, and log when that has been given up."""

    async def events() -> AsyncIterator[bytes]:
        yield b"data: first\n\n"
        await asyncio.Event().wait()

    return StreamingResponse(events(), background=BackgroundTask(log.info, "stream.followed"))


async def brief(_: Request) -> Response:
    """Send some events."""

    async def events() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"data: event\n\n"
            await asyncio.sleep(0.02)

    return StreamingResponse(events(), media_type="text/event-stream")


FIRST_BYTE = Latency(to_first_byte=True)
SERVICE = Service(
    identity=faults["IDENTITY"],
    routes=[
        Operation(method="GET", path="/attentive", handler=attentive, latency=FIRST_BYTE),
        Operation(method="GET", path="/ignorant/held", handler=ignorant),
        Operation(method="GET", path="/ignorant/first", handler=ignorant, latency=FIRST_BYTE),
        Route("/attentive/free", attentive),
        Route("/ignorant/free", ignorant),
        Route("/followed", followed),
        Route("/brief", brief, methods=["POST"]),
    ],
    latency={"/attentive/free": None, "/ignorant/free": None},
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
