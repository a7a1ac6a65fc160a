"""The routes of the service and of its components, each inside the middleware of the components."""

import copy
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

from starlette.routing import BaseRoute, Host, Mount, Route, WebSocketRoute
from starlette.types import ASGIApp

from . import operation
from .component import Component, Layer, Wrap
from .operation import Operation
from .requests.thread_queue import ThreadQueue
from .service import Service

Components = Sequence[Component[Any, Any]]


def routes(service: Service, threads: ThreadQueue) -> Sequence[BaseRoute]:
    """The service's own routes first, then those of its components in their order."""
    wraps = [wrap for layer, wrap in _layers(service.components) if not layer.wraps_the_router]

    def around(app: ASGIApp, row: Operation | None) -> ASGIApp:
        return reduce(lambda inner, wrap: wrap(inner, row), reversed(wraps), app)

    declared = (service.routes, *(component.routes for component in service.components))
    return [route for rows in declared for route in _built(rows, around, threads)]


def around_the_router(components: Components) -> Sequence[Wrap]:
    """The middleware that sees every request, the outermost first."""
    return [wrap for layer, wrap in _layers(components) if layer.wraps_the_router]


def _layers(components: Components) -> Sequence[tuple[Layer, Wrap]]:
    """All middleware, the outermost first: the order of `Layer`, whatever the order of the components."""
    given = {layer: wrap for component in components for layer, wrap in component.middleware.items()}
    return [(layer, given[layer]) for layer in Layer if layer in given]


def _built(rows: Sequence[BaseRoute | Operation], around: Wrap, threads: ThreadQueue) -> Iterator[BaseRoute]:
    """Routes in the order of the rows; the operations of one path are one route, where the first of them stands."""
    operations = operation.routes((row for row in rows if isinstance(row, Operation)), around)
    waiting = {route.path: route for route in operations}
    for row in rows:
        if not isinstance(row, Operation):
            yield _wrapped(row, around, threads)
        elif row.path in waiting:
            yield waiting.pop(row.path)


def _wrapped(route: BaseRoute, around: Wrap, threads: ThreadQueue) -> BaseRoute:
    """A copy inside the middleware: the declared route may serve other applications of this process as well."""
    if not isinstance(route, Route | WebSocketRoute | Mount | Host):
        return route
    wrapped = copy.copy(route)
    wrapped.app = around(threads.app(route) if isinstance(route, Route) else route.app, None)
    return wrapped
