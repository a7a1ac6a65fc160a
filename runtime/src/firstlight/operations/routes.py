"""Routes from operations: one route for each path."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ..problems import NotFoundError
from ..requests.deadline import Deadlines
from ..versions.choice import chosen
from ..versions.served import Served
from ..versions.version import Version
from .endpoint import Awaited, app
from .operation import Operation

Around = Callable[[ASGIApp, Operation], ASGIApp]


class _ByMethod:
    """The operations of one path. They share one route, so that `Allow` of a 405 names all methods."""

    def __init__(self, apps: Mapping[str, ASGIApp]) -> None:
        self._apps = apps

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if "\0" in scope["path"]:  # nothing has such a name, and PostgreSQL refuses to look for it
            raise NotFoundError
        app = self._apps.get(scope["method"]) or self._apps["GET"]  # a HEAD that is not declared
        return app(scope, receive, send)


def routes(operations: Iterable[Operation], around: Around, awaited: Awaited, deadlines: Deadlines) -> Sequence[Route]:
    """One route per path, in the order of their first operation. `around` wraps each operation's application."""
    paths: dict[str, dict[str, dict[Version | None, ASGIApp]]] = {}
    names: dict[str, str] = {}
    for operation in operations:
        served = around(app(operation, awaited, deadlines), operation)
        if operation.version is not None:
            served = Served(served, operation.version, operation.path)
        paths.setdefault(operation.path, {}).setdefault(operation.method, {})[operation.version] = served
        names.setdefault(operation.path, operation.name)
    made = {path: {method: _one(apps, path) for method, apps in methods.items()} for path, methods in paths.items()}
    return [Route(path, _ByMethod(apps), methods=list(apps), name=names[path]) for path, apps in made.items()]


def _one(apps: Mapping[Version | None, ASGIApp], path: str) -> ASGIApp:
    """The application of one method: that of the version that the client names."""
    versions = {version: app for version, app in apps.items() if version is not None}
    return chosen(versions, path) if versions else next(iter(apps.values()))
