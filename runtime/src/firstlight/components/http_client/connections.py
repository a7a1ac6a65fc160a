"""Pools of connections: whether a call has opened one, and how many there are."""

from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from ssl import SSLContext
from typing import Any

import httpcore2
import httpx2

from .metrics import CONNECTIONS

# True when the call in progress has opened a connection, instead of using one of an earlier call.
CONNECTED: ContextVar[bool] = ContextVar("connected", default=False)


class Pool(httpx2.AsyncHTTPTransport):
    """The connections to one dependency."""

    def __init__(self, context: SSLContext, connections: int, proxy: str | None = None) -> None:
        """At most `connections`, through `proxy` if there is one."""
        super().__init__(verify=context, limits=httpx2.Limits(max_connections=connections), proxy=proxy)
        self._pool._network_backend = _Network(self._pool._network_backend)  # noqa: SLF001 - it has no argument for it

    @property
    def open(self) -> Sequence[httpcore2.AsyncConnectionInterface]:
        """The connections that are open now."""
        return self._pool.connections


class _Network(httpcore2.AsyncNetworkBackend):
    """Notes in the context of a call that it has opened a connection."""

    def __init__(self, backend: httpcore2.AsyncNetworkBackend) -> None:
        self._backend = backend

    async def connect_tcp(self, *arguments: Any, **options: Any) -> httpcore2.AsyncNetworkStream:
        CONNECTED.set(True)
        return await self._backend.connect_tcp(*arguments, **options)

    async def connect_unix_socket(self, *arguments: Any, **options: Any) -> httpcore2.AsyncNetworkStream:
        CONNECTED.set(True)
        return await self._backend.connect_unix_socket(*arguments, **options)

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


def publish(dependency: str, pools: Iterable[Pool]) -> None:
    """Show the connections of a dependency as metrics, read at each scrape."""
    own = list(pools)

    def count(*, idle: bool) -> int:
        return sum(connection.is_idle() is idle for pool in own for connection in pool.open)

    CONNECTIONS.labels(dependency, "idle").set_function(lambda: count(idle=True))
    CONNECTIONS.labels(dependency, "active").set_function(lambda: count(idle=False))
