"""Asks one server for its position, over a connection of its own: a full pool is no lost server."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from .lag import POSITION, Position

PROBE_SECONDS = 1.0  # for connecting and for the answer


class LoopBlockedError(Exception):
    """The process was too busy to say whether the server answered in time."""


class Probe:
    """One connection that is kept, and opened again after an error."""

    def __init__(self, connect: Callable[[], Awaitable[Any]], seconds: float = PROBE_SECONDS) -> None:
        """`connect` opens a connection of asyncpg. An answer may take `seconds`."""
        self._connect = connect
        self._seconds = seconds
        self._connection: Any = None

    async def position(self) -> Position:
        """The position. Raises `OSError` (`TimeoutError` among them) and the errors of asyncpg.

        Raises `LoopBlockedError` when the time passed while the event loop could not read an answer.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._seconds):
                if self._connection is None:
                    self._connection = await self._connect()
                return Position(*await self._connection.fetchrow(POSITION))
        except BaseException as error:
            self.close()
            if isinstance(error, TimeoutError) and loop.time() - began > 1.5 * self._seconds:
                raise LoopBlockedError from None
            raise

    def close(self) -> None:
        """Close the connection at once. The next question opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
