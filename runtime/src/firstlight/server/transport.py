"""A transport whose owner decides how it is closed."""

import asyncio
from typing import Any, Protocol


class Owner(Protocol):
    """The protocol of a connection, which knows what the client still has to send and to read."""

    def leave(self) -> None:
        """Close the connection, now or when the client has read its answer."""


class _Nobody:
    def leave(self) -> None:
        """Do nothing: the connection is closed."""


_NOBODY = _Nobody()


class OwnedTransport:
    """Delegates to `transport`, and `close` calls `owner`.

    uvicorn closes at once. A client that still sends would get a reset instead of its response, and one that does not
    read its response would keep the connection for ever.
    """

    def __init__(self, transport: asyncio.Transport, owner: Owner) -> None:
        """Delegate to `transport`."""
        self.owner = owner
        self.bare = transport
        self.is_closing, self.write = transport.is_closing, transport.write

    def close(self) -> None:
        """Call the owner."""
        self.owner.leave()

    def end(self) -> None:
        """Forget the owner: the connection has ended."""
        self.owner = _NOBODY

    def __getattr__(self, name: str) -> Any:
        """All other attributes of the transport."""
        return getattr(self.bare, name)
