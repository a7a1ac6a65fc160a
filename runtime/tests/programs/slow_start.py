"""A service that starts late: a component that opens at SIGUSR1, or a server that listens late."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from pydantic_settings import BaseSettings
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from uvicorn.lifespan.on import LifespanOn

from firstlight import Component, Identity, Service, Surroundings, main

LATE_SECONDS = 0.5

log = structlog.get_logger()


class GateSettings(BaseSettings):
    """`GATE_*`."""

    model_config = {"env_prefix": "gate_"}

    closed: bool = False


@asynccontextmanager
async def gate(surroundings: Surroundings[GateSettings]) -> AsyncIterator[None]:
    """Open at SIGUSR1 where the gate is closed, otherwise at once."""
    opened = asyncio.Event()
    if surroundings.settings.closed:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, opened.set)
        log.info("gate.reached", management_port=surroundings.lifecycle.management_port)
        await opened.wait()
    yield


async def answer(_: Request) -> Response:
    """Answer at once."""
    return PlainTextResponse("answer")


async def start_and_wait(lifespan: LifespanOn) -> None:
    """Leave time between the end of the start and the first moment the server listens."""
    await START(lifespan)
    await asyncio.sleep(LATE_SECONDS)


START = LifespanOn.startup
SERVICE = Service(
    identity=Identity(name="sample", version="1"),
    components=[Component(name="gate", settings=GateSettings, open=gate)],
    routes=[Route("/", answer)],
)

if __name__ == "__main__":
    if os.environ.get("LISTENS") == "late":
        setattr(LifespanOn, "startup", start_and_wait)  # noqa: B010 - a method may not be assigned to
    sys.exit(main(SERVICE))
