"""The component that a service lists on its page."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

from starlette.types import ASGIApp

from ..component import Background, Component, Layer, NoSettings, Requirement, Surroundings
from ..errors import ArrangementError
from ..operations.operation import Operation
from .checks import at_the_route, before_the_router
from .headers import RENDERERS, Headers
from .limit import Limit, fits
from .limiter import Limiter
from .memory import MemoryStore
from .middleware import NAME, Limited
from .store import Store

OpenStore = Callable[[Surroundings[NoSettings], Sequence[Limit]], Store]


def _memory(_: Surroundings[NoSettings], limits: Sequence[Limit]) -> Store:
    return MemoryStore(limits)


class Policies:
    """The limits of one component, and the operations that it has been put around."""

    def __init__(self, limits: Sequence[Limit], headers: Headers) -> None:
        """Raises `ArrangementError` for a name that two limits have, and for unknown headers."""
        for name, count in Counter(limit.name for limit in limits).items():
            if count > 1:
                msg = f"the rate limit {name!r} is declared {count} times; rename one of them"
                raise ArrangementError(msg)
        if headers not in RENDERERS:
            msg = f"`headers` of the rate limits must be one of {', '.join(RENDERERS)}, not {headers!r}"
            raise ArrangementError(msg)
        self.limits = limits
        self._renderer = RENDERERS[headers]
        self._templates: set[str] = set()
        self._has_plain_routes = False

    def around_the_router(self, app: ASGIApp, _: Operation | None) -> ASGIApp:
        """The application behind the limits that need no route."""
        checks = before_the_router(self.limits, self._renderer)
        return Limited(app, checks) if checks else app

    def around_a_route(self, app: ASGIApp, operation: Operation | None) -> ASGIApp:
        """The application of a route behind its limits. Without limits, it is unchanged."""
        if operation is None:
            self._has_plain_routes = True
        else:
            self._templates.add(operation.path)
        checks = at_the_route(self.limits, operation, self._renderer)
        return Limited(app, checks) if checks else app

    def verify(self) -> None:
        """Raise `ArrangementError` for a path that no route has: a typing error would leave a route without its limit.

        The paths of plain routes are not known, so nothing is refused where there are some.
        """
        for limit in () if self._has_plain_routes else self.limits:
            for pattern in limit.paths:
                if not any(fits(template, pattern) for template in self._templates):
                    limit.refuse(f"names the path {pattern}, which no operation has")


def rate_limits(
    *limits: Limit,
    store: OpenStore = _memory,
    requires: Sequence[Requirement] = (),
    uses: Sequence[Requirement] = (),
    headers: Headers = "x-ratelimit",
    background: Sequence[Background] = (),
) -> Component[NoSettings, Limiter | None]:
    """The component that limits requests by these policies. `RATE_LIMITS` switches it.

    `store` opens the store; by default the states are in the memory of the process, so each instance allows the whole
    limit. `requires` and `uses` name the components that a shared store needs, and `background` is what it does beside
    the requests. `headers` tell clients where they stand: those with `x-ratelimit`, those of the `ietf` draft, or
    `none`. Raises `ArrangementError` for limits that do not fit together.
    """
    policies = Policies(limits, headers)
    return Component(
        name=NAME,
        settings=NoSettings,
        open=partial(_open, policies=policies, store=store),
        requires=requires,
        uses=uses,
        middleware={
            Layer.LIMIT_BY_ADDRESS: policies.around_the_router,
            Layer.LIMIT_BY_CALLER: policies.around_a_route,
        },
        background=background,
    )


@asynccontextmanager
async def _open(
    surroundings: Surroundings[NoSettings], policies: Policies, store: OpenStore
) -> AsyncIterator[Limiter | None]:
    policies.verify()
    mode = surroundings.service.rate_limits
    yield None if mode == "off" else Limiter(store(surroundings, policies.limits), refuses=mode == "on")
