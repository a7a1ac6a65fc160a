"""The label of a route: its template, mounts joined, never a value from the path."""

from collections.abc import Iterator, Sequence

from starlette.routing import BaseRoute, Host, Match, Mount
from starlette.types import Scope

from ..metrics.instruments import UNMATCHED


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
        route = scope.get("route")
        below = getattr(route, "routes", None)  # a mount or a host, whose middleware may have refused the request
        if route is None and "router" not in scope:
            below = self._routes
        if below:
            route = _would_reach(below, scope) or route
        if route is None:
            return UNMATCHED
        template = self._templates.get(id(route))
        if template is None:
            self._templates = dict(_walk(self._routes, ""))
            template = self._templates.get(id(route), UNMATCHED)
        return template


def _would_reach(routes: Sequence[BaseRoute], scope: Scope) -> BaseRoute | None:
    """The route that Starlette's router chooses: the first full match, else the first with other methods."""
    partial = None
    for route in routes:
        match, child = route.matches(scope)
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
        yield from _walk(getattr(route, "routes", None) or (), path)
