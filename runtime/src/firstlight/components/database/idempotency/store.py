"""Idempotency keys in the database."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from ....idempotency import Limits, Name, Records, TransactionalStore
from ....settings.settings import DAY_SECONDS
from .. import expired
from ..database import Database
from . import statements
from .records import TransactionRecords
from .usage import Usage


class DatabaseStore(TransactionalStore):
    """A `Store` that all instances share."""

    def __init__(self, database: Database, limits: Limits) -> None:
        """`limits` are those of all instances together."""
        self._database = database
        self._usage = Usage(limits)
        self._running: dict[Name, bytes] = {}

    @property
    def keys(self) -> int:
        """The number of records at the last count."""
        return self._usage.keys

    @property
    def bytes(self) -> int:
        """What they took at the last count, as an estimate."""
        return self._usage.bytes

    def transaction(self) -> AbstractAsyncContextManager[Records]:
        """The transaction of one request. Raises `DatabaseUnavailableError` where the database is the cause."""
        return self._joined()

    @asynccontextmanager
    async def _joined(self) -> AsyncIterator[Records]:
        # The handler has a deadline of its own, and the server ends a transaction in which nothing happens.
        async with self._database.transaction(seconds=DAY_SECONDS) as session:
            records = TransactionRecords(session, self._database.primary.dialect_name, self._usage, self._running)
            try:
                yield records
            finally:
                records.end()

    async def remove_expired(self) -> None:
        """Remove what has expired, in batches, and count the rest."""
        await expired.remove(self._database, statements.EXPIRED)
        async with self._database.transaction() as session:
            await self._usage.count(session)
