"""A connection on which calls do not wait for each other: commands leave together, and replies come in their order.

Of what a call through a pool costs, most is its own write, its own wait and its own read of a socket. Calls at the same
time share them here.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from redis.exceptions import ConnectionError as RedisConnectionError

from .replies import IncompleteError, Reply, Word, command, parse

MOST_WAITING = 10_000  # calls of one connection
MOST_UNSENT_BYTES = 1_048_576  # of their commands, and one turn of the loop more
SILENT_SECONDS = 0.1  # after which a call that was given up gives up the connection as well

Asked = tuple["asyncio.Future[Reply]", float]


class Pipe(asyncio.Protocol):
    """An open connection. A call that is given up stays in the order: its reply is passed over."""

    def __init__(self, transport: asyncio.Transport, close: Callable[[], object], silent_seconds: float) -> None:
        """Use the `transport`, whose protocol this becomes. `close` closes it.

        A call that is given up after `silent_seconds` without any reply takes the connection for dead.
        """
        self._transport, self._close = transport, close
        self._silent_seconds = min(silent_seconds, SILENT_SECONDS)
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[asyncio.Future[Reply]] = deque()
        self._unsent: list[bytes] = []
        self._rest = bytearray()
        self._heard = 0.0
        self._accepts = True
        self.is_open = not transport.is_closing()
        """Whether calls may begin."""
        transport.set_protocol(self)
        transport.set_write_buffer_limits(MOST_UNSENT_BYTES)

    async def ask(self, words: Sequence[Word]) -> Reply:
        """The reply to a command. Raises `RedisConnectionError`, which is redis-py's `ConnectionError`."""
        if len(self._waiting) >= MOST_WAITING or not self._accepts:
            msg = "too many calls wait for the server"
            raise RedisConnectionError(msg)
        text = command(words)  # before the call has a place in the order: a word may have no encoding
        is_idle = not self._waiting
        answer: asyncio.Future[Reply] = self._loop.create_future()
        self._waiting.append(answer)
        if is_idle:
            self._heard = self._loop.time()
            self._transport.write(text)
        else:
            if not self._unsent:
                self._loop.call_soon(self._send)
            self._unsent.append(text)
        try:
            return await answer
        except asyncio.CancelledError:
            if self._loop.time() - self._heard >= self._silent_seconds:
                self.end("The server does not answer.")
            raise

    def _send(self) -> None:
        """Send what has come in this turn of the loop."""
        text = b"".join(self._unsent)
        self._unsent.clear()
        if not self._transport.is_closing():
            self._transport.write(text)

    def retire(self) -> None:
        """Begin no call any more. The connection is closed after the last reply."""
        self.is_open = False
        if not self._waiting:
            self.end("The connection has come to its end.")

    def end(self, reason: str) -> None:
        """Close the connection now. Calls in progress fail with this reason."""
        self.is_open = False
        if not self._transport.is_closing():  # asyncio's TLS before Python 3.11.5 fails after the end of a connection
            self._transport.abort()  # what the server does not take is not waited for
        self._close()
        while self._waiting:
            answer = self._waiting.popleft()
            if not answer.done():
                answer.set_exception(RedisConnectionError(reason))

    def data_received(self, data: bytes) -> None:
        """Give each call its reply."""
        self._heard = self._loop.time()
        read: bytes | bytearray = data
        if self._rest:
            self._rest += data
            read = self._rest
        at = 0
        try:
            while at < len(read):
                reply, at = parse(read, at)
                answer = self._waiting.popleft()
                if not answer.done():
                    answer.set_result(reply)
        except IncompleteError:
            pass
        except (ValueError, IndexError) as error:  # no protocol of Redis, or a reply to nobody
            self.end(f"The server does not keep to the protocol: {error}")
            return
        self._rest = bytearray(read[at:]) if at < len(read) else bytearray()
        if not self.is_open:
            self.retire()

    def pause_writing(self) -> None:
        """The server does not read: what waits for it takes memory."""
        self._accepts = False

    def resume_writing(self) -> None:
        """The server reads again."""
        self._accepts = True

    def eof_received(self) -> None:
        """The server has closed the connection."""
        self.end("The server has closed the connection.")

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        self.end(str(error or "The connection is lost."))
