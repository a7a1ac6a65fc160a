"""Other kinds of process: the same two planes, without a service port. SIGTERM drains them as well."""

import asyncio
import signal

import structlog
import uvloop

from ..app import create_app
from ..component import Process, Surroundings
from ..service import Service
from ..settings import Settings
from .ending import ending
from .lifespan import Lifespan

log = structlog.get_logger()


def run(settings: Settings, service: Service, name: str, process: Process) -> int:
    """Run a process of this name until it ends or is told to stop. Exit status 0, or 1 when it failed or was cut."""
    lifespan = create_app(settings, service, process=name, served=True).lifespan
    with ending(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_live(lifespan, name, process))


async def _live(lifespan: Lifespan, name: str, process: Process) -> int:
    loop = asyncio.get_running_loop()
    starting = asyncio.current_task()
    assert starting is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, starting.cancel)  # until it has started there is nothing to drain
    try:
        async with lifespan() as resources:
            settings, lifecycle = lifespan.settings, lifespan.lifecycle
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, _drain, lifespan)
            work = asyncio.ensure_future(process.run(Surroundings(settings, settings, resources, lifecycle)))
            lifespan.announce()
            return await _ended(work, lifespan, name)
    except asyncio.CancelledError:
        return 0


def _drain(lifespan: Lifespan) -> None:
    if not lifespan.lifecycle.draining:
        log.info("service.drain_started", drain_seconds=0)
        lifespan.lifecycle.begin_drain()


async def _ended(work: "asyncio.Future[object]", lifespan: Lifespan, name: str) -> int:
    """Wait for the end of the work: for as long as it likes before the drain, for `GRACEFUL_SECONDS` after."""
    drain = asyncio.ensure_future(lifespan.lifecycle.drain_began())
    await asyncio.wait((work, drain), return_when=asyncio.FIRST_COMPLETED)
    drain.cancel()
    done, _ = await asyncio.wait((work,), timeout=lifespan.settings.graceful_seconds)
    if not done:
        log.error("process.cut", process=name, graceful_seconds=lifespan.settings.graceful_seconds)
        work.cancel()
    (result,) = await asyncio.gather(work, return_exceptions=True)
    if isinstance(result, Exception):
        log.error("process.failed", process=name, exc_info=result)
        lifespan.capture(result)
    log.info("service.drain_finished")
    return 1 if isinstance(result, BaseException) else 0
