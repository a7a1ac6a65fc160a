"""The pool of connections to one server, and its instruments."""

import time
from typing import Any

from sqlalchemy import exc
from sqlalchemy.event import listen
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry
from sqlalchemy.util.queue import Empty

from .metrics import CONNECTIONS, CONNECTIONS_MAX, PENDING, TIMEOUTS, WAIT_TIME

_GENERATION = "firstlight.generation"


class ObservedPool(AsyncAdaptedQueuePool):
    """A pool without overflow that measures how long its callers wait.

    It replaces `_do_get`, the method that SQLAlchemy's own pools implement; a test of the private surfaces holds it.
    """

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        """Take the arguments of SQLAlchemy's pool."""
        super().__init__(*arguments, **keywords)
        self.pending = 0
        self.generation = 0
        self._taken: set[ConnectionPoolEntry] = set()

    def observe_as(self, name: str) -> None:
        """Export the state of the pool under this name."""
        self._waits, self._timeouts = WAIT_TIME.labels(name), TIMEOUTS.labels(name)
        CONNECTIONS_MAX.labels(name).set(self.size())
        CONNECTIONS.labels(name, "used").set_function(self.checkedout)
        CONNECTIONS.labels(name, "idle").set_function(self.checkedin)
        PENDING.labels(name).set_function(lambda: self.pending)

    def renew(self) -> None:
        """Replace every connection that is open now when a caller needs it: the server, or its address, has changed."""
        self.generation += 1

    def take_idle(self) -> ConnectionPoolEntry | None:
        """An idle connection that can be used, or None. It takes a tenth of the time of `connect`, and never waits.

        The caller calls `give_back`, or `discard` in a greenlet.
        """
        entry: Any = self._idle()
        if entry is None:
            return None
        if entry.dbapi_connection is None or entry.starttime < self._invalidate_time or self.is_lost(entry):
            self._do_return_conn(entry)
            return None
        self._taken.add(entry)
        found: ConnectionPoolEntry = entry
        return found

    def give_back(self, entry: ConnectionPoolEntry) -> None:
        """End the use of a connection that `take_idle` returned."""
        self._taken.discard(entry)
        self._do_return_conn(entry)

    def discard(self, entry: ConnectionPoolEntry, error: BaseException) -> None:
        """End the use of a connection whose state is unknown, and close it."""
        try:
            entry.invalidate(error)
        finally:
            self.give_back(entry)

    def is_used(self, entry: ConnectionPoolEntry) -> bool:
        """Whether a caller has the connection."""
        return entry.in_use or entry in self._taken

    def is_lost(self, entry: ConnectionPoolEntry) -> bool:
        """Whether the server has closed the connection, or `renew` was called since it was opened."""
        is_closed = getattr(entry.driver_connection, "is_closed", None)  # of asyncpg
        return entry.info[_GENERATION] < self.generation or (is_closed is not None and is_closed())

    def _do_get(self) -> ConnectionPoolEntry:
        entry = self._idle()
        if entry is None:
            entry = self._waited_for()
        if entry.dbapi_connection is not None and self.is_lost(entry):
            try:
                entry.invalidate(exc.DisconnectionError())  # whoever has called opens it again
            except BaseException:
                self._do_return_conn(entry)
                raise
        return entry

    def _idle(self) -> ConnectionPoolEntry | None:
        """An entry without the timer of the queue, which costs more than the rest; None if a caller must wait."""
        if self.pending:
            return None
        try:
            entry: ConnectionPoolEntry = self._pool.get(block=False)
        except Empty:
            return None
        self._waits.observe(0.0)
        return entry

    def _waited_for(self) -> ConnectionPoolEntry:
        began = time.perf_counter()
        self.pending += 1
        try:
            return super()._do_get()
        except exc.TimeoutError:
            self._timeouts.inc()
            raise
        finally:
            self.pending -= 1
            self._waits.observe(time.perf_counter() - began)


def replace_lost(pool: ObservedPool) -> None:
    """Replace a connection before a caller gets it, if the server has closed it or `pool.renew` was called."""

    def connected(_: object, entry: ConnectionPoolEntry) -> None:
        entry.info[_GENERATION] = pool.generation

    def invalidated(connection: Any, _entry: object, error: BaseException | None) -> None:
        terminate = getattr(connection.driver_connection, "terminate", None)  # of asyncpg
        if terminate is not None and isinstance(error, Exception):
            terminate()  # without a farewell, for which SQLAlchemy would wait two seconds

    listen(pool, "connect", connected)
    listen(pool, "invalidate", invalidated)
