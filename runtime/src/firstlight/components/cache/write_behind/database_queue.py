"""A queue in the database, where its writes take effect: a batch and its removal are committed together."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from ....management.check import Check
from ...database import Database
from ...database.addresses import POSTGRESQL
from . import statements
from .applying import Apply, apply_all
from .codec import Codec, joined
from .queue import Depth, Flushed

WriteT = TypeVar("WriteT")
NOTHING = Flushed(0, 0, ())


class DatabaseQueue(Generic[WriteT]):
    """A `Queue` in the table of `write_behind_table`."""

    def __init__(self, database: Database, name: str, codec: Codec[WriteT], apply: Apply[WriteT], most: int) -> None:
        """At most about `most` writes wait or are set aside: they are counted after each flush."""
        self._database = database
        self._name = {"of_queue": name}
        self._codec, self._apply, self._most = codec, apply, most
        self._lock = {"lock": statements.lock_of(name)} if database.primary.dialect_name == POSTGRESQL else None
        self._held = 0

    async def put(self, writes: Sequence[bytes]) -> Sequence[bool]:
        """Add writes as one row."""
        accepted = self._held + len(writes) <= self._most
        if accepted:
            async with self._database.transaction() as session:
                await self._insert(session, writes)
            self._held += len(writes)
        return [accepted] * len(writes)

    async def flush(self, entries: int) -> Flushed:
        """Let the writes of the oldest rows take effect. While another instance flushes, nothing is done."""
        async with self._database.transaction() as session:
            if self._lock is not None and not await session.scalar(statements.LOCK, self._lock):
                return NOTHING
            rows = (await session.execute(statements.OLDEST, {**self._name, "entries": entries})).all()
            if not rows:
                return NOTHING
            reads = [read for row in rows for read in self._codec.read(row.writes)]
            refused = await apply_all(session, reads, self._apply)
            for text, reason in refused:
                await self._insert(session, [text], reason)
            await (await session.connection()).execute(statements.REMOVE, {"ids": [row.id for row in rows]})
        return Flushed(len(rows), len(reads) - len(refused), [reason for _, reason in refused])

    async def measure(self) -> Depth:
        """What it holds now."""
        async with self._database.transaction() as session:
            writes, seconds = (await session.execute(statements.WAITING, self._name)).one()
            set_aside, _ = (await session.execute(statements.SET_ASIDE, self._name)).one()
        self._held = writes + set_aside
        return Depth(writes, max(0.0, seconds), set_aside)

    async def requeue(self) -> int:
        """Put the writes that were set aside back at their places."""
        async with self._database.transaction() as session:
            return sum((await session.execute(statements.REQUEUE, self._name)).scalars())

    def checks(self) -> Sequence[Check]:
        """None: the database has its own."""
        return ()

    async def _insert(self, session: AsyncSession, writes: Sequence[bytes], reason: str | None = None) -> None:
        values = {"writes": joined(writes), "number": len(writes), "reason": reason, "queue": self._name["of_queue"]}
        await (await session.connection()).execute(statements.PUT, values)
