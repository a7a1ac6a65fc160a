"""Handlers that are plain functions run in threads. A request that waits too long for a thread is shed as well.

A thread cannot be cancelled. When its request has been answered without it, it still counts as one of the pool.
"""

import copy
import functools
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
from anyio.to_thread import current_default_thread_limiter
from starlette.concurrency import run_in_threadpool
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, request_response
from starlette.types import ASGIApp

from .arrival import now, waited
from .deadline import IN_THREAD, Deadlines
from .handled import responding
from .handler import is_function, is_plain_function
from .shedding import OverloadedError, Shedder

_OF_A_FUNCTION = getattr(request_response(lambda _: Response()), "__code__", None) or object()
_METHODS = ("get", "head", "post", "put", "patch", "delete", "options")  # of a class-based endpoint


class ThreadQueue:
    """The queue of requests that wait for a thread. As many run at once as the thread pool has threads."""

    def __init__(self, limit_seconds: float, deadlines: Deadlines | None = None) -> None:
        """Shed requests that have waited longer than `limit_seconds` since they arrived. 0 switches shedding off.

        `deadlines` limit the time of the handlers of plain routes.
        """
        self._shedder = Shedder("threads", limit_seconds)
        self._deadlines = deadlines or Deadlines(0)
        self._slots: anyio.CapacityLimiter | None = None

    def app(self, route: Route) -> ASGIApp:
        """The application of a route: within a deadline, and after the queue if its handler is a plain function."""
        if is_function(route.endpoint):
            handler = self._deadlines.limited(self.awaited(route.endpoint))
            is_own = handler is route.endpoint and type(route) is not Route  # the application of a subclass
            return route.app if is_own else _replaced(route.app, route, responding(handler))
        if isinstance(route.endpoint, type) and issubclass(route.endpoint, HTTPEndpoint):
            return _replaced(route.app, route, self._waiting(route.endpoint))
        return route.app

    def _waiting(self, endpoint: type[HTTPEndpoint]) -> type[HTTPEndpoint]:
        """A subclass whose methods have a deadline, and wait in the queue first where they are plain functions."""

        def waiting(method: Callable[..., Any]) -> Callable[..., Awaitable[Response]]:
            async def wait(self: HTTPEndpoint, request: Request) -> Response:
                return await limited(awaited(functools.partial(method, self)))(request)

            return wait

        awaited, limited = self.awaited, self._deadlines.limited
        methods = {name: getattr(endpoint, name, None) for name in _METHODS}
        return type(
            endpoint.__name__, (endpoint,), {name: waiting(method) for name, method in methods.items() if method}
        )

    def awaited(self, handler: Callable[..., Any]) -> Callable[..., Awaitable[Response]]:
        """The handler as a coroutine function. A plain function waits in the queue and then runs in a thread."""
        if not is_plain_function(handler):
            return handler

        async def endpoint(request: Request, **given: Any) -> Response:
            slots = await self._slot(request)
            request.scope[IN_THREAD] = True
            try:
                response: Response | Awaitable[Response] = await run_in_threadpool(handler, request, **given)
            finally:
                del request.scope[IN_THREAD]
                slots.release_on_behalf_of(request)
            # A decorator may have made a plain function of a coroutine function.
            return response if isinstance(response, Response) else await response

        return endpoint

    async def _slot(self, request: Request) -> anyio.CapacityLimiter:
        """Wait for a thread. Raises `OverloadedError`."""
        slots = self._slots = self._slots or anyio.CapacityLimiter(current_default_thread_limiter().total_tokens)
        try:
            with anyio.fail_after(self._shedder.patience(waited(request.scope))):
                await slots.acquire_on_behalf_of(request)
        except TimeoutError:
            self._shedder.refuse(waited(request.scope), now())
            raise OverloadedError(request.scope) from None
        if self._shedder.sheds(waited(request.scope), now()):
            slots.release_on_behalf_of(request)
            raise OverloadedError(request.scope)
        return slots


def _replaced(app: ASGIApp, route: Route, endpoint: ASGIApp) -> ASGIApp:
    """The application of a route with another endpoint, inside copies of the route's own middleware.

    Middleware that keeps what it wraps under another name than `app` stays around the endpoint that it has.
    """
    if app is route.endpoint or getattr(app, "__code__", None) is _OF_A_FUNCTION:
        return endpoint
    if not hasattr(app, "app"):
        return app
    copied: Any = copy.copy(app)
    copied.app = _replaced(app.app, route, endpoint)
    replaced: ASGIApp = copied
    return replaced
