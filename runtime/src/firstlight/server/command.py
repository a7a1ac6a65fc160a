"""Commands: they run to their end with their component open, log one event, and end with an exit status."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import structlog
import uvloop

from .. import arrangement
from ..component import Component, Surroundings
from ..lifecycle import Lifecycle
from ..logs import pipeline, sink
from ..service import Service
from ..settings import Settings, load
from .ending import ending

log = structlog.get_logger()


def run(settings: Settings, service: Service, name: str, arguments: Sequence[str]) -> int:
    """Run the command of this name. Exit status 0, or 1 when it raised."""
    arrangement.verify(service.components)
    pipeline.configure(settings, service.identity.named(settings.service_name), sink.stdout)
    with ending(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_run(settings, service, name, arguments))
        except Exception:  # whatever it raises, the command failed
            log.exception("command.failed", command=name)
            return 1
        log.info("command.finished", command=name)
        return 0


async def _run(settings: Settings, service: Service, name: str, arguments: Sequence[str]) -> None:
    owner, command = next((c, c.commands[name]) for c in service.components if name in c.commands)
    resources: dict[str, Any] = {}
    lifecycle = Lifecycle()
    async with AsyncExitStack() as stack:
        for component in _needed(owner, service.components):
            surroundings = Surroundings(load(component.settings), settings, resources, lifecycle)
            resources[component.name] = await stack.enter_async_context(component.open(surroundings))
        await command.run(surroundings, arguments)


def _needed(owner: Component[Any, Any], components: Sequence[Component[Any, Any]]) -> Sequence[Component[Any, Any]]:
    """The component and what it requires or uses, directly or not, in the order in which they are opened."""
    names = {owner.name}
    for component in reversed(components):
        if component.name in names:
            needs = (*component.requires, *component.uses)
            names.update(name for need in needs for name in ((need,) if isinstance(need, str) else need))
    return [component for component in components if component.name in names]
