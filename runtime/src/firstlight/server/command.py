"""Commands: run with the components they need, log one event, and return an exit status."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, NamedTuple

import structlog
from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode
from pydantic_settings import BaseSettings

from .. import arrangement, failures
from ..component import Command, Component, Surroundings
from ..errors import CommandError, SettingsError, UsageError
from ..exit_status import BAD_USE, FAILED
from ..exports import Flush, exports
from ..identity import Identity
from ..lifecycle import Lifecycle
from ..logs import pipeline, redaction, sink
from ..reporting import sentry
from ..service import Service
from ..settings import Settings, load
from ..settings.complaints import warn
from ..traces.provider import Tracing
from . import hooks, loop
from .children import Children
from .ending import ending, flush, leave
from .ends import Ends
from .signals import on_signals
from .times import FLUSH_SECONDS, LATE_FLUSH_SECONDS, OPEN_SECONDS
from .watchdog import Watchdog

log = structlog.get_logger()
Parts = Sequence[tuple[Component[Any, Any], BaseSettings]]


class Run(NamedTuple):
    """One run of a command: name, arguments, start time, and the components to open."""

    name: str
    arguments: Sequence[str]
    owner: Component[Any, Any]
    parts: Parts
    settings: Settings
    identity: Identity
    tracing: Tracing
    stop: Flush
    """Sends the last spans and lines, within so many seconds."""
    began: float

    @property
    def command(self) -> Command:
        """The command."""
        return self.owner.commands[self.name]

    def ended(self, status: int) -> dict[str, Any]:
        """The fields of the event at its end."""
        seconds = round(time.monotonic() - self.began, 3)
        return {"command": self.name, "duration_seconds": seconds, "exit_status": status}


def run(settings: Settings, service: Service, name: str, arguments: Sequence[str], watchdog: Watchdog) -> int:
    """Run the command of this name. Exit status 0, 1 when it raised or was told to stop, 2 when it raised `UsageError`.

    Raises `SettingsError`.
    """
    began = time.monotonic()
    arrangement.verify(service)
    owner = next(component for component in service.components if name in component.commands)
    parts = [(component, load(component.settings)) for component in _needed(owner, name, service.components)]
    for component, own in parts:
        component.refuse(own, settings)
    identity = service.within(settings).identity
    capture, _ = sentry.start(settings, identity)
    redaction.configure(service.redaction)
    exported = exports(settings, identity, is_command=True)
    pipeline.configure(settings, identity, sink.stdout, report=capture, watch=exported.watch(None))
    warn()
    hooks.install()
    tracing = Tracing(settings, identity, max_bytes=settings.telemetry_bytes // 2)
    running = Run(name, arguments, owner, parts, settings, identity, tracing, exported.with_lines(tracing.stop), began)
    watchdog.grace, watchdog.late = lambda: settings.graceful_seconds, partial(_cut, running)
    with ending():
        status = loop.run(_status(running, watchdog))
        running.stop(FLUSH_SECONDS)
    return leave(status, watchdog)


def _cut(run: Run) -> None:
    log.error("command.failed", reason="it was told to stop, and did not", **run.ended(FAILED))
    run.stop(LATE_FLUSH_SECONDS)
    flush(LATE_FLUSH_SECONDS)


async def _status(run: Run, watchdog: Watchdog) -> int:
    running = asyncio.current_task()
    assert running is not None
    on_signals(running.cancel, watchdog)
    children = Children(Lifecycle(), flush)
    children.watch(())
    watchdog.listen()
    span = run.tracing.provider.get_tracer("firstlight").start_span(f"command {run.name}")  # parent of its calls
    with trace.use_span(span, end_on_exit=True):
        ids = span.get_span_context()
        if ids.is_valid:  # on every line of the command
            structlog.contextvars.bind_contextvars(trace_id=f"{ids.trace_id:032x}", span_id=f"{ids.span_id:016x}")
        status = await _done(run)
        if status:
            span.set_status(Status(StatusCode.ERROR))
        return status


async def _done(run: Run) -> int:
    """Run the command, and log its outcome."""
    try:
        closed = await _run(run)
    except (UsageError, SettingsError) as error:
        log.error("command.failed", reason=str(error), **run.ended(BAD_USE))  # noqa: TRY400 - the sentence says it all
        return BAD_USE
    except BaseException as error:  # every error, and a cancellation, means that it has failed
        if isinstance(error, CommandError) and error.__cause__ is None:
            log.error("command.failed", reason=str(error), **run.ended(FAILED))  # noqa: TRY400 - the sentence says it all
        elif failures.is_survived(error):
            failures.report("command", "command.failed", error, **run.ended(FAILED))
        elif failures.was_told_to_stop():
            log.error("command.failed", reason="it was told to stop", **run.ended(FAILED))  # noqa: TRY400 - no error of its own
        else:
            raise
        return FAILED
    if not closed:
        log.error("command.failed", reason="a component did not close", **run.ended(FAILED))
        return FAILED
    log.info("command.finished", **run.ended(0))
    return 0


async def _run(run: Run) -> bool:
    """Run the command. Returns whether every component has closed within its time limit."""
    resources: dict[str, Any] = {}
    lifecycle, ends = Lifecycle(), Ends()
    given: dict[str, Surroundings[Any]] = {}
    async with AsyncExitStack() as stack:
        for component, own in run.parts:
            given[component.name] = Surroundings(own, run.settings, resources, lifecycle, run.identity)
            manager = component.open(given[component.name])
            async with asyncio.timeout(OPEN_SECONDS):
                resources[component.name] = await manager.__aenter__()
            stack.push_async_exit(partial(ends.close, component.name, manager))
        await run.command.run(given[run.owner.name], run.arguments)
    return not ends.unclosed


def _needed(
    owner: Component[Any, Any], command: str, components: Sequence[Component[Any, Any]]
) -> Sequence[Component[Any, Any]]:
    """The component and what it requires or uses, directly or not, in the order in which they are opened."""
    names = {owner.name}
    if owner.commands[command].with_dependants:
        names.update(component.name for component in components if owner.name in _needs(component))
    for component in reversed(components):
        if component.name in names:
            names.update(_needs(component))
    return [component for component in components if component.name in names]


def _needs(component: Component[Any, Any]) -> Iterator[str]:
    for need in (*component.requires, *component.uses):
        yield from (need,) if isinstance(need, str) else need
