"""One websocket: uvicorn's protocol on `websockets`, with limits on buffered data.

uvicorn limits the size of messages and waits for pongs. In addition, messages are parsed when the application reads
them, and a client that does not read is cut.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidMessage
from websockets.http11 import Response

from ..requests.refusals import Refusals
from ..security.headers import HEADERS
from .answers import ANSWERS
from .connections import Connections
from .kernel import unread_bytes
from .transport import OwnedTransport

PIECE_BYTES = 4096  # parsed at once; a message has at least six bytes
MAX_UNREAD_BYTES = 1_048_576  # limit of unread pongs


class LimitedWebsocket(WebSocketsSansIOProtocol):
    """A websocket that is counted among the connections of `limited_by`."""

    def __init__(self, *, limited_by: Connections, refusals: Refusals, **uvicorn: Any) -> None:
        """Hand `uvicorn` on to uvicorn's protocol."""
        super().__init__(**uvicorn)
        self._limited_by = limited_by
        self._refusals = refusals
        self.conn.reject = partial(_rejection, self.conn.reject)  # type: ignore[method-assign] # uvicorn creates it
        self._held = b""  # read, but not parsed
        self._unread = 0

    def connection_made(self, transport: Any) -> None:
        """Take the connection over."""
        if isinstance(transport, OwnedTransport):
            transport.owner = self
        super().connection_made(transport)
        self._limited_by.adopt(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the connection."""
        self._limited_by.close(self)
        self._held = b""
        super().connection_lost(exc)
        if isinstance(self.transport, OwnedTransport):
            self.transport.end()

    def data_received(self, data: bytes) -> None:
        """Parse as much as the application reads now."""
        self._held += data
        self._take_in()

    async def receive(self) -> Any:
        """The next message, or the end."""
        message = await self.queue.get()
        if self.queue.empty():
            self._take_in()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            self.transport.resume_reading()
        return message

    def handle_ping(self) -> None:
        """Answer with a pong, unless the client does not read."""
        super().handle_ping()
        if self.transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            self.refuse("write_timeout")

    def keepalive_timeout(self) -> None:
        """The client does not answer pings: close at once, because it will not read."""
        super().keepalive_timeout()
        self.transport.abort()

    def leave(self) -> None:
        """Close the connection, within the time limit for reading what is left."""
        transport: Any = self.transport
        if transport.is_closing():
            return
        transport.bare.close()
        if transport.get_write_buffer_size():
            self._unread = unread_bytes(transport)
            self._limited_by.reads.begin(self)

    def has_progressed(self, _: str) -> bool:
        """Whether the client has read something since the last call."""
        unread, self._unread = self._unread, unread_bytes(self.transport)
        return self._unread < unread

    def refuse(self, reason: str) -> None:
        """End the connection at once, and count why."""
        self._refusals.count(reason, self.client[0] if self.client else "")
        self.transport.abort()

    def evict(self, _: str) -> None:
        """End the connection at once."""
        self.transport.abort()

    def _take_in(self) -> None:
        """Parse what the application reads; after its close frame, until the close frame of the client."""
        while self._held and (self.close_sent or self.queue.empty()) and not self.transport.is_closing():
            piece, self._held = self._held[:PIECE_BYTES], self._held[PIECE_BYTES:]
            super().data_received(piece)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self._refuse_handshake()

    def _refuse_handshake(self) -> None:
        """Answer a head that the library cannot parse, which uvicorn would leave without a response."""
        reason = "malformed" if isinstance(self.conn.handshake_exc, InvalidMessage) else "head_too_large"
        self._refusals.count(reason, self.client[0] if self.client else "")
        self.handshake_initiated = True
        self.transport.write(ANSWERS[reason])
        self.transport.close()


def _rejection(reject: Callable[..., Response], *given: Any) -> Response:
    """The response to a handshake that is refused, with the headers that every response has."""
    response = reject(*given)
    response.headers.update(HEADERS)
    return response
