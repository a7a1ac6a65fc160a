"""A connection without a network: the protocol of the service port on a transport that only remembers."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from firstlight.requests.refusals import Refusals
from firstlight.server.connections import Connections
from firstlight.server.limits import Limits
from firstlight.server.protocol import LimitedProtocol

HEAD_BYTES = 2048
REFUSALS = Refusals("service")  # one for all: it logs few lines
STEPS = 50  # turns of the loop after which nothing more happens by itself


class FakeTransport:
    """Remembers what was written, and whether it is read and open."""

    def __init__(self) -> None:
        """Open, and read."""
        self.writes: list[bytes] = []
        self.reading = True
        self.closed = self.aborted = self.eof = False
        self.unread = 0

    def write(self, data: bytes) -> None:
        """Remember."""
        self.writes.append(bytes(data))

    @property
    def written(self) -> bytes:
        """All that was written."""
        return b"".join(self.writes)

    def write_eof(self) -> None:
        """Nothing more will be written."""
        self.eof = True

    def pause_reading(self) -> None:
        """Stop."""
        self.reading = False

    def resume_reading(self) -> None:
        """Go on."""
        self.reading = True

    def get_write_buffer_size(self) -> int:
        """What the client has not read."""
        return self.unread

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self.closed

    def close(self) -> None:
        """Close."""
        self.closed = True

    def abort(self) -> None:
        """Close at once."""
        self.closed = self.aborted = True

    def get_extra_info(self, name: str) -> Any:
        """Addresses, and no socket."""
        return {"peername": ("192.0.2.1", 4711), "sockname": ("192.0.2.2", 80)}.get(name)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with what the application saw of the request."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        more = message["more_body"]
    names = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]]
    seen = [scope["method"], scope["raw_path"].decode("latin-1"), names, body.decode("latin-1")]
    answer = json.dumps(seen).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(answer))]})
    await send({"type": "http.response.body", "body": answer})


class Wired:
    """One connection to `app`."""

    def __init__(self, app: ASGIApp = echo, **limits: float) -> None:
        """Connect."""
        chosen: dict[str, Any] = {
            "max_head_bytes": HEAD_BYTES,
            "max_connections": 100,
            "head_seconds": 10,
            "body_seconds": 10,
            "write_seconds": 10,
            "keep_alive_seconds": 10,
            **limits,
        }
        self.connections = Connections(Limits(**chosen))
        self.config = Config(app, lifespan="off", log_config=None, access_log=False, ws="none")
        self.state = ServerState()
        self.transport, self.protocol = self.connect()

    def connect(self, transport: FakeTransport | None = None) -> tuple[FakeTransport, LimitedProtocol]:
        """Open one more connection."""
        transport = transport or FakeTransport()
        protocol = LimitedProtocol(
            limited_by=self.connections,
            refusals=REFUSALS,
            config=self.config,
            server_state=self.state,
            app_state={},
        )
        protocol.connection_made(transport)
        return transport, protocol

    async def send(self, *packets: bytes) -> bytes:
        """Send packets, as far as they are read. Returns what was answered so far."""
        for packet in packets:
            await self.until(lambda: self.transport.reading)
            if not self.transport.closed:
                self.protocol.data_received(packet)
        await self.until(lambda: False)
        return self.transport.written

    async def until(self, holds: Callable[[], object]) -> None:
        """Let the loop turn until it holds, or nothing can happen any more."""
        for _ in range(STEPS):
            if self.transport.closed or holds():
                return
            await asyncio.sleep(0)

    def close(self) -> None:
        """The client leaves."""
        if self.protocol.parser is not None:
            self.transport.closed = True
            self.protocol.connection_lost(None)


def answered(app: ASGIApp, packets: Sequence[bytes], **limits: float) -> bytes:
    """What is answered on a connection on which `packets` are sent."""

    async def talk() -> bytes:
        wired = Wired(app, **limits)
        try:
            return await wired.send(*packets)
        finally:
            wired.close()

    return asyncio.run(talk())
