"""The connection on which migrations run: one at a time, and never in the way of traffic for long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import NamedTuple

import structlog
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from .. import failures
from ..addresses import SQLITE
from ..servers import Server
from .revisions import SchemaError

LOCK = 0x66697273746C7467  # the same for all services, because it holds within one database
LOCK_POLL_SECONDS = 0.1

log = structlog.get_logger()


class Limits(NamedTuple):
    """How long a migration waits, in seconds."""

    turn_seconds: float = 60
    """For another migration."""
    table_seconds: float = 5
    """For a table that others use. What comes after it waits as long."""


@asynccontextmanager
async def migrating(server: Server, limits: Limits) -> AsyncIterator[AsyncConnection]:
    """A connection for migrations. On PostgreSQL it holds the lock; on SQLite each of its transactions does.

    Raises `SchemaError` when another migration takes longer than its limit, or the server cannot be reached.
    """
    opened = _sqlite(server, limits) if server.dialect_name == SQLITE else _postgresql(server, limits)
    async with opened as connection:
        yield connection


@asynccontextmanager
async def _sqlite(server: Server, limits: Limits) -> AsyncIterator[AsyncConnection]:
    """An engine of its own: foreign keys are off, because a table is changed by copying and dropping it."""
    own = create_async_engine(
        server.url, poolclass=NullPool, connect_args={"timeout": limits.turn_seconds, "isolation_level": None}
    )
    event.listen(own.sync_engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        async with own.connect() as connection:
            yield connection
    finally:
        await own.dispose()


@asynccontextmanager
async def _postgresql(server: Server, limits: Limits) -> AsyncIterator[AsyncConnection]:
    """An engine of its own: the client of the pool gives up a statement that takes long, as a new index does."""
    connect = partial(server.connect, unlimited=True)
    own = create_async_engine(server.url, poolclass=NullPool, connect_args={"async_creator_fn": connect})
    async with _connected(own) as connection:
        await _take_turn(connection, limits.turn_seconds)
        # A statement that waits for a busy table makes all later ones wait, those that only read included.
        await connection.execute(text(f"SET lock_timeout = {round(limits.table_seconds * 1000)}"))
        await connection.execute(text("SET statement_timeout = 0"))
        await connection.execute(text("SET idle_in_transaction_session_timeout = 0"))
        await connection.commit()
        yield connection  # its end gives the lock back


@asynccontextmanager
async def _connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with AsyncExitStack() as stack:
        try:
            connection = await stack.enter_async_context(engine.connect())
        except Exception as error:
            if not failures.is_unavailable(error):
                raise
            msg = f"the database cannot be reached, or refuses to work: {failures.reason(error)}"
            raise SchemaError(msg) from None
        yield connection


async def _take_turn(connection: AsyncConnection, seconds: float) -> None:
    """Ask again and again: a session that waits in the server would hold up `CREATE INDEX CONCURRENTLY`."""
    try:
        async with asyncio.timeout(seconds):
            waiting = False
            while not await _locked(connection):
                if not waiting:
                    log.info("database.migration_awaited", timeout_seconds=seconds)
                waiting = True
                await asyncio.sleep(LOCK_POLL_SECONDS)
    except TimeoutError:
        msg = f"another migration has been running for more than {seconds:g} s; run this one again after it"
        raise SchemaError(msg) from None


async def _locked(connection: AsyncConnection) -> bool:
    taken = await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK})
    await connection.commit()
    return bool(taken)


def reason(error: BaseException) -> str:
    """Why a migration failed, in one sentence, without parameters and addresses."""
    state = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
    if state == "55P03":  # lock_not_available
        return "a table that it changes was in use for too long; run it again when the table is less busy"
    text = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    if "database is locked" in text:
        return "another process writes to the SQLite file for too long; run it again"
    first = text.strip().partition("\n")[0].removeprefix("<class ").strip()
    return first or type(error).__name__
