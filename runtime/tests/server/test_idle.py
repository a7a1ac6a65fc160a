"""A connection that serves a request is not idle, although it stays in that list until somebody asks."""

import asyncio
import time

from starlette.types import ASGIApp, Receive, Scope, Send

from .wires import Wired

GET = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"
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
