"""Reads and writes a connection without TLS at the price of the transport.

The stream of anyio, over which httpcore2 sends, has a timer, a cancel scope and a turn of the loop around every read
and write, and asks the kernel twice to watch the socket for each of them. Here the end of the whole call is the only
timer, and the head and the body of a request leave in one write.
"""

import asyncio
import ssl
from collections.abc import Awaitable
from typing import Any

import httpcore2

from .received import Received

MOST_UNSENT_BYTES = 65_536  # of a request, for one connection
MOST_HELD_BYTES = 16_384  # a larger piece is not held for the next one


class PlainStream(httpcore2.AsyncNetworkStream):
    """A connection. It is anyio's until its first use: TLS begins before that, and stays there."""

    def __init__(self, opened: httpcore2.AsyncNetworkStream, transport: asyncio.Transport) -> None:
        """Use the `transport` of `opened`, which nobody else reads or writes."""
        self._opened, self._transport = opened, transport
        self._received: Received | None = None
        self._held = b""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore2 calls it so
        """What has arrived, at most `max_bytes`; nothing at the end. Raises `ReadError` and `ReadTimeout`."""
        received = self._received or self._begin()
        self._send()
        if received.is_empty:
            await _within(timeout, received.arrives(), httpcore2.ReadTimeout)
        return received.take(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore2 calls it so
        """Send the bytes, once the transport accepts them. Raises `WriteError` and `WriteTimeout`.

        A small piece is held until the next one comes, such as the body after its head, or this turn of the loop ends.
        """
        if not buffer:
            return
        received = self._received or self._begin()
        if received.is_lost or self._transport.is_closing():
            raise httpcore2.WriteError(received.reason)
        if not self._held and received.accepted is None and len(buffer) <= MOST_HELD_BYTES:
            self._held = buffer
            received.loop.call_soon(self._send)
            return
        self._held += buffer
        self._send()
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
        if info == "is_readable" and self._received is not None and not self._received.is_empty:
            return True
        return self._opened.get_extra_info(info)

    def _send(self) -> None:
        """Send what is held."""
        held, self._held = self._held, b""
        if held and not self._transport.is_closing():
            self._transport.write(held)

    def _begin(self) -> Received:
        """Take the connection over."""
        received = self._received = Received(self._transport)
        if not received.is_lost:
            self._transport.set_protocol(received)
            self._transport.set_write_buffer_limits(MOST_UNSENT_BYTES)
            self._transport.resume_reading()
        return received


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
