"""The service with more that can go wrong than `tests/faults.py` offers, and a component that opens when told to."""

import asyncio
import os
import runpy
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from pydantic_settings import BaseSettings
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from uvicorn.lifespan.on import LifespanOn

from firstlight import api
from firstlight import app
from firstlight import components
from firstlight.command_line import main
from firstlight.component import Component
from firstlight.management.health import Check
from firstlight.context import current_request

log = structlog.get_logger()


async def bind(request: Request) -> Response:
    """Bind a field for the rest of this request, as a handler may, and say what was bound before."""
    await asyncio.sleep(0)
    log.info("room.entered", room=request.query_params["room"])
    structlog.contextvars.bind_contextvars(guest=request.query_params["room"])
    log.info("room.left", room=request.query_params["room"])
    ids = current_request()
    return PlainTextResponse(ids.request_id if ids else "")


async def say(request: Request) -> Response:
    """Write many lines at once."""
    for number in range(int(request.query_params["lines"])):
        log.info("room.said", number=number)
    return PlainTextResponse("said")


async def linger(_: Request) -> Response:
    """Stay, and take leave properly when sent away, as what closes a transaction does."""
    try:
        await asyncio.sleep(600)
    finally:
        await asyncio.sleep(0.1)
    return PlainTextResponse("lingered")


def wait(request: Request) -> Response:
    """Keep a thread of the pool, which nobody can cancel."""
    time.sleep(float(request.query_params["seconds"]))
    return PlainTextResponse("waited")


async def reveal(_: Request) -> Response:
    """Raise with secrets in the message, in a cause and in a local variable, and with what clears a terminal."""
    password = "correct-horse"  # noqa: S105, F841 - only a careless traceback shows it
    cause = ConnectionError("cannot reach postgresql://app:battery-staple@db.example/app")
    msg = "no answer to Authorization: Bearer c3RhcGxlLWJhdHRlcnk.x, client_secret='zebra-paper', \x1b[2Jgone"
    raise RuntimeError(msg) from cause


@asynccontextmanager
async def opening(_: BaseSettings) -> AsyncIterator[None]:
    """Open at SIGUSR1 where the door is closed, otherwise at once."""
    opened = asyncio.Event()
    if os.environ.get("DOOR") == "closed":
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, opened.set)
        log.info("door.reached")
        await opened.wait()
    yield


def no_checks(_: None) -> Sequence[Check]:
    """It cannot be unwell."""
    return ()


async def listen_late(lifespan: LifespanOn) -> None:
    """Leave time between the end of the start and the first moment the server listens."""
    await START(lifespan)
    await asyncio.sleep(0.5)


START = LifespanOn.startup
FAULTS = runpy.run_path(str(Path(__file__).parents[1] / "faults.py"))["FAULTS"]
ROOMS = [
    Route("/rooms/bind", bind),
    Route("/rooms/say", say),
    Route("/rooms/linger", linger),
    Route("/rooms/wait", wait),
    Route("/rooms/reveal", reveal),
]

if __name__ == "__main__":
    ordinary = api.routes
    api.routes = lambda: [*ordinary(), *FAULTS, *ROOMS]
    vars(app)["COMPONENTS"] = (*components.COMPONENTS, Component("door", BaseSettings, opening, no_checks))
    if os.environ.get("LISTENS") == "late":
        setattr(LifespanOn, "startup", listen_late)  # noqa: B010 - a method may not be assigned to
    sys.exit(main())
