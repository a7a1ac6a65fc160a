"""Where spans go: an OTLP endpoint that reads what it is sent, keeps the last of it, and says 200.

It decodes nothing, so that it costs the load's core little. `GET /seen/<hex>` tells whether a trace id has arrived.
"""

import asyncio
import sys
from collections import deque

KEPT_BODIES = 64
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
LENGTH = b"content-length:"

_kept: deque[bytes] = deque(maxlen=KEPT_BODIES)


class Sink(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        """Nothing has arrived."""
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what answers go to."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n") + 4) > 3 and self._transport is not None:  # noqa: PLR2004 - found
            head = bytes(self._buffer[:end])
            length = _length(head)
            if len(self._buffer) < end + length:
                return
            body = bytes(self._buffer[end : end + length])
            del self._buffer[: end + length]
            self._transport.write(_answer(head, body))


def _answer(head: bytes, body: bytes) -> bytes:
    method, target, _ = head.split(b" ", 2)
    if method == b"POST":
        _kept.append(body)
        return OK
    wanted = bytes.fromhex(target.rpartition(b"/")[2].decode())
    return OK if any(wanted in kept for kept in _kept) else NOT_FOUND


def _length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next((int(line.removeprefix(LENGTH)) for line in lines if line.startswith(LENGTH)), 0)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
