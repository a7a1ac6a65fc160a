"""The label of a route: its template, mounts joined, never a value from the path."""

from collections.abc import Iterator, Sequence
from typing import Any

from starlette.routing import BaseRoute, Host, Match, Mount
from starlette.types import Scope

from ..metrics.instruments import UNMATCHED

INCLUDED = "effective_route_contexts"  # of a router that was included: FastAPI's routes with the prefixes of inclusion


class RouteTemplates:
    """Finds the template of the route that the router wrote to `scope["route"]`.

    Joining `root_path` instead would let the values of a mount's path parameters in.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        """Find the templates of `routes` and those below. An unknown route is searched again: some may be added."""
        self._routes = routes
        self._templates: dict[int, str] = {}  # by identity, because routes cannot be hashed

    def of(self, scope: Scope) -> str:
        """The template of the route that served the request, or one constant for all unmatched paths.

        A request that was refused before the router is labelled with the route that it would have reached.
        """
        route = reached(scope)
        below = getattr(route, "routes", None)  # a mount or a host, whose middleware may have refused the request
        if route is None and "router" not in scope:
            below = self._routes
        if below:
            whole = {**scope, "root_path": scope.get("app_root_path", scope.get("root_path", ""))}  # as before mounts
            route = _would_reach(self._routes, whole) or route
        if route is None:
            return UNMATCHED
        template = self._templates.get(id(route))
        if template is None:
            self._templates = dict(_walk(self._routes, ""))
            template = self._templates.get(id(route), UNMATCHED)
        return template


def reached(scope: Scope) -> Any:
    """The route that the router has chosen. FastAPI keeps one for each inclusion of a router beside its own route."""
    below = scope.get("fastapi")
    return (below and below.get("effective_route_context")) or scope.get("route")


def _would_reach(routes: Sequence[BaseRoute], scope: Scope) -> BaseRoute | None:
    """The route that Starlette's router chooses: the first full match, else the first with other methods."""
    partial = None
    for route in routes:
        match, child = route.matches(scope)
        if match is Match.FULL and hasattr(route, INCLUDED):
            return _included(route, scope) or route
        if match is Match.FULL:
            below = getattr(route, "routes", None)
            return (_would_reach(below, {**scope, **child}) or route) if below else route
        if match is Match.PARTIAL:
            partial = partial or route
    return partial


def _walk(routes: Sequence[BaseRoute], prefix: str) -> Iterator[tuple[int, str]]:
    for route in routes:
        path = prefix
        if not isinstance(route, Host):
            path += getattr(route, "path_format", "").removesuffix("/{path}" if isinstance(route, Mount) else "")
        yield id(route), path or "/"
        for context in getattr(route, INCLUDED, _none)():
            yield id(context), prefix + _of_included(context).path_format
        yield from _walk(getattr(route, "routes", None) or (), path)


def _included(route: Any, scope: Scope) -> Any:
    """The route of an included router that a request would reach."""
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    every = [(each, _of_included(each)) for each in getattr(route, INCLUDED)()]
    matching = [(each, inner) for each, inner in every if inner.path_regex and inner.path_regex.match(path)]
    for each, inner in matching:
        if scope.get("method") in (getattr(inner, "methods", None) or {None}):  # a websocket has no method
            return each
    return matching[0][0] if matching else None


def _of_included(context: Any) -> Any:
    """What has the path: FastAPI's own for its routes, a copy of the route for Starlette's."""
    return context.starlette_route or context


def _none() -> Sequence[Any]:
    return ()
