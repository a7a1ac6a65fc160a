"""A queue of tasks in a directory: requests put them there, a worker process takes them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import Counter
from pydantic_settings import BaseSettings, SettingsConfigDict
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..component import Background, Command, Component, Layer, Process, Surroundings
from ..management.check import Check
from ..metrics.instruments import REGISTRY
from ..operations.operation import Operation

POLL_SECONDS = 0.02
DONE = Counter("tasks_done", "Tasks that a worker has done.", registry=REGISTRY)

log = structlog.get_logger()


class TasksSettings(BaseSettings):
    """`TASKS_*`."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="tasks_", env_ignore_empty=True)

    directory: Path = Path("/var/tmp")  # noqa: S108 - made up: it is there, so that tests of a service can start
    server: str = ""


class Queue:
    """Tasks in the order of their names."""

    def __init__(self, directory: Path) -> None:
        """Keep them in `directory`."""
        self.directory = directory

    def put(self, name: str) -> None:
        """Add a task."""
        (self.directory / f"{name}.task").touch()

    def take(self) -> str | None:
        """Remove and return a task; None where there is none."""
        for path in sorted(self.directory.glob("*.task")):
            path.unlink()
            return path.stem
        return None


@asynccontextmanager
async def open_queue(surroundings: Surroundings[TasksSettings]) -> AsyncIterator[Queue]:
    """The queue."""
    yield Queue(surroundings.settings.directory)


async def prepare(surroundings: Surroundings[Any], arguments: Sequence[str]) -> None:
    """Make the directory."""
    directory = TASKS.of(surroundings).directory
    directory.mkdir(parents=True)
    log.info("tasks.prepared", arguments=list(arguments))


async def work(surroundings: Surroundings[Any]) -> None:
    """Do tasks until the drain has begun and none is left."""
    queue = TASKS.of(surroundings)
    while True:
        name = queue.take()
        if name is not None:
            await asyncio.sleep(float(name.partition("-")[2] or 0))
            DONE.inc()
            log.info("tasks.done", task=name)
            if "events" in surroundings.resources:
                surroundings.resources["events"].publish(name)
        elif surroundings.lifecycle.draining:
            return
        else:
            await asyncio.sleep(POLL_SECONDS)


async def sweep(surroundings: Surroundings[Any]) -> None:
    """Say how long the queue is."""
    log.info("tasks.counted", waiting=len(list(TASKS.of(surroundings).directory.glob("*.task"))))


async def put(request: Request) -> Response:
    """Put a task into the queue."""
    TASKS.of(request).put(request.path_params["name"])
    return JSONResponse({}, 202)


def named(app: ASGIApp, operation: Operation | None) -> ASGIApp:
    """Name the operation in a header of the answer."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                name = operation.name if operation else ""
                message = {**message, "headers": [*message["headers"], (b"x-operation", name.encode())]}
            await send(message)

        await app(scope, receive, answer)

    return wrapped


async def _is_there(queue: Queue) -> None:
    if not queue.directory.is_dir():
        msg = f"there is no {queue.directory}; run the command prepare"
        raise FileNotFoundError(msg)


TASKS = Component(
    name="tasks",
    settings=TasksSettings,
    open=open_queue,
    uses=("events",),
    checks=lambda queue: [Check("tasks.directory", partial(_is_there, queue))],
    ready_to_start=_is_there,
    routes=(Operation(method="POST", path="/tasks/{name}", handler=put, answers={202: None}),),
    middleware={Layer.CACHE: named},
    background=(Background("tasks.sweep", sweep, every_seconds=60),),
    commands={"prepare": Command(prepare, "make the directory")},
    processes={"worker": Process(work, "do the tasks")},
)
