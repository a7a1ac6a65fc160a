"""The messages of the connection for changes: answers to what was asked, and names of entries that have changed."""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from redis.exceptions import ConnectionError as LostError
from redis.exceptions import ResponseError

from .connections import AddressedConnection

INVALIDATE = b"invalidate"


class Messages:
    """One reader takes everything from the connection, in order."""

    def __init__(self, connection: AddressedConnection) -> None:
        """Nothing is open yet."""
        self._connection = connection
        self._asked: deque[asyncio.Future[Any]] = deque()

    async def open(self, prefixes: Sequence[str]) -> None:
        """Connect, and ask for the changes of keys that begin so. Raises the errors of redis-py."""
        await self._connection.connect()  # type: ignore[no-untyped-call]
        parser: Any = self._connection._get_parser()  # noqa: SLF001 - by default, redis-py drops the message
        parser.invalidation_push_handler_func = _as_it_is
        words = [word for prefix in prefixes for word in ("PREFIX", prefix)]
        async with asyncio.timeout(self._connection.connect_seconds):
            await self._connection.send_command("CLIENT", "TRACKING", "ON", "BCAST", *words)
            await self._connection.read_response(timeout=math.inf)

    async def read(self, changed: Callable[[Sequence[bytes] | None], object]) -> NoReturn:
        """Read until the connection is lost. `changed` gets names, or None for every name."""
        try:
            while True:
                try:
                    message = await self._connection.read_response(timeout=math.inf, push_request=True)
                except ResponseError as error:
                    message = error
                if isinstance(message, list) and message and message[0] == INVALIDATE:
                    changed(message[1])
                elif self._asked:
                    self._answer(message)
        except Exception as error:
            for waiting in self._asked:
                if not waiting.done():
                    waiting.set_exception(LostError(str(error)))
            raise

    async def ask(self, *words: str, seconds: float) -> Any:
        """The answer to a command, while `read` runs. Raises the errors of redis-py, and `TimeoutError`."""
        waiting = asyncio.get_running_loop().create_future()
        self._asked.append(waiting)
        async with asyncio.timeout(seconds):
            await self._connection.send_command(*words)
            return await waiting

    def _answer(self, message: Any) -> None:
        waiting = self._asked.popleft()
        if waiting.done():
            return
        if isinstance(message, Exception):
            waiting.set_exception(message)
        else:
            waiting.set_result(message)


async def _as_it_is(message: Any) -> Any:
    return message
