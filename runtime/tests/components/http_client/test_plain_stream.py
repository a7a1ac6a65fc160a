"""Calls without TLS read and write the transport itself, within limits, and close what cannot be used again."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable

import httpx2
import pytest
import uvloop
from anyio._backends._asyncio import StreamProtocol

from firstlight.components.http_client.plain_stream import PlainStream
from firstlight.components.http_client.received import MOST_UNREAD_BYTES, Received
from firstlight.testing.process import TIMEOUT_SECONDS

from ...peers import CHUNK, Peer, answer, read_request, silent, wait_until
from .calling import calling

OK = answer("200 OK", b"{}")
MANY = 64  # chunks: more than the sockets of both sides and the client together hold


def test_the_stream_is_in_use() -> None:
    """With the versions of httpx2 and anyio that are locked. Another one would be slower, and go unnoticed."""

    async def run(peer: Peer) -> object:
        async with calling(peer) as client:
            return (await client.get("/")).extensions["network_stream"]

    with Peer(OK) as peer:
        assert isinstance(asyncio.run(run(peer)), PlainStream)


def test_head_and_body_leave_in_one_write() -> None:
    """The first that the server reads is the whole request, also on the loop of the service."""
    received: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            received.append(connection.recv(65_536))
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    async def run(port: int) -> int:
        async with calling(f"http://127.0.0.1:{port}") as client:
            return (await client.post("/", json={"a": 1})).status_code

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            assert runner.run(run(listener.getsockname()[1])) == 200
        thread.join()
    assert received[0].endswith(b'{"a":1}')


def test_a_body_waits_for_its_reader() -> None:
    """What was not read is limited; nothing is lost."""
    size = MANY * len(CHUNK)
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n".encode()

    def behave(peer: Peer, connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        peer.send(connection, head)
        peer.flood(connection, size)

    async def run(peer: Peer) -> tuple[int, int]:
        async with calling(peer, max_response_bytes=size) as client, client.stream("GET", "/") as response:
            stream = response.extensions["network_stream"]
            parts = response.aiter_raw()
            read = len(await anext(parts))
            while stream._received._size <= MOST_UNREAD_BYTES:  # noqa: ASYNC110, SLF001 - the peer fills it
                await asyncio.sleep(0.001)
            held = stream._received._size  # noqa: SLF001 - nothing shows it outside
            await asyncio.sleep(0)
            assert stream._received._size == held  # noqa: SLF001 - it is not read on
            return held, read + sum([len(part) async for part in parts])

    with Peer(behave) as peer:
        held, read = asyncio.run(run(peer))
    assert held <= MOST_UNREAD_BYTES + 262_144  # one read of the loop more
    assert read == size


async def _pieces() -> AsyncIterator[bytes]:
    for _ in range(1_000_000):
        yield b"x" * 1000
        await asyncio.sleep(0)


@pytest.mark.parametrize("content", [lambda: b"x" * 32_000_000, _pieces], ids=["whole", "pieces"])
def test_a_peer_that_does_not_read_ends_the_wait(content: Callable[[], bytes | AsyncIterator[bytes]]) -> None:
    """By `write_seconds`, when the transport accepts no more."""
    gone = threading.Event()

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            gone.wait(TIMEOUT_SECONDS)

    async def run(port: int) -> None:
        async with calling(f"http://127.0.0.1:{port}", write_seconds=0.1, retries=None) as client:
            with pytest.raises(httpx2.WriteTimeout):
                await client.post("/", content=content())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        asyncio.run(run(listener.getsockname()[1]))
        gone.set()
        thread.join()


def test_a_wait_for_a_response_has_a_limit_of_its_own() -> None:
    """`read_seconds`, after which the connection is closed."""

    async def run(peer: Peer) -> None:
        async with calling(peer, read_seconds=0.1, retries=None) as client:
            with pytest.raises(httpx2.ReadTimeout):
                await client.post("/")

    with Peer(silent) as peer:
        asyncio.run(run(peer))


def test_a_connection_with_bytes_that_nobody_asked_for_is_not_used_again() -> None:
    """They would be taken for the next response."""
    answered = threading.Event()

    def behave(peer: Peer, connection: socket.socket) -> None:
        OK(peer, connection)
        if len(peer.requests) == 1:
            answered.wait(TIMEOUT_SECONDS)
            peer.send(connection, b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong")

    async def run(peer: Peer) -> bytes:
        async with calling(peer) as client:
            stream = (await client.post("/")).extensions["network_stream"]
            answered.set()
            while not stream.get_extra_info("is_readable"):  # noqa: ASYNC110 - the peer sends
                await asyncio.sleep(0.001)
            return (await client.post("/")).content

    with Peer(behave) as peer:
        assert asyncio.run(run(peer)) == b"{}"
        assert peer.connections == 2


def test_a_connection_that_is_reset_fails_with_its_reason() -> None:
    """As an error of httpx2 that may be repeated."""

    def behave(_: Peer, connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        connection.close()

    async def run(peer: Peer) -> None:
        async with calling(peer, retries=None) as client:
            with pytest.raises(httpx2.ReadError) as failed:
                await client.post("/")
            assert "reset" in str(failed.value)

    with Peer(behave) as peer:
        asyncio.run(run(peer))
        wait_until(lambda: len(peer.requests) == 1)


def test_a_peer_may_close_as_soon_as_it_is_connected_to() -> None:
    """Before the first byte of the request: the end is not overlooked."""

    def serve(listener: socket.socket) -> None:
        for _ in range(3):
            connection, _ = listener.accept()
            connection.close()
        connection, _ = listener.accept()
        with connection:
            read_request(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    async def run(port: int) -> None:
        async with calling(f"http://127.0.0.1:{port}", retries=None) as client:
            for _ in range(3):
                with pytest.raises(httpx2.TransportError):
                    await client.post("/")
            assert (await client.post("/")).content == b"{}"

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        asyncio.run(run(listener.getsockname()[1]))
        thread.join()


def test_what_came_before_the_take_over_is_there() -> None:
    """Bytes that anyio's protocol has received, and the end."""

    async def run() -> list[bytes]:
        ours, theirs = socket.socketpair()
        with theirs:
            theirs.sendall(b"early")
            theirs.shutdown(socket.SHUT_WR)
            transport, protocol = await asyncio.get_running_loop().create_connection(StreamProtocol, sock=ours)
            while not protocol.is_at_eof:  # noqa: ASYNC110 - the loop reads
                await asyncio.sleep(0)
            received = Received(transport)
            transport.abort()
            return [received.take(3), received.take(3), received.take(3)]

    assert asyncio.run(run()) == [b"ear", b"ly", b""]
