"""A service with one of everything that the runtime logs or counts. Tests run it as a real process."""

import asyncio
import os
import runpy
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import column, select, table
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from firstlight import (
    Background,
    Check,
    Command,
    Component,
    NoSettings,
    Objective,
    Operation,
    Process,
    Service,
    Surroundings,
    main,
    slo,
)
from firstlight.components.cache import CACHE, Cached
from firstlight.components.database import DATABASE, Read
from firstlight.components.http_client import HTTP_CLIENT
from firstlight.idempotency import IDEMPOTENCY
from firstlight.rate_limits import Limit, rate_limits
from firstlight.versions import ByHeader, Version

faults = runpy.run_path(str(Path(__file__).with_name("faults.py")))


class Scales:
    """A resource that is not ready at the first call of `ready`."""

    def __init__(self) -> None:
        """`ready` has not been called yet."""
        self._asked = False

    async def ready(self) -> None:
        """Raise at the first call."""
        asked, self._asked = self._asked, True
        if not asked:
            msg = "the scales warm up"
            raise ConnectionError(msg)


@asynccontextmanager
async def open_scales(_: Surroundings[NoSettings]) -> AsyncIterator[Scales]:
    """Yield the resource."""
    yield Scales()


async def succeed(*_: object) -> None:
    """Return at once."""


async def fail(*_: object) -> None:
    """Raise at once."""
    msg = "on demand"
    raise RuntimeError(msg)


async def run_on(_: Surroundings[Any]) -> None:
    """Ignore the drain, and run until cancelled."""
    await asyncio.Event().wait()


async def weigh(surroundings: Surroundings[Any], arguments: Sequence[str]) -> None:
    """Succeed, or fail when the query asks for it."""
    del surroundings
    await (fail() if arguments else succeed())


TABLES: Read[Any] = Read(select(column("name")).select_from(table("sqlite_master", column("name"))))


COUNTS = Cached("counts", type=int)


async def count(request: Request) -> Response:
    """Count the tables of the database, which has none, and keep the number."""

    async def load() -> int:
        return len(await DATABASE.of(request).read(TABLES))

    cache = CACHE.of(request)
    await cache.forget(COUNTS, "tables")
    return PlainTextResponse(str(await cache.read(COUNTS, "tables", load)))


async def call(request: Request) -> Response:
    """Call the dependency, which may be down, and count an event of the team's objective."""
    slo.bad("shipped")
    response = await HTTP_CLIENT.of(request)["scales"].get("/")
    return PlainTextResponse(str(response.status_code))


SCALES = Component(
    name="scales",
    settings=NoSettings,
    open=open_scales,
    ready_to_start=Scales.ready,
    background=[Background("weighing", succeed, 3600.0), Background("calibration", fail)],
    commands={"weigh": Command(weigh, "Weigh once.")},
    processes={"failing": Process(fail, "Fail."), "running": Process(run_on, "Run on.")},
)


async def listen(websocket: WebSocket) -> None:
    """Send one message and close."""
    await websocket.accept()
    await websocket.close()


SERVICE = Service(
    identity=replace(faults["IDENTITY"], supported_until=date(2027, 11, 27)),
    components=[
        rate_limits(Limit(name="by_address", rate="6000/minute")),
        HTTP_CLIENT,
        CACHE,
        DATABASE,
        IDEMPOTENCY,
        SCALES,
    ],
    routes=[
        *faults["FAULTS"],
        Route("/call", call),
        Route("/count", count),
        WebSocketRoute("/listen", listen),
        Operation(method="GET", path="/versioned", handler=faults["none"], version=Version("v1", ByHeader())),
    ],
    objectives=[Objective("shipped", 0.99)],
    checks=[Check("levelled", succeed)],
)

if __name__ == "__main__":
    with TemporaryDirectory() as folder:  # for the database
        os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder}/everything.sqlite3")
        sys.exit(main(SERVICE))
