"""A service whose parts do not end: a request, a worker, a command, a component."""

import asyncio
import os
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from firstlight import Command, Component, Identity, NoSettings, Process, Service, Surroundings

ENDLESS = "with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) from n"
SECONDS = 60.0

log = structlog.get_logger()


async def sleep(_: Request) -> Response:
    """Block the loop in a call that signals interrupt."""
    log.info("loop.blocked")
    time.sleep(SECONDS)  # noqa: ASYNC251 - this is the fault
    return PlainTextResponse("slept")


async def query(_: Request) -> Response:
    """Block the loop in a call that signals do not interrupt, like a resolver."""
    log.info("loop.blocked")
    sqlite3.connect(":memory:").execute(ENDLESS).fetchall()
    return PlainTextResponse("counted")


async def match(_: Request) -> Response:
    """Hold the GIL in a C call, so that no other thread runs."""
    re.fullmatch("(a+)+b", "a" * 60)
    return PlainTextResponse("matched")


async def socket(websocket: WebSocket) -> None:
    """Ignore the drain."""
    await websocket.accept()
    await websocket.send_text("accepted")
    try:
        await websocket.receive_text()
    except WebSocketDisconnect:
        log.info("websocket.ended")
    await asyncio.sleep(SECONDS)


async def work(_: Surroundings[Any]) -> None:
    """Block the loop."""
    log.info("loop.blocked")
    time.sleep(SECONDS)  # noqa: ASYNC251 - this is the fault


async def command(_: Surroundings[Any], __: Sequence[str]) -> None:
    """Block the loop."""
    await work(_)


@asynccontextmanager
async def opened(_: Surroundings[Any]) -> AsyncIterator[None]:
    """Do not close if the environment says so."""
    yield
    while os.environ.get("CLOSES") == "never":
        try:
            await asyncio.sleep(SECONDS)
        except asyncio.CancelledError:
            log.info("close.refused")


SERVICE = Service(
    identity=Identity(name="sample", version="1", management_ports={"web": 9464, "worker": 9465}),
    components=[
        Component(
            name="stuck",
            settings=NoSettings,
            open=opened,
            processes={"worker": Process(work, "Block")},
            commands={"run": Command(command, "Block")},
        )
    ],
    routes=[
        Route("/sleep", sleep),
        Route("/query", query),
        Route("/match", match),
        WebSocketRoute("/socket", socket),
    ],
)
