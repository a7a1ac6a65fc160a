"""What has arrived on a connection, and whether the transport accepts more: the protocol of `plain_stream.py`."""

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import Any

import httpcore2

MOST_UNREAD_BYTES = 262_144  # of a response, for one connection; beyond it, the peer has to wait


class Received(asyncio.Protocol):
    """What has arrived on a connection and was not read yet."""

    def __init__(self, transport: asyncio.Transport) -> None:
        """Go on where the protocol of anyio, which the transport still has, has come to."""
        before: Any = transport.get_protocol()  # a peer may have spoken, or closed, when it was connected to
        self._transport = transport
        self.loop = asyncio.get_running_loop()
        self._parts: deque[bytes] = deque(before.read_queue)
        self._size = sum(map(len, self._parts))
        self._arrived: asyncio.Future[None] | None = None
        self._error: Exception | None = before.exception
        self._has_ended: bool = before.is_at_eof
        self.is_lost = transport.is_closing()
        self.accepted: asyncio.Future[None] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether a reader has to wait."""
        return not (self._parts or self._has_ended or self.is_lost)

    @property
    def reason(self) -> str:
        """Why the connection is lost."""
        return str(self._error or "the connection is closed")

    def arrives(self) -> Awaitable[None]:
        """Wait until `take` has an answer."""
        self._arrived = self.loop.create_future()
        return self._arrived

    def take(self, most: int) -> bytes:
        """The next bytes; nothing at the end. Raises `ReadError`."""
        if not self._parts:
            if self._has_ended:
                return b""
            raise httpcore2.ReadError(self.reason) from self._error
        part = self._parts.popleft()
        if len(part) > most:
            part, rest = part[:most], part[most:]
            self._parts.appendleft(rest)
        was_full = self._size > MOST_UNREAD_BYTES
        self._size -= len(part)
        if was_full and self._size <= MOST_UNREAD_BYTES and not self._transport.is_closing():
            self._transport.resume_reading()
        return part

    def data_received(self, data: bytes) -> None:
        """Keep the bytes, and read no more when there are many."""
        self._parts.append(data)
        self._size += len(data)
        if self._size > MOST_UNREAD_BYTES:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        """The peer sends no more. The client closes."""
        self._has_ended = True
        self._wake()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        """Nothing can be read or written any more."""
        self._error, self.is_lost = error, True
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        """The transport has enough to send."""
        self.accepted = self.loop.create_future()

    def resume_writing(self) -> None:
        """The transport accepts more."""
        accepted, self.accepted = self.accepted, None
        if accepted is not None:
            accepted.set_result(None)

    def _wake(self) -> None:
        arrived, self._arrived = self._arrived, None
        if arrived is not None and not arrived.done():
            arrived.set_result(None)
