"""The ASGI applications that check limits before the router and at each route.

`__call__` is a plain function that returns an awaitable: a store in the process then costs no coroutine.
"""

from collections.abc import Awaitable, Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .checks import Check, method_of, template_of
from .headers import Fields
from .limit import Limit
from .limiter import STANDINGS, Limiter
from .store import Standing

NAME = "rate_limits"  # of the component, and of its resource in the state

Shown = tuple[Sequence[Check], Sequence[Standing]]


class _Limited:
    """An application behind checks."""

    def __init__(self, app: ASGIApp, checks: Sequence[Check]) -> None:
        self._app = app
        self._checks = checks
        self._has_exemptions = any(check.limit.exempt for check in checks)

    def _serve(
        self, limiter: Limiter, checks: Sequence[Check], scope: Scope, receive: Receive, send: Send
    ) -> Awaitable[None]:
        """Serve a request if all checks let it pass."""
        if self._has_exemptions:
            checks = [check for check in checks if not check.exempts(scope)]
        if not checks:
            return self._app(scope, receive, send)
        claims = [(check.limit, check.key(scope), check.cost) for check in checks]
        try:
            answer = limiter.take(claims)
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


class AtARoute(_Limited):
    """The limits around one route."""

    def __init__(self, app: ASGIApp, checks: Sequence[Check], *, is_operation: bool) -> None:
        """Serve `app` behind `checks`. For a plain route, `paths` and `methods` are compared for each request."""
        super().__init__(app, checks)
        self._is_operation = is_operation

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve a request, or refuse it."""
        checks = self._checks
        if not self._is_operation:
            method, path = method_of(scope), template_of(scope)
            checks = [check for check in checks if check.limit.covers(method, path)]
        limiter = _limiter(scope)
        if limiter is None:
            return self._app(scope, receive, send)
        return self._serve(limiter, checks, scope, receive, send)


class BeforeTheRouter(_Limited):
    """The limits around the router. It also writes the headers, for the limits of the routes as well."""

    def __init__(self, app: ASGIApp, checks: Sequence[Check], fields: Fields | None) -> None:
        """Serve `app` behind `checks`. `fields` makes the headers."""
        super().__init__(app, checks)
        self._counts_all = not any(check.limit.methods for check in checks)
        self._fields = fields

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve a request, or refuse it."""
        limiter = _limiter(scope)
        if limiter is None:
            return self._app(scope, receive, send)
        checks = self._checks
        if not self._counts_all:
            method = method_of(scope)
            checks = [check for check in checks if check.limit.counts(method)]
        if self._fields is not None:
            shown: list[Shown] = []
            scope[STANDINGS] = shown
            send = _with_headers(send, shown, self._fields)
        return self._serve(limiter, checks, scope, receive, send)


def _limiter(scope: Scope) -> Limiter | None:
    """The limiter of the application that serves a request. None if it is off, or not open yet."""
    state = scope.get("state")
    return state.get(NAME) if state else None


def _with_headers(send: Send, shown: Sequence[Shown], fields: Fields) -> Send:
    """Send responses with headers that say where the request stands with its strictest limit."""

    def sending(message: Message) -> Awaitable[None]:
        if shown and message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *fields(*_strictest(shown))]}
        return send(message)

    return sending


def _strictest(shown: Sequence[Shown]) -> tuple[Limit, Standing]:
    """The limit that refuses the request, or the one that lets the fewest others follow."""
    pairs = [(check.limit, standing) for each in shown for check, standing in zip(*each, strict=True)]
    return pairs[0] if len(pairs) == 1 else min(pairs, key=_strictness)


def _strictness(pair: tuple[Limit, Standing]) -> tuple[bool, int]:
    wait, left, _ = pair[1]
    return not wait, left
