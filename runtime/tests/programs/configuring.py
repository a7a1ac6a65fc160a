"""A command with libraries that configure logging, when they are imported and while it runs."""

import logging
import logging.config
import os
import sys
from collections.abc import Sequence
from typing import Any

import structlog

from firstlight import Command, Component, Identity, NoSettings, Service, Surroundings, main, nothing

LIBRARY = logging.getLogger("configuring.library")
log = structlog.get_logger()


def configure() -> None:
    """Use every configuration that silences or duplicates lines."""
    logging.config.dictConfig({"version": 1})
    logging.basicConfig(force=True, level=logging.CRITICAL)
    logging.disable(logging.CRITICAL)


async def speak(_: Surroundings[Any], __: Sequence[str]) -> None:
    """Log through both libraries, before and after."""
    for _step in range(2):
        LIBRARY.info("library.called")
        log.info("own.called")
        configure()


SPEAKER = Component(
    name="speaker", settings=NoSettings, open=nothing, commands={"speak": Command(speak, "Log in both ways")}
)
SERVICE = Service(identity=Identity(name="sample", version="1"), components=[SPEAKER])

if __name__ == "__main__":
    configure()
    os.environ["LOG_FORMAT"] = "json"
    sys.exit(main(SERVICE, ["speak"]))
