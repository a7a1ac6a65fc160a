"""Real servers of a dependency: each can be slow, fail, be stopped, and be started again on its port."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Self


class Backend:
    """A server of HTTP/1.1 on a loopback address. Each answer says who gave it."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        """It listens once it is entered. Port 0 is any free port."""
        self.host, self.port = host, port
        self.status = 200
        self.release = asyncio.Event()
        """Answers wait for it."""
        self.release.set()
        self.heads: list[str] = []
        """The heads of the requests."""
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def name(self) -> str:
        """Host and port."""
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The base URL."""
        return f"{'http' if self._tls is None else 'https'}://{self.name}"

    async def __aenter__(self) -> Self:
        """Listen."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        self.kill()

    async def start(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._serve, self.host, self.port, ssl=self._tls)
        self.port = int(self._server.sockets[0].getsockname()[1])

    def kill(self) -> None:
        """Refuse and cut all connections, as the end of the process does."""
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
                await self.release.wait()
                text = self.name.encode()
                writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%s" % (self.status, len(text), text))
                await writer.drain()
        self._open.discard(writer)
        writer.close()


@asynccontextmanager
async def backends(*hosts: str) -> AsyncIterator[list[Backend]]:
    """Servers that listen, one for each host."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Backend(host)) for host in hosts]
