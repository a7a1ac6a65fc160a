"""Commands: they run to their end with their component open, log one event, and end with an exit status."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import structlog
from pydantic_settings import BaseSettings

from .. import arrangement, failures
from ..component import Command, Component, Surroundings
from ..lifecycle import Lifecycle
from ..logs import pipeline, redaction, sink
from ..reporting import sentry
from ..service import Service
from ..settings import Settings, load
from ..settings.complaints import warn
from . import hooks, loop
from .children import Children
from .ending import ending, flush, leave
from .ends import Ends
from .signals import on_signals
from .times import LATE_FLUSH_SECONDS, OPEN_SECONDS
from .watchdog import Watchdog

FAILED = 1

log = structlog.get_logger()
Parts = Sequence[tuple[Component[Any, Any], BaseSettings]]


def run(settings: Settings, service: Service, name: str, arguments: Sequence[str], watchdog: Watchdog) -> int:
    """Run the command of this name. Exit status 0, or 1 when it raised or was told to stop. Raises `SettingsError`."""
    arrangement.verify(service)
    owner = next(component for component in service.components if name in component.commands)
    parts = [(component, load(component.settings)) for component in _needed(owner, service.components)]
    identity = service.within(settings).identity
    capture, _ = sentry.start(settings, identity)
    redaction.configure(service.redaction)
    pipeline.configure(settings, identity, sink.stdout, report=capture)
    warn()
    hooks.install()
    watchdog.grace, watchdog.late = lambda: settings.graceful_seconds, partial(_cut, name)
    with ending():
        status = loop.run(_status(settings, parts, name, arguments, watchdog))
    return leave(status, watchdog)


def _cut(name: str) -> None:
    log.error("command.failed", command=name, reason="it was told to stop, and did not")
    flush(LATE_FLUSH_SECONDS)


async def _status(settings: Settings, parts: Parts, name: str, arguments: Sequence[str], watchdog: Watchdog) -> int:
    running = asyncio.current_task()
    assert running is not None
    on_signals(running.cancel, watchdog)
    children = Children(Lifecycle(), flush)
    children.watch(())
    watchdog.listen()
    try:
        closed = await _run(settings, parts, parts[-1][0].commands[name], arguments)
    except BaseException as error:  # whatever it raises, and a command cut short, did not do its work
        if failures.is_survived(error):
            failures.report("command", "command.failed", error, command=name)
        elif failures.was_told_to_stop():
            log.error("command.failed", command=name, reason="it was told to stop")  # noqa: TRY400 - no error of its own
        else:
            raise
        return FAILED
    if not closed:
        log.error("command.failed", command=name, reason="a component did not close")
        return FAILED
    log.info("command.finished", command=name)
    return 0


async def _run(settings: Settings, parts: Parts, command: Command, arguments: Sequence[str]) -> bool:
    """Run it. Returns whether each component has closed, in its time."""
    resources: dict[str, Any] = {}
    lifecycle, ends = Lifecycle(), Ends()
    async with AsyncExitStack() as stack:
        for component, own in parts:
            surroundings = Surroundings(own, settings, resources, lifecycle)
            manager = component.open(surroundings)
            async with asyncio.timeout(OPEN_SECONDS):
                resources[component.name] = await manager.__aenter__()
            stack.push_async_exit(partial(ends.close, component.name, manager))
        await command.run(surroundings, arguments)
    return not ends.unclosed


def _needed(owner: Component[Any, Any], components: Sequence[Component[Any, Any]]) -> Sequence[Component[Any, Any]]:
    """The component and what it requires or uses, directly or not, in the order in which they are opened."""
    names = {owner.name}
    for component in reversed(components):
        if component.name in names:
            needs = (*component.requires, *component.uses)
            names.update(name for need in needs for name in ((need,) if isinstance(need, str) else need))
    return [component for component in components if component.name in names]
