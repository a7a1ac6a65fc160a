"""A client at the level of bytes, because no library sends what hostile clients send."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple, Self

LOOPBACK = "127.0.0.1"
ANSWER_SECONDS = 15.0
MAX_LINE_BYTES = 1 << 20


class Reply(NamedTuple):
    """One response."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """`Wire.open` makes one."""
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int) -> Self:
        """Connect. Raises `OSError`."""
        return cls(*await asyncio.open_connection(LOOPBACK, port, limit=MAX_LINE_BYTES))

    async def send(self, data: bytes) -> None:
        """Send bytes, and wait while the kernel takes no more. Raises `OSError`."""
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> Reply:
        """The head of the next response. Raises `EOFError` when there is none."""
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in lines[1:] if line)
        return Reply(int(lines[0].split(" ")[1]), {name.lower(): value.strip() for name, _, value in fields}, b"")

    async def receive(self) -> Reply:
        """The next response, whole. Raises `EOFError` when it is cut."""
        reply = await self.head()
        if reply.headers.get("transfer-encoding") == "chunked":
            return reply._replace(body=b"".join([chunk async for chunk in self.chunks()]))
        return reply._replace(body=await self.reader.readexactly(int(reply.headers.get("content-length", 0))))

    async def chunks(self) -> AsyncIterator[bytes]:
        """The chunks of a body. Raises `EOFError` when the last one does not come."""
        while size := int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16):
            yield await self.reader.readexactly(size)
            await self.reader.readexactly(2)
        await self.reader.readuntil(b"\r\n")

    def close(self) -> None:
        """Leave at once."""
        self.writer.transport.abort()


def head(target: str, method: str = "GET", /, **fields: str) -> bytes:
    """The head of a request. Underscores in the names of fields are hyphens."""
    lines = [f"{method} {target} HTTP/1.1", "host: service"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def post(target: str, body: bytes, /, **fields: str) -> bytes:
    """A request with a JSON body."""
    length = {"content_type": "application/json", "content_length": str(len(body))}
    return head(target, "POST", **length, **fields) + body


async def ask(port: int, request: bytes) -> Reply:
    """Send one request on a connection of its own. Raises `OSError` (`TimeoutError` as well) and `EOFError`."""
    wire = await Wire.open(port)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await wire.send(request)
            return await wire.receive()
    finally:
        wire.close()
