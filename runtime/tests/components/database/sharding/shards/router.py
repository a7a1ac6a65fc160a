"""Finds the database of a key."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from firstlight.components.database import Database, Read
from firstlight.problems import UnavailableError

from .slots import slot_of

_ENTERED: ContextVar[Database | None] = ContextVar("shard", default=None)


class Shards:
    """The databases of a service by key. An operation uses one key, so it is on one shard."""

    def __init__(self, named: Mapping[str, Database], by_slot: Sequence[Database], frozen: Sequence[int] = ()) -> None:
        """`by_slot` has the database of each slot; `frozen` are slots that are not written."""
        self.named, self._by_slot, self.frozen = named, by_slot, frozenset(frozen)

    async def read(self, key: str, read: Read[*tuple[Any, ...]], **parameters: Any) -> list[Any]:
        """The rows on the shard of the key, as from `Database.read`."""
        return list(await self._of(key).read(read, **parameters))

    @asynccontextmanager
    async def transaction(self, key: str) -> AsyncIterator[AsyncSession]:
        """A transaction on the shard of the key, as from `Database.transaction`.

        Raises `UnavailableError` (503) while the slot is moved, `RuntimeError` inside a transaction of another shard.
        """
        database = self._of(key)
        if slot_of(key) in self.frozen:
            msg = "These data are being moved and cannot be changed for a while."
            raise UnavailableError(msg)
        token = _ENTERED.set(database)
        try:
            async with database.transaction() as session:
                yield session
        finally:
            _ENTERED.reset(token)

    def _of(self, key: str) -> Database:
        database = self._by_slot[slot_of(key)]
        if _ENTERED.get() not in {None, database}:
            msg = f"{key!r} is on another shard than the transaction: no transaction spans two shards"
            raise RuntimeError(msg)
        return database
