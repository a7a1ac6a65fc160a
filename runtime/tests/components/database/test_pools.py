"""Reads take idle connections straight from the pool: nothing else may close them, and no bad one comes back."""

import asyncio

import pytest
from sqlalchemy import func, select

from firstlight.components.database import DatabaseUnavailableError, Read

from .databases import balance, opened

PID = Read(select(func.pg_backend_pid().label("pid")))
LONG = Read(select(func.pg_sleep(0.3).label("slept"), func.pg_backend_pid().label("pid")))
FOREVER = Read(select(func.pg_sleep(60).label("slept")))

pytestmark = pytest.mark.anyio


async def test_a_read_keeps_its_connection_when_the_others_are_replaced(postgresql_url: str) -> None:
    """The connection of a read that runs is not idle, although no proxy of the pool stands for it."""
    async with opened(postgresql_url) as database:
        (first,) = await database.read(PID)
        reading = asyncio.create_task(database.read_one(LONG))
        await asyncio.sleep(0)  # until the read has taken the connection

        await database.primary.renew()

        row = await reading
        assert row is not None
        assert row.pid == first.pid
        assert (await database.read(PID))[0].pid != first.pid


async def test_the_connection_of_a_failed_read_is_not_used_again(postgresql_url: str) -> None:
    """Its state is unknown. The pool has as many connections as before."""
    async with opened(postgresql_url, pool_size=1, statement_seconds=0.1) as database:
        (first,) = await database.read(PID)

        with pytest.raises(DatabaseUnavailableError):
            await database.read(FOREVER)

        assert (await database.read(PID))[0].pid != first.pid
        assert database.primary.pool.checkedout() == 0


async def test_a_cancelled_read_gives_its_connection_back(postgresql_url: str) -> None:
    """And the statement ends on the server."""
    async with opened(postgresql_url, pool_size=1) as database:
        await database.read(PID)
        reading = asyncio.create_task(database.read(FOREVER))
        await asyncio.sleep(0.05)
        reading.cancel()

        with pytest.raises(asyncio.CancelledError):
            await reading

        assert await balance(database, "nobody") is None
        assert database.primary.pool.checkedout() == 0


async def test_used_connections_are_counted(postgresql_url: str) -> None:
    """Those of reads as well: the alert on a full pool depends on it."""
    async with opened(postgresql_url) as database:
        await database.read(PID)
        reading = asyncio.create_task(database.read(LONG))
        await asyncio.sleep(0)

        assert database.primary.pool.checkedout() == 1
        await reading
        assert database.primary.pool.checkedout() == 0
