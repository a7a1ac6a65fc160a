"""What the tests of write-behind share: parcels that are counted, in the database or in Redis."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import SecretStr
from sqlalchemy import Column, Integer, MetaData, String, Table, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from firstlight.components.cache import RedisServer
from firstlight.components.cache.write_behind import Command
from firstlight.components.cache.write_behind.codec import Codec
from firstlight.components.cache.write_behind.database_queue import DatabaseQueue
from firstlight.components.cache.write_behind.queue import Queue
from firstlight.components.cache.write_behind.stream import RedisQueue
from firstlight.components.cache.write_behind.tables import write_behind_table
from firstlight.components.database import Database, DatabaseSettings
from firstlight.components.database.servers import Server

METADATA = MetaData()
write_behind_table(METADATA)
PARCELS = Table(
    "parcels", METADATA, Column("name", String, primary_key=True), Column("weight", Integer, nullable=False)
)


@dataclass(frozen=True)
class Parcel:
    """A write. One of no weight cannot take effect."""

    name: str
    weight: int = 1


async def keep(session: AsyncSession, parcels: Sequence[Parcel]) -> None:
    """Insert rows. Raises `ValueError` for a parcel without weight, `IntegrityError` for a name that is there."""
    for parcel in parcels:
        if not parcel.weight:
            msg = f"{parcel.name} has no weight"
            raise ValueError(msg)
    await session.execute(insert(PARCELS), [{"name": each.name, "weight": each.weight} for each in parcels])


def commands(parcel: Parcel) -> Sequence[Command]:
    """A field of a hash. Raises `ValueError` for a parcel without weight."""
    if not parcel.weight:
        msg = f"{parcel.name} has no weight"
        raise ValueError(msg)
    if parcel.name == "twice":
        return [("SET", "wrong", "a text"), ("HINCRBY", "wrong", "twice", 1)]
    return [("HINCRBY", "parcels", parcel.name, parcel.weight), ("INCR", "times")]


class Instance(Protocol):
    """One instance of a service."""

    queue: Queue

    async def kept(self) -> dict[str, int]:
        """The parcels whose writes have taken effect."""

    async def times(self) -> int:
        """How often one has."""


class InDatabase:
    """With the queue in a database."""

    def __init__(self, database: Database, most: int) -> None:
        """Of this database."""
        self._database = database
        self.queue: Queue = DatabaseQueue(database, "parcels", Codec(Parcel), keep, most)

    async def kept(self) -> dict[str, int]:
        """See `Instance`."""
        async with self._database.transaction() as session:
            return {row.name: row.weight for row in await session.execute(select(PARCELS))}

    async def times(self) -> int:
        """See `Instance`."""
        async with self._database.transaction() as session:
            return int(await session.scalar(select(func.count()).select_from(PARCELS)) or 0)


class InRedis:
    """With the queue in Redis."""

    def __init__(self, server: RedisServer, most: int) -> None:
        """On this server."""
        self._server = server
        self.queue: Queue = RedisQueue(server, "parcels", Codec(Parcel), commands, most)

    async def kept(self) -> dict[str, int]:
        """See `Instance`."""
        found: Any = await self._server.client.hgetall("parcels")
        return {name.decode(): int(weight) for name, weight in found.items()}

    async def times(self) -> int:
        """See `Instance`."""
        return int(await self._server.client.get("times") or 0)


Start = Callable[..., AbstractAsyncContextManager[Instance]]


@asynccontextmanager
async def in_database(url: str, most: int = 1000) -> AsyncIterator[Instance]:
    """An instance with this database."""
    settings = DatabaseSettings(url=SecretStr(url))
    database = Database(settings, Server("primary", settings.address, settings, "test"))
    try:
        yield InDatabase(database, most)
    finally:
        await database.close()
