"""Calls of the server over one connection, which they share. It opens at the first call, and again when it is lost."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from redis.asyncio import Connection
from redis.exceptions import NoScriptError

from .pipe import Pipe
from .replies import Reply, ServerError, Word


class Piped:
    """For what is asked often, and quickly answered: a slow command delays those behind it."""

    def __init__(self, connection: Callable[[], Connection], seconds: float) -> None:
        """`connection` makes one that is not open. A server that is silent for half of `seconds` is left."""
        self._connection, self._silent_seconds = connection, seconds / 2
        self._pipe: Pipe | None = None
        self._opening = asyncio.Lock()
        self._made: Any = None

    async def ask(self, *words: Word) -> Any:
        """The reply to a command. Raises the errors of redis-py; nothing is sent twice."""
        pipe = self._pipe
        if pipe is None or not pipe.is_open:
            pipe = await self._opened()
        reply = await pipe.ask(words)
        return self._raised(reply) if isinstance(reply, ServerError) else reply

    async def run(self, script: Any, keys: Sequence[str], arguments: Sequence[Word]) -> Any:
        """The reply of a script that redis-py has registered; the server gets its text if it does not know it."""
        try:
            return await self.ask("EVALSHA", script.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            return await self.ask("EVAL", script.script, len(keys), *keys, *arguments)

    def renew(self) -> None:
        """The address has changed: calls from now on use another connection."""
        if self._pipe is not None:
            self._pipe.retire()

    async def _opened(self) -> Pipe:
        async with self._opening:
            if self._pipe is not None and self._pipe.is_open:
                return self._pipe
            made: Any = self._connection()
            try:
                await made.connect()
                self._pipe = Pipe(made._writer.transport, made._close, self._silent_seconds)  # noqa: SLF001 - redis-py
            except BaseException:
                made._close()  # noqa: SLF001 - `disconnect` would wait
                raise
            self._made = made
            return self._pipe

    def _raised(self, error: ServerError) -> Reply:
        found = self._made._parser.parse_error(str(error))  # noqa: SLF001 - which class a text of the server is
        raise found

    async def close(self) -> None:
        """Close the connection."""
        if self._pipe is not None:
            self._pipe.end("The cache is closed.")
