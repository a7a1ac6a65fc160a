"""Routes from operations: one route for each path."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ..requests.deadline import Deadlines
from .endpoint import Awaited, app
from .operation import Operation

Around = Callable[[ASGIApp, Operation], ASGIApp]


class _ByMethod:
    """The operations of one path. They share one route, so that `Allow` of a 405 names all methods."""

    def __init__(self, apps: Mapping[str, ASGIApp]) -> None:
        self._apps = apps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        await self._apps[method if method in self._apps else "GET"](scope, receive, send)  # a HEAD that is not declared


def routes(operations: Iterable[Operation], around: Around, awaited: Awaited, deadlines: Deadlines) -> Sequence[Route]:
    """One route per path, in the order of their first operation. `around` wraps each operation's application."""
    paths: dict[str, dict[str, Any]] = {}
    names: dict[str, str] = {}
    for operation in operations:
        apps = paths.setdefault(operation.path, {})
        apps[operation.method] = around(app(operation, awaited, deadlines), operation)
        names.setdefault(operation.path, operation.name)
    return [Route(path, _ByMethod(apps), methods=list(apps), name=names[path]) for path, apps in paths.items()]
