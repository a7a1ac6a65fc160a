"""The latency objective of each route: its threshold and its counters. Without an own one: those of the service."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.routing import BaseRoute, Host, WebSocketRoute, compile_path

from ..errors import ArrangementError
from ..latency import Latency
from ..metrics.counts import Count
from ..metrics.instruments import OTHER_METHOD
from ..operations.operation import Operation
from ..service import Service
from ..settings import Settings, is_bucket
from ..slo import ROUTE_PREFIX, Events, Objective

GET, HEAD = "GET", "HEAD"


@dataclass(frozen=True, slots=True)
class Timing:
    """The threshold of slow requests, and the counters of good and bad events."""

    threshold: int
    """Nanoseconds."""
    to_first_byte: bool
    good: Count
    bad: Count


@dataclass(frozen=True, slots=True)
class Declared:
    """The latency that the page declares for a path."""

    path: str
    name: str
    methods: Collection[str]
    latency: Latency | None


class Timings(dict[tuple[str, str], Timing | None]):
    """Timings by method and template of the route. None for a route without a latency objective."""

    def __init__(self, service: Service, settings: Settings, standard: Events) -> None:
        """`standard` counts the requests of the service's own latency objective.

        Raises `ArrangementError` for a latency that belongs to no route, or that no rule could alert on.
        """
        super().__init__()
        self.standard = Timing(_nanoseconds(settings.slo_latency_seconds), to_first_byte=False, **standard._asdict())
        self._settings = settings
        for route in _declared(service, settings):
            timing, template = self._timing(route), compile_path(route.path)[1]
            self.update({(method, template): timing for method in route.methods})
        for method, template in list(self):
            if method == GET:  # HEAD is answered like GET, unless it is an operation of its own
                self.setdefault((HEAD, template), self[GET, template])

    def of(self, method: str, template: str) -> Timing | None:
        """The timing of a request."""
        return self.get((method, template), self.standard)

    def _timing(self, route: Declared) -> Timing | None:
        latency, standard = route.latency, self.standard
        if latency is None:
            return None
        seconds = self._settings.slo_latency_seconds if latency.seconds is None else latency.seconds
        events = Events(standard.good, standard.bad)
        if latency.ratio is not None:
            events = _objective(route.name, latency.ratio, seconds).export()
        else:
            _refuse_between_buckets(route.path, seconds)
        return Timing(_nanoseconds(seconds), latency.to_first_byte, **events._asdict())


def objectives(service: Service, settings: Settings) -> Iterator[Objective]:
    """The objectives of the routes that have their own. Raises `ArrangementError` as `Timings` does."""
    for route in _declared(service, settings):
        if route.latency is not None and route.latency.ratio is not None:
            seconds = settings.slo_latency_seconds if route.latency.seconds is None else route.latency.seconds
            yield _objective(route.name, route.latency.ratio, seconds)


def _objective(name: str, ratio: float, seconds: float) -> Objective:
    return Objective(f"{ROUTE_PREFIX}{name}", ratio, seconds)


def _declared(service: Service, settings: Settings) -> Sequence[Declared]:
    declared = [*_operations(service), *_routes(service, settings)]
    _refuse_shared_objectives(declared)
    return declared


def _refuse_between_buckets(path: str, seconds: float) -> None:
    try:
        is_bucket(seconds)
    except ValueError as error:
        msg = f"the latency of {path} {error}, not {seconds}"
        raise ArrangementError(msg) from None


def _operations(service: Service) -> Iterator[Declared]:
    for row in _rows(service):
        if isinstance(row, Operation):
            yield Declared(row.path, row.name, [row.method], row.latency)


def _routes(service: Service, settings: Settings) -> Iterator[Declared]:
    """The entries of `latency` of the service. A path may have several routes, each for other methods."""
    rows = list(_rows(service))
    operations = {row.path for row in rows if isinstance(row, Operation)}
    routes: dict[str, list[Any]] = {}
    for path, route in _walk([row for row in rows if isinstance(row, BaseRoute)]):
        routes.setdefault(path, []).append(route)
    every = (*settings.known_methods, OTHER_METHOD)  # of a route without a list of methods
    for path, latency in service.latency.items():
        if path in operations:
            msg = f"`latency` of the service names {path!r}; declare it in `latency` of its operations instead"
            raise ArrangementError(msg)
        if path not in routes:
            msg = f"`latency` of the service names {path!r}, which is the path of no route"
            raise ArrangementError(msg)
        methods = [method for route in routes[path] for method in getattr(route, "methods", None) or every]
        yield Declared(path, routes[path][0].name or path.strip("/"), methods, latency)


def _rows(service: Service) -> Iterator[BaseRoute | Operation]:
    yield from service.routes
    for component in service.components:
        yield from component.routes


def _walk(routes: Sequence[BaseRoute], prefix: str = "") -> Iterator[tuple[str, BaseRoute]]:
    for route in routes:
        path = prefix + getattr(route, "path", "")
        if not isinstance(route, WebSocketRoute | Host):  # a host has no path, a websocket has no latency
            yield path, route
        yield from _walk(getattr(route, "routes", None) or (), path)


def _refuse_shared_objectives(declared: Sequence[Declared]) -> None:
    own = [route for route in declared if route.latency is not None and route.latency.ratio is not None]
    for name, count in Counter(route.name for route in own).items():
        if count > 1:
            paths = " and ".join(route.path for route in own if route.name == name)
            msg = f"{paths} would share the objective {ROUTE_PREFIX}{name}; rename one of the handlers"
            raise ArrangementError(msg)


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
