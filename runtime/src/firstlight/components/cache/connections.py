"""A connection to the server: by its address of now, with TLS, and without redis-py's own retries and timeouts."""

import asyncio
from collections.abc import Mapping
from typing import Any

from redis.asyncio import Connection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import UsernamePasswordCredentialProvider

from .destination import Destination


class AddressedConnection(Connection):
    """Asks for the address whenever it connects, so that a new password needs no new pool."""

    def __init__(self, *, destination: Destination, **options: Any) -> None:
        """`destination` tells the address, and how long connecting may take, with TLS and AUTH."""
        self._destination = destination
        self.connect_seconds = destination.connect_seconds
        super().__init__(
            # Each call has one limit of its own. A call that is repeated by the driver might count twice.
            socket_timeout=None,
            socket_connect_timeout=destination.connect_seconds,
            retry=Retry(NoBackoff(), 0),
            driver_info=None,
            **options,
        )

    async def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:  # noqa: FBT001, FBT002 - as redis-py calls it
        """Connect if need be, within the limit for all steps. Raises the errors of redis-py."""
        if self.is_connected:
            return
        address = self._destination.address
        self.host, self.port, self.db = address.host, address.port, address.database
        named = address.username or address.password
        self.credential_provider = (
            UsernamePasswordCredentialProvider(address.username, address.password) if named else None
        )
        try:
            async with asyncio.timeout(self.connect_seconds):
                await super().connect_check_health(check_health, retry_socket_connect)
        except BaseException:
            self._close()  # type: ignore[no-untyped-call] # redis-py leaves the socket open when AUTH hangs
            raise

    def _connection_arguments(self) -> Mapping[str, Any]:
        return {**super()._connection_arguments(), "ssl": self._destination.tls}
