"""A connection that has ended is freed at once. A full collection, which would free it later, is rare on purpose."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from firstlight.server.websocket import LimitedWebsocket

from .wires import HEAD_BYTES, REFUSALS, FakeTransport, Wired, echo

GET = b"GET / HTTP/1.1\r\nHost: example.com\r\n"


@pytest.fixture(autouse=True)
def _no_collection() -> Iterator[None]:
    """Let nothing be freed but by its last reference."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def waiting(_scope: Scope, receive: Receive, _send: Send) -> None:
    """Serve until the client leaves."""
    while not (await receive())["type"].endswith(".disconnect"):
        pass


async def streaming(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Begin a response, and send it until the client leaves."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(20):
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("app", "sent"),
    [
        (echo, b""),
        (echo, GET + b"\r\n"),
        (echo, (GET + b"\r\n") * 3),
        (echo, GET + b"a: b\r\n" * HEAD_BYTES),  # is refused
        (echo, b"POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 9\r\n\r\n123"),
        (waiting, GET + b"\r\n"),
        (streaming, GET + b"\r\n"),
    ],
    ids=["silent", "answered", "pipelined", "refused", "half a body", "in progress", "stream"],
)
def test_a_connection_that_has_ended_is_freed(app: ASGIApp, sent: bytes) -> None:
    """With the heads and bodies that it has read."""

    async def talk() -> None:
        wired = Wired(app)
        transport, protocol = wired.connect()
        ended = weakref.ref(protocol)
        if sent:
            protocol.data_received(sent)
        for _ in range(10):
            await asyncio.sleep(0)
        transport.closed = True
        protocol.connection_lost(None)
        del protocol
        for _ in range(30):
            await asyncio.sleep(0)
        assert ended() is None
        wired.close()

    asyncio.run(talk())


class Changing(FakeTransport):
    """Hands its connection on to another protocol."""

    protocol: Any = None

    def set_protocol(self, protocol: Any) -> None:
        """The protocol from now on."""
        self.protocol = protocol

    def get_protocol(self) -> Any:
        """The protocol."""
        return self.protocol


async def talking(_scope: Scope, receive: Receive, send: Send) -> None:
    """Accept a websocket, and serve it until the client leaves."""
    await receive()
    await send({"type": "websocket.accept"})
    await waiting(_scope, receive, send)


def test_a_websocket_that_has_ended_is_freed() -> None:
    """And the head of its request as soon as it has changed the protocol."""

    async def talk() -> None:
        wired = Wired(talking)
        changed: Any = partial(LimitedWebsocket, limited_by=wired.connections, refusals=REFUSALS)
        transport = Changing()
        _, protocol = wired.connect(transport)
        protocol.ws_protocol_class = changed
        key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        protocol.data_received(GET + f"Connection: Upgrade\r\nUpgrade: websocket\r\n{key}".encode())
        for _ in range(10):
            await asyncio.sleep(0)
        assert transport.written.startswith(b"HTTP/1.1 101")
        assert protocol.headers == []
        ended = weakref.ref(transport.protocol)
        transport.closed = True
        transport.protocol.connection_lost(None)
        transport.set_protocol(None)
        for _ in range(30):
            await asyncio.sleep(0)
        assert ended() is None
        wired.close()

    asyncio.run(talk())
