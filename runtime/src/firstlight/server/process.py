"""Other kinds of process than web: they have a management port and no service port. SIGTERM starts their drain."""

import asyncio

import structlog

from .. import failures
from ..component import Process
from ..exit_status import FAILED, FAILED_START
from ..service import Service
from ..settings import Settings
from . import loop
from .creation import created
from .ending import ending, leave
from .lifespan import Lifespan
from .port import bind_management
from .signals import on_signals
from .watchdog import Watchdog

CANCEL_SECONDS = 2.0  # cancelled work may take so long to clean up

log = structlog.get_logger()


def run(settings: Settings, service: Service, name: str, process: Process, watchdog: Watchdog) -> int:
    """Run a process of this name until it ends or is told to stop.

    Exit status 0, 1 when it failed or was cut, 3 when it could not start. Raises `SettingsError` before it starts.
    """
    bind_management(settings).close()  # a port in use is a bad setting
    settings = settings.model_copy(update={"port": 0})  # it has no service port
    with ending():
        lifespan = created(settings, service, name).lifespan
        watchdog.grace, watchdog.late = lifespan.grace, lifespan.stop.late
        status = loop.run(_live(lifespan, name, process, watchdog))
    return leave(status or lifespan.stop.status, watchdog)


async def _live(lifespan: Lifespan, name: str, process: Process, watchdog: Watchdog) -> int:
    starting = asyncio.current_task()
    assert starting is not None
    on_signals(starting.cancel, watchdog)  # until it has started there is nothing to drain
    watchdog.listen()
    started = False
    try:
        async with lifespan() as resources:
            started = True
            settings = lifespan.settings
            on_signals(lambda: _drain(lifespan), watchdog)
            work = asyncio.ensure_future(process.run(lifespan.surroundings(settings, resources)))
            lifespan.announce()
            return await _ended(work, lifespan, name)
    except BaseException as error:
        if failures.was_told_to_stop():
            return 0  # nothing to drain yet
        if not failures.is_survived(error):
            raise
        if started:  # before, the lifespan has reported it
            failures.report("process", "process.failed", error, process=name)
        return FAILED if started else FAILED_START


def _drain(lifespan: Lifespan) -> None:
    if not lifespan.lifecycle.draining:
        log.info("service.drain_started", drain_seconds=0)
        lifespan.lifecycle.begin_drain()


async def _ended(work: "asyncio.Future[object]", lifespan: Lifespan, name: str) -> int:
    """Wait for the end of the work: without a limit before the drain, `GRACEFUL_SECONDS` after its begin."""
    drain = asyncio.ensure_future(lifespan.lifecycle.drain_began())
    await asyncio.wait((work, drain), return_when=asyncio.FIRST_COMPLETED)
    drain.cancel()
    seconds = lifespan.settings.graceful_seconds
    done, _ = await asyncio.wait((work,), timeout=seconds)
    if not done:
        lifespan.lifecycle.cut.append(f"process {name}")
        log.error("process.cut", process=name, graceful_seconds=seconds)
        work.cancel()
        await asyncio.wait((work,), timeout=CANCEL_SECONDS)
    failure = _failure(work)
    cut_as_told = not done and isinstance(failure, asyncio.CancelledError)
    if failure is not None and not cut_as_told:
        failures.report("process", "process.failed", failure, process=name)
    if lifespan.lifecycle.draining:
        log.info("service.drain_finished")
    return FAILED if failure is not None or not done else 0


def _failure(work: "asyncio.Future[object]") -> BaseException | None:
    """The error of the work, or None if it succeeded or has ignored its cancellation."""
    try:
        return work.exception() if work.done() else None
    except asyncio.CancelledError as error:
        return error
