"""How long requests may take: one clock and one pair of counters for each route, that of the service by default."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import Counter
from starlette.routing import BaseRoute, compile_path

from ..errors import ArrangementError
from ..latency import Latency
from ..operation import Operation
from ..service import Service
from ..settings import Settings
from ..slo import ROUTE_PREFIX, Events, Objective

GET = "GET"


@dataclass(frozen=True, slots=True)
class Timing:
    """When a request was slow, and what counts it."""

    threshold: int
    """Nanoseconds."""
    to_first_byte: bool
    good: Counter
    bad: Counter


@dataclass(frozen=True, slots=True)
class Declared:
    """What a route says of its latency."""

    path: str
    name: str
    methods: Sequence[str]
    latency: Latency | None


class Timings(dict[tuple[str, str], Timing | None]):
    """Timings by method and template of the route; none for a route that no latency objective holds."""

    def __init__(self, service: Service, settings: Settings, standard: Events) -> None:
        """`standard` counts the requests of the service's own latency objective.

        Raises `ArrangementError` for a latency that belongs to no route, or that no rule could alert on.
        """
        super().__init__()
        self.standard = Timing(_nanoseconds(settings.slo_latency_seconds), to_first_byte=False, **standard._asdict())
        for route in _declared(service):
            timing = self._timing(route, settings, standard)
            template = compile_path(route.path)[1]
            self.update({(method, template): timing for method in route.methods})

    def of(self, method: str, template: str) -> Timing | None:
        """The timing of a request."""
        return self.get((method, template), self.standard)

    def _timing(self, route: Declared, settings: Settings, standard: Events) -> Timing | None:
        latency = route.latency
        if latency is None:
            return None
        seconds = latency.seconds or settings.slo_latency_seconds
        slo = f"{ROUTE_PREFIX}{route.name}"
        objective = Objective(slo, latency.ratio or settings.slo_latency, seconds)  # refuses what is no threshold
        events = objective.export() if latency.ratio is not None else standard
        return Timing(_nanoseconds(seconds), latency.to_first_byte, **events._asdict())


def _declared(service: Service) -> Iterator[Declared]:
    rows = [*service.routes, *(row for component in service.components for row in component.routes)]
    for row in rows:
        if isinstance(row, Operation) and row.latency != Latency():
            yield Declared(row.path, row.name, _methods([row.method]), row.latency)
    routes = dict(_walk([row for row in rows if isinstance(row, BaseRoute)]))
    for path, latency in service.latency.items():
        if path not in routes:
            msg = f"`latency` of the service names {path!r}, which is the path of no route"
            raise ArrangementError(msg)
        route: Any = routes[path]
        yield Declared(path, route.name, _methods(getattr(route, "methods", None) or [GET]), latency)


def _walk(routes: Sequence[BaseRoute], prefix: str = "") -> Iterator[tuple[str, BaseRoute]]:
    for route in routes:
        path = prefix + getattr(route, "path", "")
        yield path, route
        yield from _walk(getattr(route, "routes", None) or (), path)


def _methods(methods: Sequence[str]) -> Sequence[str]:
    return [*methods, "HEAD"] if GET in methods else list(methods)


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
