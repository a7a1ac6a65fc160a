"""A service with a component that requires a missing one."""

import sys
from collections.abc import Sequence
from typing import Any

from firstlight import Command, Component, Identity, NoSettings, Process, Service, Surroundings, main, nothing


async def run(_: Surroundings[Any], __: Sequence[str] = ()) -> None:
    """Do nothing."""


WORKER = Component(
    name="worker",
    settings=NoSettings,
    open=nothing,
    requires=["queue"],
    processes={"worker": Process(run, "Work.")},
    commands={"migrate": Command(run, "Migrate.")},
)
SERVICE = Service(identity=Identity(name="sample", version="1"), components=[WORKER])

if __name__ == "__main__":
    sys.exit(main(SERVICE))
