"""A service with a worker, a command and background tasks, which do what their settings say."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

import structlog
from opentelemetry import trace
from pydantic_settings import BaseSettings

from firstlight import (
    Background,
    Command,
    Component,
    Identity,
    NoSettings,
    Process,
    Service,
    Surroundings,
    main,
)

FOREVER = 600.0

log = structlog.get_logger()


class JobSettings(BaseSettings):
    """`JOBS_*`: the behaviour of the worker and the command."""

    model_config = {"env_prefix": "jobs_"}

    work: Literal["wait", "finish", "fail", "hang", "refuse", "stay", "thread"] = "wait"
    command: Literal["add", "hang", "block"] = "add"
    ready: bool = True
    opens: bool = True
    closes: bool = True


@asynccontextmanager
async def log_lifetime(surroundings: Surroundings[Any]) -> AsyncIterator[None]:
    """Log the opening, with its arguments, and the closing."""
    log.info("opened", with_=sorted(surroundings.resources))
    try:
        yield
    finally:
        await asyncio.sleep(0)
        log.info("closed", with_=sorted(surroundings.resources))


@asynccontextmanager
async def open_jobs(surroundings: Surroundings[JobSettings]) -> AsyncIterator[JobSettings]:
    """Fail if the settings say so."""
    if not surroundings.settings.opens:
        msg = "no queue, password=hunter2"
        raise ConnectionError(msg)
    async with log_lifetime(surroundings):
        yield surroundings.settings
    if not surroundings.settings.closes:
        msg = "queue is gone, password=hunter2"
        raise ConnectionError(msg)


async def work(surroundings: Surroundings[Any]) -> None:
    """Behave as the settings say. The line has the port, because no server logs it."""
    behaviour = JOBS.of(surroundings).work
    log.info("work.began", management_port=surroundings.lifecycle.management_port, work=behaviour)
    if behaviour == "fail":
        msg = "on demand, password=hunter2"
        raise RuntimeError(msg)
    if behaviour == "finish":
        return
    if behaviour == "thread":
        await asyncio.to_thread(time.sleep, FOREVER)
    await surroundings.lifecycle.drain_began()
    log.info("work.told")
    try:
        await asyncio.sleep(0.3 if behaviour == "wait" else FOREVER)
    except asyncio.CancelledError:
        if behaviour == "hang":
            raise
        await asyncio.sleep(0.3 if behaviour == "refuse" else FOREVER)
    log.info("work.done")


async def add(surroundings: Surroundings[JobSettings], arguments: Sequence[str]) -> None:
    """Log the sum of the arguments."""
    log.info("added", total=sum(map(int, arguments)), open=sorted(surroundings.resources))
    with trace.get_tracer("jobs").start_as_current_span("write the sum"):
        if surroundings.settings.command == "hang":
            await asyncio.sleep(FOREVER)
        if surroundings.settings.command == "block":
            time.sleep(FOREVER)  # noqa: ASYNC251 - as a driver that knows no coroutines does


JOBS = Component(
    name="jobs",
    settings=JobSettings,
    open=open_jobs,
    requires=["db"],
    uses=[("cache", "store")],
    processes={"worker": Process(work, "Wait for jobs")},
    commands={"add": Command(add, "Add numbers")},
)


async def tick(_: Surroundings[Any]) -> None:
    """Log that background work runs in this process."""
    log.info("ticked")


SERVICE = Service(
    identity=Identity(
        name="sample", version="1", management_ports={"web": 9464, "worker": int(os.environ.get("WORKER_PORT", "9465"))}
    ),
    components=[
        *(Component(name=name, settings=NoSettings, open=log_lifetime) for name in ("db", "other")),
        Component(name="cache", settings=NoSettings, open=log_lifetime, requires=["db"]),
        JOBS,
        Component(name="last", settings=NoSettings, open=log_lifetime),
    ],
    background=[Background("tick", tick, processes=("web", "worker"))],
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
