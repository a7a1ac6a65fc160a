"""The clients, one for each dependency, and the health checks, which have separate clients."""

import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from http import HTTPStatus

import httpx2

from ...component import Surroundings
from ...management.check import Check
from .discovery import discovered
from .discovery.target import parse
from .limits import LimitedTransport
from .observation import ObservedTransport
from .settings import HttpClientSettings


class Clients(Mapping[str, httpx2.AsyncClient]):
    """The clients by the name of their dependency."""

    def __init__(self, clients: Mapping[str, httpx2.AsyncClient], probes: Mapping[str, httpx2.AsyncClient]) -> None:
        """`probes` are the clients of the checks. They record no metrics and no spans."""
        self._clients = clients
        self.probes = probes

    def __getitem__(self, name: str) -> httpx2.AsyncClient:
        """The client of one dependency."""
        return self._clients[name]

    def __iter__(self) -> Iterator[str]:
        """The names of the dependencies."""
        return iter(self._clients)

    def __len__(self) -> int:
        """The number of dependencies."""
        return len(self._clients)


@asynccontextmanager
async def open_clients(
    surroundings: Surroundings[HttpClientSettings], transports: Mapping[str, httpx2.AsyncBaseTransport] | None = None
) -> AsyncIterator[Clients]:
    """One client for each dependency, by name. A dependency in `transports` is answered by it, and not checked."""
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it would log every call, which has a span and a metric
    settings = surroundings.settings
    async with AsyncExitStack() as stack:
        clients, probes = {}, {}
        context = httpx2.create_ssl_context() if settings.dependencies else None  # shared: it takes 10 ms

        def client(url: str, transport: httpx2.AsyncBaseTransport) -> httpx2.AsyncClient:
            timeout = httpx2.Timeout(settings.timeout_seconds, connect=settings.connect_seconds)
            return httpx2.AsyncClient(base_url=url, timeout=timeout, transport=transport)

        def pool(connections: int) -> httpx2.AsyncHTTPTransport:
            return httpx2.AsyncHTTPTransport(verify=context or True, limits=httpx2.Limits(max_connections=connections))

        def limited(transport: httpx2.AsyncBaseTransport) -> LimitedTransport:
            return LimitedTransport(transport, settings.timeout_seconds, settings.max_response_bytes)

        given = transports or {}
        for name, url in {**{name: f"http://{name}" for name in given}, **settings.dependencies}.items():
            address = parse(url).url if name in given else url  # what is answered by a test is not looked up
            found = await stack.enter_async_context(discovered(name, address, settings))
            transport = limited(given.get(name) or found.over(pool(settings.max_connections)))
            observed = ObservedTransport(name, transport, surroundings.service.known_methods)
            clients[name] = await stack.enter_async_context(client(found.url, observed))
            if name not in given:
                probes[name] = await stack.enter_async_context(client(found.url, limited(found.over(pool(1)))))
        yield Clients(clients, probes)


def checks(clients: Clients) -> Sequence[Check]:
    """One check for each dependency. None is critical, because all instances share the dependencies."""
    return [Check(f"http_client.{name}", partial(_answers, client)) for name, client in clients.probes.items()]


async def _answers(client: httpx2.AsyncClient) -> None:
    """Read the status, not the body, which may be endless."""
    async with client.stream("GET", "/") as response:
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            response.raise_for_status()
