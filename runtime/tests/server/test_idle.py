"""A connection that serves a request, or whose client still reads, is not idle, although it stays in that list."""

import asyncio
import time
from collections.abc import Sequence

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from .wires import Wired

GET = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"
CLOSING = b"GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n"
LATER = 1_000_000  # seconds


class Gate:
    """An application that answers the first request at once, and the others when it is told to."""

    def __init__(self) -> None:
        """Closed."""
        self.open = asyncio.Event()
        self.served = 0

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Serve one request."""
        self.served += 1
        if self.served > 1:
            await self.open.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def serving(gate: ASGIApp, most: int = 100) -> Wired:
    """A connection whose second request is being served."""
    wired = Wired(gate, max_connections=most)
    for _ in range(2):
        await wired.send(GET)
    assert len(wired.transport.writes) == 1
    return wired


def closed(wired: Wired) -> bool:
    """Whether the connection was closed."""
    return wired.transport.closed


def test_a_request_may_take_longer_than_an_idle_connection() -> None:
    """Its connection is idle from the end of the response."""

    async def talk() -> None:
        gate = Gate()
        wired = await serving(gate)
        idle = wired.connections.idle
        idle.sweep(time.monotonic() + LATER)
        assert not closed(wired)
        gate.open.set()
        await wired.until(lambda: len(wired.transport.writes) > 1)
        idle.sweep(time.monotonic() + idle.seconds / 2)
        assert not closed(wired)
        idle.sweep(time.monotonic() + LATER)
        assert closed(wired)
        wired.close()

    asyncio.run(talk())


def test_a_connection_that_serves_a_request_makes_no_place() -> None:
    """It stays, and the new one is refused."""

    async def talk() -> None:
        gate = Gate()
        wired = await serving(gate, most=1)
        other, protocol = wired.connect()
        assert not closed(wired)
        assert b" 503 " in other.written or other.closed
        protocol.connection_lost(None)
        gate.open.set()
        await wired.until(lambda: len(wired.transport.writes) > 1)
        wired.close()

    asyncio.run(talk())


def test_a_connection_is_idle_again_after_it_was_passed_over() -> None:
    """The next new connection takes its place."""

    async def talk() -> None:
        gate = Gate()
        wired = await serving(gate, most=1)
        _, refused = wired.connect()
        refused.connection_lost(None)
        gate.open.set()
        await wired.until(lambda: len(wired.transport.writes) > 1)
        _, protocol = wired.connect()
        assert closed(wired)
        protocol.connection_lost(None)
        wired.close()

    asyncio.run(talk())


async def read(*requests: bytes, most: int = 100) -> Wired:
    """A connection whose requests are answered. The client still reads the last response."""
    wired = Wired(max_connections=most)
    for request in requests:
        await wired.send(request)
    wired.transport.unread = 1_000
    return wired


@pytest.mark.parametrize("requests", [(GET,), (GET, GET)], ids=["first", "second"])
def test_a_response_that_is_still_read_is_not_cut(requests: Sequence[bytes]) -> None:
    """The client has the time of a slow reader, and then that of an idle one."""

    async def talk() -> None:
        wired = await read(*requests)
        idle, reads = wired.connections.idle, wired.connections.reads
        for unread in (1_000, 500, 0):
            wired.transport.unread = unread
            idle.sweep(time.monotonic() + LATER)
            if unread < 1_000:
                reads.sweep(time.monotonic() + LATER)
            assert closed(wired) == (unread == 0)
        assert not wired.transport.writes[len(requests) :]
        wired.close()

    asyncio.run(talk())


def test_a_response_that_nobody_reads_is_cut() -> None:
    """And its connection is refused, after the time of a slow reader."""

    async def talk() -> None:
        wired = await read(GET)
        wired.connections.idle.sweep(time.monotonic() + LATER)
        wired.connections.reads.sweep(time.monotonic() + LATER)
        assert wired.transport.aborted
        wired.close()

    asyncio.run(talk())


@pytest.mark.parametrize("requests", [(CLOSING,), (GET, CLOSING)], ids=["first", "second"])
def test_a_last_response_that_is_still_read_is_not_cut(requests: Sequence[bytes]) -> None:
    """The connection closes when it is read."""

    async def talk() -> None:
        wired = Wired()
        for request in requests:
            wired.transport.unread = 1_000
            await wired.send(request)
        assert closed(wired)
        wired.connections.idle.sweep(time.monotonic() + LATER)
        assert not wired.transport.aborted
        wired.close()

    asyncio.run(talk())


def test_a_connection_that_is_still_read_makes_no_place() -> None:
    """Until everything is read."""

    async def talk() -> None:
        wired = await read(GET, most=1)
        _, refused = wired.connect()
        refused.connection_lost(None)
        assert not closed(wired)
        wired.transport.unread = 0
        wired.connections.reads.sweep(time.monotonic() + LATER)
        _, protocol = wired.connect()
        assert closed(wired)
        protocol.connection_lost(None)
        wired.close()

    asyncio.run(talk())
