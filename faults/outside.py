"""Collector, error tracker and dependencies of the service. The first part of a path says how they misbehave.

`/ok`, `/redirect`, `/partial`, `/endless`, `/drip`, `/hang`, `/v1`; everything else is answered as `/ok`.
"""

import asyncio
import gzip
import json
import zlib
from contextlib import suppress
from typing import Self

from .wire import LOOPBACK

CHUNK = b"x" * 65_536
DRIP_SECONDS = 0.1
REJECTED = b"\x0a\x02\x08\x03"  # ExportTraceServiceResponse{partial_success{rejected_spans: 3}}
ENDLESS = b"HTTP/1.1 %d Status\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n"


class Outside:
    """One server on a free port, which keeps what it got."""

    def __init__(self) -> None:
        """Nothing has arrived."""
        self.received: list[tuple[str, bytes]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def start(cls) -> Self:
        """Serve from now on."""
        outside = cls()
        outside._server = await asyncio.start_server(outside._serve, LOOPBACK, 0)
        outside.port = outside._server.sockets[0].getsockname()[1]
        return outside

    _server: asyncio.Server
    port: int

    async def close(self) -> None:
        """Serve no more."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def bodies(self, part: str) -> list[bytes]:
        """The bodies that came to paths which hold `part`, not compressed."""
        return [body for path, body in self.received if part in path]

    @property
    def reports(self) -> int:
        """How many errors the error tracker got."""
        return sum(body.count(b'"type":"event"') for body in self.bodies("/envelope/"))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError, EOFError, asyncio.CancelledError):
                while True:
                    await self._answer(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        body = await _body(reader, fields)
        self.received.append((path, _plain(body, fields.get("content-encoding", ""))))
        match path.split("/")[1]:
            case "redirect":
                await _send(writer, 302, b"", f"location: http://{LOOPBACK}:{self.port}/elsewhere\r\n")
            case "partial":
                await _send(writer, 200, REJECTED)
            case "endless":
                await _send_endless(writer, 400 if method == "POST" else 200)
            case "drip":
                await _drip(writer)
            case "hang":
                await reader.read()
                raise EOFError
            case "v1":
                await self._name_itself_once(writer)
            case _:
                await _send(writer, 200, b"")

    async def _name_itself_once(self, writer: asyncio.StreamWriter) -> None:
        """As an agent of Consul whose servers fail afterwards."""
        if len(self.bodies("/v1/health/")) > 1:
            await _send(writer, 500, b"No cluster leader")
            return
        service = {"Address": LOOPBACK, "Port": self.port}
        await _send(writer, 200, json.dumps([{"Service": service}]).encode())


async def _body(reader: asyncio.StreamReader, fields: dict[str, str]) -> bytes:
    if fields.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(fields.get("content-length", 0)))
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return body


def _plain(body: bytes, encoding: str) -> bytes:
    if encoding == "gzip":
        return gzip.decompress(body)
    return zlib.decompress(body) if encoding == "deflate" else body


async def _send(writer: asyncio.StreamWriter, status: int, body: bytes, fields: str = "") -> None:
    writer.write(f"HTTP/1.1 {status} Status\r\n{fields}content-length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()


async def _send_endless(writer: asyncio.StreamWriter, status: int) -> None:
    writer.write(ENDLESS % status)
    while True:
        writer.write(b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK))
        await writer.drain()


async def _drip(writer: asyncio.StreamWriter) -> None:
    writer.write(ENDLESS % 200)
    while True:
        writer.write(b"1\r\nx\r\n")
        await writer.drain()
        await asyncio.sleep(DRIP_SECONDS)
