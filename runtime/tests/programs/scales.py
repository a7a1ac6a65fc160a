"""A service with a component that fails when it opens, or stops the process when it closes."""

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import structlog
from pydantic_settings import BaseSettings

from firstlight import Component, Identity, Service, Surroundings, main

log = structlog.get_logger()


class ScalesSettings(BaseSettings):
    """`SCALES_*`."""

    model_config = {"env_prefix": "scales_"}

    fault: Literal["none", "opening", "closing"] = "none"


@asynccontextmanager
async def scales(surroundings: Surroundings[ScalesSettings]) -> AsyncIterator[None]:
    """Fail as the settings say."""
    if surroundings.settings.fault == "opening":
        msg = "no scales, password=hunter2"
        raise ConnectionError(msg)
    yield
    if surroundings.settings.fault == "closing":
        os.kill(os.getpid(), signal.SIGTERM)
    log.info("scales.closed")


SERVICE = Service(
    identity=Identity(name="sample", version="1"),
    components=[Component(name="scales", settings=ScalesSettings, open=scales)],
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
