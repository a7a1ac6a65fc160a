"""A service that starts slowly: a component opens at SIGUSR1, is not ready to start, or the server listens late."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

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
    needs: Path | None = None


@asynccontextmanager
async def gate(surroundings: Surroundings[GateSettings]) -> AsyncIterator[Path | None]:
    """Open at SIGUSR1 if the gate is closed, else at once. The resource is the file that the start needs."""
    opened = asyncio.Event()
    if surroundings.settings.closed:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, opened.set)
        log.info("gate.reached", management_port=surroundings.lifecycle.management_port)
        await opened.wait()
    log.info("gate.opened", management_port=surroundings.lifecycle.management_port)
    try:
        yield surroundings.settings.needs
    finally:
        log.info("gate.closed")


async def ready(needs: Path | None) -> None:
    """Raise until the file exists."""
    if needs is not None and not needs.exists():  # noqa: ASYNC240 - it takes no time
        msg = f"{needs.name} is missing, password=hunter2"
        raise FileNotFoundError(msg)


async def answer(_: Request) -> Response:
    """Answer at once."""
    return PlainTextResponse("answer")


async def start_and_wait(lifespan: LifespanOn) -> None:
    """Wait between the end of the start and the moment when the server listens."""
    await START(lifespan)
    await asyncio.sleep(LATE_SECONDS)


START = LifespanOn.startup
SERVICE = Service(
    identity=Identity(name="sample", version="1"),
    components=[Component(name="gate", settings=GateSettings, open=gate, ready_to_start=ready)],
    routes=[Route("/", answer)],
)

if __name__ == "__main__":
    if os.environ.get("LISTENS") == "late":
        setattr(LifespanOn, "startup", start_and_wait)  # noqa: B010 - a method may not be assigned to
    sys.exit(main(SERVICE))
