"""Reads and writes a connection without TLS at the price of the transport.

The stream of anyio, over which httpcore2 sends, has a timer, a cancel scope and a turn of the loop around every read
and write, and asks the kernel twice to watch the socket for each of them. Here the end of the whole call is the only
timer, and the head and the body of a request leave in one write where the loop gathers writes, as uvloop does.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Awaitable
from typing import Any

import httpcore2

MOST_UNREAD_BYTES = 262_144  # of a response, for one connection; beyond it, the peer has to wait


class PlainStream(httpcore2.AsyncNetworkStream):
    """A connection. It is anyio's until its first use: TLS begins before that, and stays there."""

    def __init__(self, opened: httpcore2.AsyncNetworkStream, transport: asyncio.Transport) -> None:
        """Use the `transport` of `opened`, which nobody else reads or writes."""
        self._opened, self._transport = opened, transport
        self._received: _Received | None = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore2 calls it so
        """What has arrived, at most `max_bytes`; nothing at the end. Raises `ReadError` and `ReadTimeout`."""
        received = self._received or self._begin()
        if received.is_empty:
            await _within(timeout, received.arrives(), httpcore2.ReadTimeout)
        return received.take(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore2 calls it so
        """Send the bytes, or wait until the transport accepts them. Raises `WriteError` and `WriteTimeout`."""
        if not buffer:
            return
        received = self._received or self._begin()
        if received.is_lost or self._transport.is_closing():
            raise httpcore2.WriteError(received.reason)
        self._transport.write(buffer)
        if (accepted := received.accepted) is not None:
            await _within(timeout, asyncio.shield(accepted), httpcore2.WriteTimeout)
            if received.is_lost:
                raise httpcore2.WriteError(received.reason)

    async def aclose(self) -> None:
        """Close the connection at once."""
        if self._received is None:
            await self._opened.aclose()
        else:
            self._received.is_lost = True
            self._transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore2 calls it so
    ) -> httpcore2.AsyncNetworkStream:
        """A stream of anyio with TLS, before the first use."""
        return await self._opened.start_tls(ssl_context, server_hostname, timeout)

    def get_extra_info(self, info: str) -> Any:
        """As for the stream of anyio. `is_readable` is true for a connection that cannot be used again."""
        if info == "is_readable" and self._received is not None and not self._received.is_idle:
            return True
        return self._opened.get_extra_info(info)

    def _begin(self) -> "_Received":
        """Take the connection over."""
        received = self._received = _Received(self._transport)
        self._transport.set_protocol(received)
        self._transport.set_write_buffer_limits()  # type: ignore[attr-defined]
        self._transport.resume_reading()
        return received


class _Received(asyncio.Protocol):
    """What has arrived on a connection and was not read yet."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._parts: deque[bytes] = deque()
        self._size = 0
        self._arrived: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._has_ended = False
        self.is_lost = transport.is_closing()
        self.accepted: asyncio.Future[None] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether a reader has to wait."""
        return not (self._parts or self._has_ended or self.is_lost)

    is_idle = is_empty

    @property
    def reason(self) -> str:
        """Why the connection is lost."""
        return str(self._error or "the connection is closed")

    def arrives(self) -> Awaitable[None]:
        """Wait until `take` has an answer."""
        self._arrived = self._loop.create_future()
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
        self._parts.append(data)
        self._size += len(data)
        if self._size > MOST_UNREAD_BYTES:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self._has_ended = True
        self._wake()
        return True  # the client closes

    def connection_lost(self, error: Exception | None) -> None:
        self._error, self.is_lost = error, True
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        self.accepted = self._loop.create_future()

    def resume_writing(self) -> None:
        accepted, self.accepted = self.accepted, None
        if accepted is not None:
            accepted.set_result(None)

    def _wake(self) -> None:
        arrived, self._arrived = self._arrived, None
        if arrived is not None and not arrived.done():
            arrived.set_result(None)


async def _within(seconds: float | None, waited: Awaitable[None], late: type[Exception]) -> None:
    if seconds is None:
        await waited
        return
    try:
        async with asyncio.timeout(seconds):
            await waited
    except TimeoutError:
        raise late from None


def plain(opened: httpcore2.AsyncNetworkStream) -> httpcore2.AsyncNetworkStream:
    """The stream over the transport of `opened`; `opened` itself, where a later anyio has none."""
    transport = getattr(getattr(opened, "_stream", None), "_transport", None)
    return opened if transport is None else PlainStream(opened, transport)
