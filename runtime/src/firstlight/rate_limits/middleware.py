"""The ASGI application that checks limits, before the router and at each route.

`__call__` is a plain function that returns an awaitable: a store in the process then costs no coroutine.
"""

from collections.abc import Awaitable, Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from .checks import Check
from .limiter import Limiter
from .store import Standing

NAME = "rate_limits"  # of the component, and of its resource in the state


class Limited:
    """An application behind checks."""

    def __init__(self, app: ASGIApp, checks: Sequence[Check]) -> None:
        """Serve `app` behind `checks`."""
        self._app = app
        self._checks = checks
        self._depends = any(check.depends_on_the_request for check in checks)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve a request if all checks let it pass."""
        state = scope.get("state")
        limiter: Limiter | None = state.get(NAME) if state else None
        if limiter is None:  # off, or not open yet
            return self._app(scope, receive, send)
        checks = self._checks
        if self._depends:
            checks = [check for check in checks if check.applies(scope)]
            if not checks:
                return self._app(scope, receive, send)
        try:
            if len(checks) == 1:  # as for most requests
                (check,) = checks
                answer = limiter.take(((check.limit, check.key(scope), check.cost),))
            else:
                answer = limiter.take([(check.limit, check.key(scope), check.cost) for check in checks])
        except Exception as error:  # noqa: BLE001 - a store may raise anything
            refusal = limiter.unchecked(checks, error)
        else:
            if not isinstance(answer, list):
                return self._later(limiter, checks, answer, scope, receive, send)
            refusal = limiter.judge(checks, answer, scope)
        return (refusal or self._app)(scope, receive, send)

    async def _later(  # noqa: PLR0913, PLR0917 - the arguments of `_serve`, and the answer that it waits for
        self,
        limiter: Limiter,
        checks: Sequence[Check],
        answer: Awaitable[list[Standing]],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """Wait for a remote store."""
        try:
            standings = await answer
        except Exception as error:  # noqa: BLE001 - a store may raise anything
            refusal = limiter.unchecked(checks, error)
        else:
            refusal = limiter.judge(checks, standings, scope)
        await (refusal or self._app)(scope, receive, send)
