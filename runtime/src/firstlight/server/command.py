"""Commands: they run to their end with their component open, log one event, and end with an exit status."""

import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, NamedTuple

import structlog
from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode
from pydantic_settings import BaseSettings

from .. import arrangement, failures
from ..component import Command, Component, Surroundings
from ..lifecycle import Lifecycle
from ..logs import pipeline, redaction, sink
from ..reporting import sentry
from ..service import Service
from ..settings import Settings, load
from ..settings.complaints import warn
from ..traces.provider import Tracing
from . import hooks, loop
from .command_stop import Stop
from .ending import FLUSH_SECONDS, ending, flush, leave

FAILED = 1
TOLD_TO_STOP = "it was told to stop"

log = structlog.get_logger()
Parts = Sequence[tuple[Component[Any, Any], BaseSettings]]


class Run(NamedTuple):
    """One run of a command: its name, its arguments, when it began, and what has to be open."""

    name: str
    arguments: Sequence[str]
    parts: Parts
    settings: Settings
    tracing: Tracing
    began: float

    @property
    def command(self) -> Command:
        """What runs."""
        return self.parts[-1][0].commands[self.name]

    def ended(self, status: int) -> dict[str, Any]:
        """The fields of its one event."""
        seconds = round(time.monotonic() - self.began, 3)
        return {"command": self.name, "duration_seconds": seconds, "exit_status": status}


def run(settings: Settings, service: Service, name: str, arguments: Sequence[str]) -> int:
    """Run the command of this name. Exit status 0, or 1 when it raised or was told to stop. Raises `SettingsError`."""
    began = time.monotonic()
    arrangement.verify(service)
    owner = next(component for component in service.components if name in component.commands)
    parts = [(component, load(component.settings)) for component in _needed(owner, service.components)]
    identity = service.within(settings).identity
    stop = Stop(settings.graceful_seconds)  # from here on there is an event for it
    capture, _ = sentry.start(settings, identity)
    redaction.configure(service.redaction)
    pipeline.configure(settings, identity, sink.stdout, report=capture)
    warn()
    hooks.install()
    tracing = Tracing(settings, identity, max_bytes=settings.telemetry_bytes // 2)
    with ending():
        status = loop.run(_status(Run(name, arguments, parts, settings, tracing, began), stop))
        tracing.stop(FLUSH_SECONDS)
    return leave(status)


async def _status(run: Run, stop: Stop) -> int:
    task = asyncio.current_task()
    assert task is not None
    span = run.tracing.provider.get_tracer("firstlight").start_span(f"command {run.name}")  # of all that it calls
    with trace.use_span(span, end_on_exit=True):
        ids = span.get_span_context()
        if ids.is_valid:  # on every line of the command
            structlog.contextvars.bind_contextvars(trace_id=f"{ids.trace_id:032x}", span_id=f"{ids.span_id:016x}")
        stop.cancels(task, partial(_give_up, run))
        try:
            await _run(run)
        except BaseException as error:  # whatever it raises, and a command cut short, did not do its work
            stop.ended()
            if not (failures.is_survived(error) or failures.was_told_to_stop()):
                raise
            span.set_status(Status(StatusCode.ERROR))
            _failed(run, error)
            return FAILED
        stop.ended()
        log.info("command.finished", **run.ended(0))
        return 0


def _give_up(run: Run, seconds: float) -> None:
    """It neither ended nor let the loop cancel it: nothing else can end the process."""
    log.error("command.failed", reason=f"{TOLD_TO_STOP}, and did not within {seconds:g} s", **run.ended(FAILED))
    run.tracing.stop(FLUSH_SECONDS)
    flush()
    os._exit(FAILED)


def _failed(run: Run, error: BaseException) -> None:
    if failures.is_survived(error):
        failures.report("command", "command.failed", error, **run.ended(FAILED))
    else:
        log.error("command.failed", reason=TOLD_TO_STOP, **run.ended(FAILED))


async def _run(run: Run) -> None:
    resources: dict[str, Any] = {}
    lifecycle = Lifecycle()
    async with AsyncExitStack() as stack:
        for component, own in run.parts:
            surroundings = Surroundings(own, run.settings, resources, lifecycle)
            resources[component.name] = await stack.enter_async_context(component.open(surroundings))
        await run.command.run(surroundings, run.arguments)


def _needed(owner: Component[Any, Any], components: Sequence[Component[Any, Any]]) -> Sequence[Component[Any, Any]]:
    """The component and what it requires or uses, directly or not, in the order in which they are opened."""
    names = {owner.name}
    for component in reversed(components):
        if component.name in names:
            needs = (*component.requires, *component.uses)
            names.update(name for need in needs for name in ((need,) if isinstance(need, str) else need))
    return [component for component in components if component.name in names]
