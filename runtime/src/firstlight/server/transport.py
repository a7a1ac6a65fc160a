"""The transport of a connection, whose owner decides how it is closed."""

import asyncio
from typing import Any, Protocol


class Owner(Protocol):
    """Who knows what the client still has to send and to read."""

    def leave(self) -> None:
        """Close the connection, now or when the client has read its answer."""


class OwnedTransport:
    """Everything of `transport`, but closing it is up to `owner`.

    uvicorn closes at once. A client that is still sending would then get a reset in place of its answer, and one that
    does not read its answer would keep the connection for ever.
    """

    def __init__(self, transport: asyncio.Transport, owner: Owner) -> None:
        """Delegate to `transport`."""
        self.owner = owner
        self.bare = transport
        self.write = transport.write
        self.is_closing = transport.is_closing

    def close(self) -> None:
        """Leave it to the owner."""
        self.owner.leave()

    def __getattr__(self, name: str) -> Any:
        """Whatever else a transport has."""
        return getattr(self.bare, name)
