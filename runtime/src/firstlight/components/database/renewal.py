"""Replaces the connections of a pool: those of old credentials, and those of a server that was lost."""

from weakref import WeakSet

from sqlalchemy.event import listen
from sqlalchemy.pool import ConnectionPoolEntry, Pool
from sqlalchemy.util import greenlet_spawn


class Renewal:
    """Knows the connections of one pool."""

    def __init__(self, pool: Pool) -> None:
        """Of a pool without connections yet."""
        self._entries: WeakSet[ConnectionPoolEntry] = WeakSet()

        def connected(_: object, entry: ConnectionPoolEntry) -> None:
            self._entries.add(entry)

        listen(pool, "connect", connected)

    async def renew(self) -> None:
        """Close idle connections now, and those in use after their present use."""
        await greenlet_spawn(self._renew)

    def _renew(self) -> None:
        for entry in list(self._entries):
            entry.invalidate(soft=entry.in_use)
