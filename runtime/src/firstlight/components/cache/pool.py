"""The pool of connections: callers wait for one, and nobody gets an error because all are in use.

redis-py's `BlockingConnectionPool` waits as well. But a call that is cancelled while it gives a connection back may
lose it there for ever, and each call takes two locks more.
"""

import asyncio
import time
from collections import deque
from contextlib import suppress
from typing import Any

from redis.asyncio import Connection, ConnectionPool
from redis.exceptions import RedisError

from .metrics import CONNECTIONS, CONNECTIONS_MAX, PENDING, SERVER, WAIT_TIME


class WaitingPool(ConnectionPool):
    """A pool whose callers wait in order. The limit of the whole call ends the wait."""

    def __init__(self, size: int, **options: Any) -> None:
        """`options` are those of redis-py's pool and connection."""
        super().__init__(max_connections=size, **options)
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._waits = WAIT_TIME.labels()
        CONNECTIONS_MAX.labels(SERVER).set(size)
        CONNECTIONS.labels(SERVER, "used").set_function(lambda: self.used)
        CONNECTIONS.labels(SERVER, "idle").set_function(lambda: len(self._available_connections))
        PENDING.labels(SERVER).set_function(lambda: self.pending)

    @property
    def used(self) -> int:
        """Connections in use."""
        return len(self._in_use_connections)

    @property
    def pending(self) -> int:
        """Calls that wait for a connection."""
        return len(self._waiting)

    async def get_connection(self, command_name: Any = None, *keys: Any, **options: Any) -> Connection:
        """A connection that is open. Raises the errors of redis-py."""
        del command_name, keys, options
        if self._waiting:
            await self._turn()
        while not self.can_get_connection():
            await self._turn()
        connection: Any = self.get_available_connection()  # type: ignore[no-untyped-call]
        try:
            await _open(connection)
        except BaseException:
            self._give_back(connection)
            raise
        found: Connection = connection
        return found

    async def release(self, connection: Any) -> None:
        """Take a connection back. It never waits, so that a cancelled call gives it back as well."""
        self._give_back(connection)

    async def renew(self) -> None:
        """Close idle connections now, and those in use after their present use: the address has changed."""
        used: set[Any] = set(self._in_use_connections)
        for connection in used:
            connection.mark_for_reconnect()
        await self.disconnect(inuse_connections=False)

    def _give_back(self, connection: Any) -> None:
        self._in_use_connections.remove(connection)
        if connection.should_reconnect():
            connection.reset_should_reconnect()
            connection._close()  # noqa: SLF001 - `disconnect` would wait
        self._available_connections.append(connection)
        self._wake()

    def _wake(self) -> None:
        while self._waiting and self.can_get_connection():
            first = self._waiting.popleft()
            if not first.done():
                first.set_result(None)
                return

    async def _turn(self) -> None:
        began = time.perf_counter()
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._wake()  # the turn of the next
            raise
        finally:
            self._waits.observe(time.perf_counter() - began)


async def _open(connection: Any) -> None:
    """Open a connection, again if the server has closed it or sent something that nobody asked for."""
    if connection.is_connected:
        with suppress(OSError, RedisError):
            if not await connection.can_read():
                return
        await connection.disconnect(nowait=True)
    await connection.connect()
