"""Replaces the connections of a pool: those of old credentials, and those of a server that was lost."""

from weakref import WeakSet

from sqlalchemy.event import listen
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util import greenlet_spawn

from .pools import ObservedPool


class Renewal:
    """Knows the connections of one pool."""

    def __init__(self, pool: ObservedPool) -> None:
        """Of a pool without connections yet."""
        self._pool = pool
        self._entries: WeakSet[ConnectionPoolEntry] = WeakSet()

        def connected(_: object, entry: ConnectionPoolEntry) -> None:
            self._entries.add(entry)

        listen(pool, "connect", connected)

    async def renew(self) -> None:
        """Close idle connections now. Those in use are replaced when they are needed after their present use."""
        self._pool.renew()
        await greenlet_spawn(self._close_idle)

    def _close_idle(self) -> None:
        for entry in list(self._entries):
            if not self._pool.is_used(entry):
                entry.invalidate()
