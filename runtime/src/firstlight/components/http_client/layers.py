"""The transports of one dependency, each around the next."""

import httpx2

from .attempts import Attempts
from .bulkhead import Concurrency
from .caller import Caller
from .connections import Routes
from .dependency import Dependency
from .fallbacks import FallbackTransport
from .limits import LimitedTransport
from .observation import ObservedTransport
from .settings import HttpClientSettings
from .tls import Tls


class Layers:
    """What all calls of one dependency pass, and what its health check passes."""

    def __init__(self, policy: Dependency, settings: HttpClientSettings, known_methods: frozenset[str]) -> None:
        """The policies with what the variables say. Raises `SettingsError` for TLS files that cannot be used."""
        name = policy.name
        self._policy, self._settings, self._known_methods = policy, settings, known_methods
        self._seconds = policy.total_seconds or settings.timeout_seconds
        self._bytes = settings.max_response_bytes if policy.max_response_bytes is None else policy.max_response_bytes
        self._concurrency = policy.concurrency or Concurrency(calls=settings.max_connections)
        self._files = (settings.ca_files, settings.certificate_files, settings.key_files)
        self._tls = Tls(name, *(files.get(name) for files in self._files))

    @property
    def timeout(self) -> httpx2.Timeout:
        """The timeouts of a call without its own. The layers read the total time, and the time for a connection."""
        return httpx2.Timeout(self._seconds, connect=self._policy.connect_seconds or self._settings.connect_seconds)

    def pools(self) -> Routes:
        """The connections of the calls, which metrics show."""
        routes = self._routes(self._concurrency.calls)
        routes.publish(self._policy.name)
        return routes

    def pool(self) -> Routes:
        """The connection of the health check."""
        return self._routes(1)

    def over(self, transport: httpx2.AsyncBaseTransport) -> httpx2.AsyncBaseTransport:
        """The transport of the calls, over the connections or what stands in for them."""
        policy = self._policy
        limited = LimitedTransport(transport, self._seconds, self._bytes, has_deadline=True)
        observed = ObservedTransport(policy.name, limited, self._known_methods, policy.baggage)
        caller = Caller(policy, self._seconds, Attempts(policy, self._concurrency, observed))
        return caller if policy.fallback is None else FallbackTransport(policy.name, policy.fallback, caller)

    def probe(self, transport: httpx2.AsyncBaseTransport) -> httpx2.AsyncBaseTransport:
        """The transport of the health check: one attempt within the limits, without telemetry."""
        return LimitedTransport(transport, self._seconds, self._bytes)

    def _routes(self, connections: int) -> Routes:
        return Routes(self._settings.proxies, self._tls, connections)
