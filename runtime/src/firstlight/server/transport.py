"""A transport that sends head and body of a response together, and whose owner decides how it is closed."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from starlette.types import Scope

from ..security.headers import LINES
from .held_heads import HeldHeads

JOINED_BYTES = 65_536  # a larger body is sent by itself: copying it would cost more than a second call
INTERIM = b"HTTP/1.1 100 "  # begins the response that asks for the body
END_OF_LINE = b"\r\n"


class Owner(Protocol):
    """The protocol of a connection, which knows what the client still has to send and to read."""

    def leave(self) -> None:
        """Close the connection, now or when the client has read its answer."""


class OwnedTransport:
    """Delegates to `transport`. Joins the writes of a response, and `close` calls `owner`.

    uvicorn writes head and body one after the other, and uvloop makes a system call and a packet of each. So the head
    is held until the body follows. A body that does not follow at once, such as that of a stream, delays it by one
    iteration of the loop. The head gets the fields that the application left in the scope: uvicorn examines each field
    that it writes, which takes half a microsecond for each.

    uvicorn closes at once. A client that still sends would get a reset instead of its response, and one that does not
    read its response would keep the connection for ever.
    """

    def __init__(
        self, transport: asyncio.Transport, owner: Owner, held: HeldHeads, call_soon: Callable[..., object]
    ) -> None:
        """Delegate to `transport`. `held` flushes it after an iteration of the loop, whose `call_soon` is given."""
        self.owner = owner
        self.bare = transport
        self.is_closing = transport.is_closing
        self._held_heads = held
        self._call_soon = call_soon
        self._begun: Scope | None = None  # of the request whose response has not begun
        self._held = b""

    def begin_response(self, scope: Scope) -> None:
        """Hold the head of the response to this request."""
        scope[LINES] = b""
        self._begun = scope

    def write(self, data: bytes) -> None:
        """Send `data`, with the head that is held."""
        if self._begun is not None and not data.startswith(INTERIM):
            lines, self._begun = self._begun[LINES], None
            if lines:
                data = b"".join((data[: -len(END_OF_LINE)], lines, END_OF_LINE))
            self._held += data  # a head without a body may be held already
            self._held_heads.add(self, self._call_soon)
        elif self._held and len(data) <= JOINED_BYTES:
            head, self._held = self._held, b""
            self.bare.write(b"".join((head, data)))
        else:
            self.flush()
            self.bare.write(data)

    def flush(self) -> None:
        """Send the head that is held."""
        if self._held:
            head, self._held = self._held, b""
            self.bare.write(head)

    def drop(self) -> None:
        """Do not send what is held: the connection has ended."""
        self._held = b""

    def write_eof(self) -> None:
        """Send what is held, and nothing after it."""
        self.flush()
        self.bare.write_eof()

    def close(self) -> None:
        """Send what is held, and call the owner."""
        self.flush()
        self.owner.leave()

    def abort(self) -> None:
        """Close at once, without what is held."""
        self.drop()
        self.bare.abort()

    def __getattr__(self, name: str) -> Any:
        """All other attributes of the transport."""
        return getattr(self.bare, name)
