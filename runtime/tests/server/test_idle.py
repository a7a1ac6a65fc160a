"""A connection that serves a request, or whose client still reads, is not idle, although it stays in that list."""

import asyncio
import time
from collections.abc import Sequence

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from firstlight.server import connections

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


def test_a_later_response_has_a_deadline_of_its_own() -> None:
    """What the client had read of an earlier one says nothing of it."""

    async def talk() -> None:
        wired = await read(GET)
        wired.connections.idle.sweep(time.monotonic() + LATER)
        wired.transport.unread = 0
        wired.connections.reads.sweep(time.monotonic() + LATER)
        await wired.send(GET)
        assert wired.protocol not in wired.connections.reads
        wired.close()

    asyncio.run(talk())


async def early(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer before the body has come."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


PARTS = {"head": GET[:20], "body": b"POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 9\r\n\r\n1"}


@pytest.mark.parametrize("part", PARTS)
def test_a_client_that_owes_something_may_read_before(part: str) -> None:
    """The rest of a head or a body is due when the response before it is read."""

    async def talk() -> None:
        wired = Wired(early)
        await wired.send(GET, PARTS[part])
        owed = {"head": wired.connections.heads, "body": wired.connections.bodies}[part]
        wired.transport.unread = 1_000
        owed.sweep(time.monotonic() + LATER)
        assert not closed(wired)
        assert not wired.transport.eof
        wired.transport.unread = 0
        owed.sweep(time.monotonic() + LATER)
        assert closed(wired) or wired.transport.eof
        wired.close()

    asyncio.run(talk())


@pytest.mark.parametrize("answers", [False, True], ids=["works", "answers"])
def test_a_client_that_waits_for_continue_owes_no_body(monkeypatch: pytest.MonkeyPatch, *, answers: bool) -> None:
    """While the application works, and after it has begun to answer: then the client sends none."""
    monkeypatch.setattr(connections, "STALLED_SECONDS", 1e-5)

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        if answers:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()

    async def talk() -> None:
        wired = Wired(app, max_connections=1)
        await wired.send(PARTS["body"][:-1].replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
        wired.connections.bodies.sweep(time.monotonic() + LATER)
        other, protocol = wired.connect()
        assert not closed(wired)
        assert b" 503 " in other.written
        protocol.connection_lost(None)
        wired.close()

    asyncio.run(talk())


def test_a_drain_does_not_cut_a_response_before_the_head_that_is_due() -> None:
    """The connection closes when the response is read."""

    async def talk() -> None:
        wired = Wired(early)
        await wired.send(GET, PARTS["head"])
        wired.transport.unread = 1_000
        wired.protocol.shutdown()
        assert closed(wired)
        wired.connections.heads.sweep(time.monotonic() + LATER)
        assert not wired.transport.aborted
        wired.close()

    asyncio.run(talk())


def test_a_drain_reads_what_follows_the_last_response() -> None:
    """With unread data, the kernel would reset the connection before the response is read."""

    async def talk() -> None:
        gate = Gate()
        wired = await serving(gate)
        wired.protocol.data_received(GET)
        wired.protocol.shutdown()
        gate.open.set()
        await wired.until(lambda: wired.transport.eof)
        assert wired.transport.eof
        assert wired.transport.reading
        assert not closed(wired)
        wired.close()

    asyncio.run(talk())


def test_a_connection_that_owes_a_head_is_not_idle() -> None:
    """Also when its client has read the response before it."""

    async def talk() -> None:
        wired = Wired(early)
        await wired.send(GET)
        wired.protocol.pause_writing()
        await wired.send(PARTS["head"])
        wired.protocol.resume_writing()
        assert (len(wired.connections.heads), len(wired.connections.idle)) == (1, 0)
        wired.close()

    asyncio.run(talk())


def test_empty_lines_do_not_prolong_a_connection() -> None:
    """Neither before the first request nor after the last one."""

    async def talk() -> None:
        wired = Wired(early)
        await wired.send(b"\r\n")
        assert (len(wired.connections.heads), len(wired.connections.idle)) == (1, 0)
        await wired.send(GET)
        wired.connections.idle.sweep(time.monotonic() + wired.connections.idle.seconds / 2)
        ended = time.monotonic() + wired.connections.idle.seconds
        await wired.send(b"\r\n")
        wired.connections.idle.sweep(ended)
        assert closed(wired)
        wired.close()

    asyncio.run(talk())


def test_a_refused_request_is_not_told_to_continue() -> None:
    """Nothing is written after the refusal."""

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        await receive()

    async def talk() -> None:
        wired = Wired(app)
        head = b"POST / HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
        wired.protocol.data_received(head + b"no size\r\n")
        await wired.until(lambda: False)
        assert b" 400 " in wired.transport.written
        assert b" 100 " not in wired.transport.written
        wired.close()

    asyncio.run(talk())
