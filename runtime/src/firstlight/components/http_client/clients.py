"""The clients, one for each dependency, and the health checks, which have separate clients."""

import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from http import HTTPStatus

import httpx2

from ...component import Surroundings
from ...management.check import Check
from .client import DependencyClient
from .dependency import Dependency
from .discovery import Choice, discovered
from .discovery.target import parse
from .layers import Layers
from .settings import HttpClientSettings

Transports = Mapping[str, httpx2.AsyncBaseTransport]


class Clients(Mapping[str, httpx2.AsyncClient]):
    """The clients by the name of their dependency."""

    def __init__(self, clients: Mapping[str, httpx2.AsyncClient], probes: Mapping[str, httpx2.AsyncClient]) -> None:
        """`probes` are the clients of the checks. They record no metrics and no spans."""
        self._clients = clients
        self.probes = probes

    def __getitem__(self, name: str) -> httpx2.AsyncClient:
        """The client of one dependency. Raises `KeyError` with a sentence for one without an address."""
        try:
            return self._clients[name]
        except KeyError:
            msg = f"HTTP_CLIENT_DEPENDENCIES does not have {name}"
            raise KeyError(msg) from None

    def __iter__(self) -> Iterator[str]:
        """The names of the dependencies."""
        return iter(self._clients)

    def __len__(self) -> int:
        """The number of dependencies."""
        return len(self._clients)


@asynccontextmanager
async def open_clients(
    surroundings: Surroundings[HttpClientSettings],
    transports: Transports | None = None,
    declared: Sequence[Dependency] = (),
) -> AsyncIterator[Clients]:
    """One client for each dependency, by name. A dependency in `transports` is answered by it, and not checked.

    A dependency that is not in `declared` has the policies of the variables.
    """
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it would log every call, which has a span and a metric
    settings, given = surroundings.settings, transports or {}
    policies = {policy.name: policy for policy in declared}
    urls = {**{name: f"http://{name}" for name in given}, **settings.dependencies}
    async with AsyncExitStack() as stack:
        clients, probes = {}, {}
        for name, url in urls.items():
            address = parse(url).url if name in given else url  # what is answered by a test is not looked up
            policy = policies.get(name) or Dependency(name)
            choice = Choice(policy.balancing or settings.balancing, policy.ejection)
            found = await stack.enter_async_context(discovered(name, address, settings, choice))
            layers = Layers(policy, settings, surroundings.service.known_methods)
            transport = layers.over(given[name]) if name in given else layers.over(found.over(layers.pools()))
            client = DependencyClient(
                name, found.servers, base_url=found.url, timeout=layers.timeout, transport=transport
            )
            clients[name] = await stack.enter_async_context(client)
            if name not in given:
                transport = layers.probe(found.over(layers.pool()))
                probe = httpx2.AsyncClient(base_url=found.url, timeout=layers.timeout, transport=transport)
                probes[name] = await stack.enter_async_context(probe)
        yield Clients(clients, probes)


def checks(clients: Clients) -> Sequence[Check]:
    """One check for each dependency. None is critical, because all instances share the dependencies."""
    return [Check(f"http_client.{name}", partial(_answers, client)) for name, client in clients.probes.items()]


async def _answers(client: httpx2.AsyncClient) -> None:
    """Read the status, not the body, which may be endless."""
    async with client.stream("GET", "/") as response:
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            response.raise_for_status()
