"""The limits that are checked at one place: before the router, or at one route."""

from collections.abc import Callable, Sequence
from functools import partial
from hashlib import blake2b
from http import HTTPMethod

from starlette.types import Scope

from .. import caller
from ..metrics.instruments import OTHER_METHOD
from ..operations.operation import Operation
from .headers import Render
from .limit import Limit
from .metrics import ALLOWED, EXEMPT, OUTCOMES, REQUESTS

Key = Callable[[Scope], str]
Covers = Callable[[Scope], bool] | None
Renderer = Callable[[Limit], Render]
_KEY_CHARACTERS = 128
_METHODS = frozenset(HTTPMethod)


class Check:
    """One limit at one place."""

    def __init__(self, limit: Limit, renderer: Renderer, *, cost: int = 1, route: str = "", covers: Covers) -> None:
        """`route` is empty where it is not known before. Raises `ArrangementError` for a cost that can never pass."""
        if cost > limit.capacity:
            limit.refuse(f"lets at most {limit.capacity} pass at once, and {route} costs {cost}")
        self.limit = limit
        self.cost = cost
        self.key = _key(limit.parts, route)
        self.render = renderer(limit)
        self.counts = {outcome: REQUESTS.labels(limit.name, outcome) for outcome in OUTCOMES}
        self.allowed = self.counts[ALLOWED]
        self._covers = covers
        self.depends_on_the_request = covers is not None or bool(limit.exempt)

    def applies(self, scope: Scope) -> bool:
        """Whether the limit applies to a request. One of an exempt sender is counted."""
        if self._covers is not None and not self._covers(scope):
            return False
        if self.limit.exempt and self.limit.exemptions.hold(scope):
            self.counts[EXEMPT].inc()
            return False
        return True


def _key(parts: frozenset[str], route: str) -> Key:
    """The function that reads the key of a counter from a request. The caller is last: its name may hold anything."""
    if "route" in parts and not route:
        return lambda scope: _short(" ".join(_parts(parts, scope, route_of(scope))))
    if parts == {"address"}:
        return caller.address_of
    if parts <= {"route", "global"}:
        return lambda _: route
    return lambda scope: _short(" ".join(_parts(parts, scope, route)))


def _parts(parts: frozenset[str], scope: Scope, route: str) -> Sequence[str]:
    found = [caller.address_of(scope)] if "address" in parts else []
    found += [route] if "route" in parts else []
    return [*found, caller.name_of(scope)] if "caller" in parts else found


def _short(key: str) -> str:
    """The key, or its hash if it is long: so a store that holds few keys holds few bytes."""
    if len(key) <= _KEY_CHARACTERS:
        return key
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def route_of(scope: Scope) -> str:
    """Method and template of the route that the router chose."""
    return f"{method_of(scope)} {template_of(scope)}"


def method_of(scope: Scope) -> str:
    """The method, or `_OTHER` for an unknown one: a client could invent any number of them."""
    method: str = scope.get("method", "GET")
    return method if method in _METHODS else OTHER_METHOD


def template_of(scope: Scope) -> str:
    """The template of the route that the router chose. That of a mount has no mounts around it."""
    path: str = getattr(scope.get("route"), "path", "")
    return path


def before_the_router(limits: Sequence[Limit], renderer: Renderer) -> Sequence[Check]:
    """The limits that need neither route nor caller."""
    return [
        Check(limit, renderer, covers=partial(_counts, limit) if limit.methods else None)
        for limit in limits
        if not limit.is_checked_at_the_routes
    ]


def at_the_route(limits: Sequence[Limit], operation: Operation | None, renderer: Renderer) -> Sequence[Check]:
    """The limits of an operation, or those that may apply to a plain route."""
    checked = [limit for limit in limits if limit.is_checked_at_the_routes]
    if operation is None:
        return [Check(limit, renderer, covers=partial(_covers, limit)) for limit in checked]
    method, path = operation.method, operation.path
    return [
        Check(limit, renderer, cost=operation.cost, route=f"{method} {path}", covers=None)
        for limit in checked
        if limit.covers(method, path)
    ]


def _counts(limit: Limit, scope: Scope) -> bool:
    return limit.counts(method_of(scope))


def _covers(limit: Limit, scope: Scope) -> bool:
    return limit.covers(method_of(scope), template_of(scope))
