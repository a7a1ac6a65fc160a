"""Handlers that are plain functions run in threads. A request that waits too long for a thread is shed as well."""

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
from anyio.to_thread import current_default_thread_limiter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, request_response
from starlette.types import ASGIApp

from .arrival import now, waited
from .shedding import OverloadedError, Shedder


class ThreadQueue:
    """Where requests wait for a thread: as many run at once as the thread pool has threads."""

    def __init__(self, limit_seconds: float) -> None:
        """A request that has waited for longer than `limit_seconds` since it arrived is shed; 0: none is."""
        self._shedder = Shedder("threads", limit_seconds)
        self._slots: anyio.CapacityLimiter | None = None

    def app(self, route: Route) -> ASGIApp:
        """The application of a route; with a place in the queue where its handler is a plain function."""
        return request_response(self.awaited(route.endpoint)) if is_plain_function(route.endpoint) else route.app

    def awaited(self, handler: Callable[..., Any]) -> Callable[..., Awaitable[Response]]:
        """The handler as a coroutine function: in a thread, with a place in the queue, where it is a plain function."""
        if not is_plain_function(handler):
            return handler

        async def endpoint(request: Request, **given: Any) -> Response:
            slots = await self._slot(request)
            try:
                response: Response | Awaitable[Response] = await run_in_threadpool(handler, request, **given)
            finally:
                slots.release_on_behalf_of(request)
            # A decorator may have made a plain function of a coroutine function.
            return response if isinstance(response, Response) else await response

        return endpoint

    async def _slot(self, request: Request) -> anyio.CapacityLimiter:
        """Wait for a place. Raises `OverloadedError`."""
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


def is_plain_function(endpoint: object) -> bool:
    """What Starlette runs in a thread; it takes any other object for an ASGI application."""
    while isinstance(endpoint, functools.partial):
        endpoint = endpoint.func
    return (inspect.isfunction(endpoint) or inspect.ismethod(endpoint)) and not inspect.iscoroutinefunction(endpoint)
