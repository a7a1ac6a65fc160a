"""What the tests of the database share: a table, reads of it, and a database with it."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from sqlalchemy import Column, Integer, MetaData, String, Table, bindparam, select

from firstlight.component import Surroundings
from firstlight.components.database import Database, DatabaseSettings, Read
from firstlight.components.database.component import open_database
from firstlight.lifecycle import Lifecycle
from firstlight.logs import pipeline
from firstlight.settings import Settings

from ...faults import IDENTITY

METADATA = MetaData()
ACCOUNTS = Table(
    "accounts", METADATA, Column("name", String, primary_key=True), Column("balance", Integer, nullable=False)
)
BALANCE = Read(select(ACCOUNTS.c.balance).where(ACCOUNTS.c.name == bindparam("name")))
SLEEP = "SELECT pg_sleep({seconds})"


@asynccontextmanager
async def opened(url: str, *, create: bool = True, **settings: Any) -> AsyncIterator[Database]:
    """A database with the empty table `accounts`, unless it is not to `create` it."""
    surroundings = Surroundings(DatabaseSettings(url=url, **settings), Settings(), {}, Lifecycle(), IDENTITY)
    async with open_database(surroundings) as database:
        if create:
            async with database.primary.engine.begin() as connection:
                await connection.run_sync(METADATA.create_all)
        yield database


async def balance(database: Database, name: str) -> int | None:
    """The balance of an account, or None without one."""
    row = await database.read_one(BALANCE, name=name)
    return None if row is None else row[0]


class Events(list[dict[str, Any]]):
    """The log lines of this process, as an output of the log pipeline."""

    def write(self, line: bytes) -> None:
        """Keep a line."""
        self.append(json.loads(line))

    def flush(self, timeout: float) -> bool:
        """Nothing waits."""
        del timeout
        return True


@contextmanager
def capture_logs() -> Iterator[Events]:
    """The log lines from now on. structlog's own function misses loggers that another test has used."""
    events = Events()
    pipeline.configure(Settings(), IDENTITY, events)
    yield events
