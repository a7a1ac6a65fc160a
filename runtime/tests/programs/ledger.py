"""A service with one table: it writes entries in transactions, reads them, and holds connections when it is told to.

A request with the header `Killed-When: executed` kills the process before the commit, one with `Killed-When: committed`
between the commit and the response.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace

from pydantic import BaseModel
from sqlalchemy import Column, Integer, MetaData, String, Table, bindparam, func, insert, select, update
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firstlight import Check, Component, Identity, Layer, NoSettings, Operation, Service, main, nothing
from firstlight.components.database import DATABASE, Database, Read
from firstlight.components.database.idempotency import IDEMPOTENCY, idempotency_table
from firstlight.problems import NotFoundError

METADATA = MetaData()
ENTRIES = Table(
    "entries",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("name", String, nullable=False, index=True),
    Column("amount", Integer, nullable=False),
)
idempotency_table(METADATA)
BY_NAME = Read(
    select(func.count(ENTRIES.c.number).label("times"), func.sum(ENTRIES.c.amount).label("amount")).where(
        ENTRIES.c.name == bindparam("name")
    )
)
RELEASED = asyncio.Event()
KILLED_WHEN = "killed-when"
CHECK_SECONDS = 0.1  # between two runs of the check, so that tests do not wait for it


class Entry(BaseModel):
    """One row."""

    name: str
    amount: int = 1


class Move(BaseModel):
    """What is moved from one entry to another."""

    source: str
    target: str


async def write(request: Request, body: Entry) -> Response:
    """Insert a row."""
    async with DATABASE.of(request).transaction() as session:
        values = {"name": body.name, "amount": body.amount}
        number = await session.scalar(insert(ENTRIES).values(values).returning(ENTRIES.c.number))
    if request.headers.get(KILLED_WHEN) == "executed":
        os.kill(os.getpid(), signal.SIGKILL)
    return JSONResponse({"number": number, **values}, 201)


async def read(request: Request) -> Response:
    """How many rows have the name, and their sum."""
    row = await DATABASE.of(request).read_one(BY_NAME, name=request.path_params["name"])
    if row is None or not row.times:
        raise NotFoundError
    return JSONResponse({"times": row.times, "amount": row.amount})


async def move(request: Request, body: Move) -> Response:
    """Change two rows, one after the other: two such requests may wait for each other."""
    async with DATABASE.of(request).transaction() as session:
        for name, change in ((body.source, -1), (body.target, 1)):
            await session.execute(
                update(ENTRIES).where(ENTRIES.c.name == name).values(amount=ENTRIES.c.amount + change)
            )
    return Response(status_code=204)


async def hold(request: Request) -> Response:
    """Keep a connection until `release`."""
    async with DATABASE.of(request).transaction() as session:
        await session.execute(select(1))
        await RELEASED.wait()
    return Response(status_code=204)


async def release(_: Request) -> Response:
    """Let every `hold` end."""
    RELEASED.set()
    return Response(status_code=204)


def killed(app: ASGIApp, _: Operation | None) -> ASGIApp:
    """Kill the process when the response has left the middleware that commits."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if (KILLED_WHEN.encode(), b"committed") in scope["headers"]:
                os.kill(os.getpid(), signal.SIGKILL)
            await send(message)

        await app(scope, receive, sent)

    return wrapped


def checks(database: Database) -> Sequence[Check]:
    """The checks of the component, run more often."""
    return [replace(check, interval_seconds=CHECK_SECONDS) for check in DATABASE.checks(database)]


SERVICE = Service(
    identity=Identity(name="ledger", version="1"),
    components=[
        replace(DATABASE, checks=checks),
        IDEMPOTENCY,
        Component(name="killed", settings=NoSettings, open=nothing, middleware={Layer.AUTHENTICATE: killed}),
    ],
    routes=[
        Operation(method="POST", path="/entries", handler=write, body=Entry, answers={201: None}, idempotent=True),
        Operation(method="GET", path="/entries/{name}", handler=read),
        Operation(method="POST", path="/moves", handler=move, body=Move, answers={204: None}),
        Operation(method="POST", path="/hold", handler=hold, answers={204: None}),
        Operation(method="POST", path="/release", handler=release, answers={204: None}),
    ],
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
