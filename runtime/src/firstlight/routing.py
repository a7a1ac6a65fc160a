"""The routes of the service and of its components, wrapped in the middleware of the components."""

import copy
from collections.abc import Iterator, Sequence
from functools import reduce
from http import HTTPStatus
from typing import Any

from starlette.routing import BaseRoute, Host, Mount, Route, Router, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from .component import Component, Layer, Wrap
from .compression.compression import CompressionThreads, compressing
from .operations.operation import Operation
from .operations.routes import routes as operation_routes
from .requests.deadline import Deadlines
from .requests.thread_queue import ThreadQueue
from .service import Service
from .settings import Settings

_FAILED = HTTPStatus.INTERNAL_SERVER_ERROR

Components = Sequence[Component[Any, Any]]


def routes(service: Service, settings: Settings) -> Sequence[BaseRoute]:
    """The service's own routes, then those of its components in their order."""
    deadlines = Deadlines(settings.handler_seconds, accepts=settings.accept_deadline)
    threads = ThreadQueue(settings.shed_seconds, deadlines)
    wraps = [wrap for layer, wrap in _layers(service.components) if not layer.wraps_the_router]
    compression = CompressionThreads()  # around the others: what they store is not compressed

    def around(app: ASGIApp, row: Operation | None) -> ASGIApp:
        return compressing(reduce(lambda inner, wrap: wrap(inner, row), reversed(wraps), app), row, compression)

    declared = (service.routes, *(component.routes for component in service.components))
    return [route for rows in declared for route in _built(rows, around, threads, deadlines)]


def around_the_router(components: Components) -> Sequence[Wrap]:
    """The middleware that wraps the router, the outermost first."""
    return [wrap for layer, wrap in _layers(components) if layer.wraps_the_router]


def _layers(components: Components) -> Sequence[tuple[Layer, Wrap]]:
    """All middleware, the outermost first. The order is that of `Layer`, not that of the components."""
    given = {layer: wrap for component in components for layer, wrap in component.middleware.items()}
    return [(layer, given[layer]) for layer in Layer if layer in given]


def _built(
    rows: Sequence[BaseRoute | Operation], around: Wrap, threads: ThreadQueue, deadlines: Deadlines
) -> Iterator[BaseRoute]:
    """Routes in the order of the rows. The operations of one path are one route, at the place of the first of them."""
    rows_of_paths = (row for row in rows if isinstance(row, Operation))
    operations = operation_routes(rows_of_paths, around, threads.awaited, deadlines)
    waiting = {route.path: route for route in operations}
    for row in rows:
        if not isinstance(row, Operation):
            yield _wrapped(row, around, threads)
        elif row.path in waiting:
            yield waiting.pop(row.path)


def _wrapped(route: BaseRoute, around: Wrap, threads: ThreadQueue) -> BaseRoute:
    """A wrapped copy: another application of this process may use the declared route too."""
    if not isinstance(route, Route | WebSocketRoute | Mount | Host):
        return route
    wrapped = copy.copy(route)
    wrapped.app = around(threads.app(route) if isinstance(route, Route) else route.app, None)
    if isinstance(route, Host) and wrapped.app is not route.app:
        wrapped.app = _HostApp(wrapped.app, route)
    return wrapped


class _HostApp:
    """The wrapped application of a `Host`. It has the attribute `routes`, which `Host` reads."""

    def __init__(self, app: ASGIApp, host: Host) -> None:
        self._app = app
        self.routes = host.routes
        self.router = _router(host.app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


def without_slash_redirects(router: Router) -> None:
    """Switch redirects between `/links` and `/links/` off, in this router and those below: the other path is a 404.

    Starlette builds the redirect from the client's `Host` header. An attacker could store a redirect to another host in
    a shared cache, and behind a proxy the scheme would be wrong.
    """
    router.redirect_slashes = False
    for route in router.routes:
        if isinstance(route, Mount | Host):
            below = _router(getattr(route, "_base_app", route.app))  # a mount has its own middleware around it
            if isinstance(below, Router):
                without_slash_redirects(below)


def _router(app: ASGIApp) -> ASGIApp:
    """The router of a Starlette application; any other application as it is."""
    return getattr(app, "router", app)
