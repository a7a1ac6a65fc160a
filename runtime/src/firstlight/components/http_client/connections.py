"""Pools of connections: whether a call has opened one, and how many there are."""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import httpcore2
import httpx2

from .metrics import CONNECTIONS
from .plain_stream import plain
from .proxies import CALLED, Proxies
from .tls import Tls

MOST_PLACES = 1000  # of one dependency: its instances, and where it redirects to

# True when the call in progress has opened a connection, instead of using one of an earlier call.
CONNECTED: ContextVar[bool] = ContextVar("connected", default=False)


class Pool(httpx2.AsyncHTTPTransport):
    """The connections to one dependency."""

    def __init__(self, tls: Tls, connections: int, proxy: str | None = None) -> None:
        """At most `connections`, through `proxy` if there is one."""
        super().__init__(verify=tls.context, limits=httpx2.Limits(max_connections=connections), proxy=proxy)
        pool = self._pool
        network = _Network(pool._network_backend, tls.refresh, is_direct=proxy is None)  # noqa: SLF001 - there is no
        pool._network_backend = network  # noqa: SLF001 - argument for it

    @property
    def open(self) -> Sequence[httpcore2.AsyncConnectionInterface]:
        """The connections that are open now."""
        return self._pool.connections


class _Network(httpcore2.AsyncNetworkBackend):
    """Notes in the context of a call that it has opened a connection."""

    def __init__(self, backend: httpcore2.AsyncNetworkBackend, before: Callable[[], None], *, is_direct: bool) -> None:
        self._backend, self._before, self._is_direct = backend, before, is_direct

    async def connect_tcp(self, *arguments: Any, **options: Any) -> httpcore2.AsyncNetworkStream:
        CONNECTED.set(True)
        self._before()
        opened = await self._backend.connect_tcp(*arguments, **options)
        return plain(opened) if self._is_direct else opened  # a proxy is asked before TLS begins

    async def connect_unix_socket(self, *arguments: Any, **options: Any) -> httpcore2.AsyncNetworkStream:
        CONNECTED.set(True)
        self._before()
        return await self._backend.connect_unix_socket(*arguments, **options)

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


class Routes(httpx2.AsyncBaseTransport):
    """The pools of one dependency: without a proxy, and one for each proxy."""

    def __init__(self, proxies: Proxies, tls: Tls, connections: int) -> None:
        """Each pool has at most so many connections."""
        self._proxies = proxies
        self._direct = Pool(tls, connections)
        self._chosen: dict[tuple[str, str, int | None], Pool] = {}
        self._through = {url: Pool(tls, connections, url) for url in {*proxies.by_scheme.values()}}

    @property
    def pools(self) -> Sequence[Pool]:
        """All pools."""
        return [self._direct, *self._through.values()]

    def publish(self, dependency: str) -> None:
        """Show the open connections as metrics, which are read at each scrape."""

        def count(*, idle: bool) -> int:
            return sum(connection.is_idle() is idle for pool in self.pools for connection in pool.open)

        CONNECTIONS.labels(dependency, "idle").set_function(lambda: count(idle=True))
        CONNECTIONS.labels(dependency, "active").set_function(lambda: count(idle=False))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send through the pool for the URL of the request."""
        url = request.url
        place = url.scheme, url.host, url.port
        pool = self._chosen.get(place) or self._choose(place, request)
        return await pool.handle_async_request(request)

    def _choose(self, place: tuple[str, str, int | None], request: httpx2.Request) -> Pool:
        """`NO_PROXY` may have the name of the dependency, or the address of its instance."""
        proxy = self._proxies.proxy_of(request.url)
        if self._proxies.proxy_of(request.extensions.get(CALLED, request.url)) is None:
            proxy = None
        pool = self._direct if proxy is None else self._through[proxy]
        if len(self._chosen) < MOST_PLACES:
            self._chosen[place] = pool
        return pool

    async def aclose(self) -> None:
        """Close all pools."""
        for pool in self.pools:
            await pool.aclose()
