"""Errors that have a handler become responses, as in Starlette, and any other error becomes a 500.

Starlette passes every message through three functions, which note whether the response has begun. The data plane notes
that as well, so here nothing is around `send`: a request takes a fourteenth of its instructions less.
"""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, ExceptionHandler, Receive, Scope, Send

from ..problems import EXCEPTION_HANDLERS, UNEXPECTED, ProblemResponse
from .handler import is_plain_function
from .response_start import BEGUN
from .whole_response import METHOD, OF_A_KNOWN_BODY, SendWhole

_HANDLERS = "starlette.exception_handlers"  # in the scope: where the routes of Starlette look for handlers

Handlers = Mapping[Any, ExceptionHandler]
Endpoint = Callable[[Request], Awaitable[Response]]


class HandledRoutes(Starlette):
    """Starlette's application. `Exception` has the handler of the runtime, unless it was given another one."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. An error without a handler is answered with 500, and raised again."""
        scope["app"] = self
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        try:
            await self.middleware_stack(scope, receive, send)
        except Exception:
            if scope["type"] == "http" and BEGUN not in scope:
                await ProblemResponse(HTTPStatus.INTERNAL_SERVER_ERROR, UNEXPECTED)(scope, receive, send)
            raise

    def build_middleware_stack(self) -> ASGIApp:
        """The middleware around the router, with ours in the place of Starlette's two."""
        handlers = dict(self.exception_handlers)
        if (
            handlers.pop(Exception, None) is not EXCEPTION_HANDLERS[Exception]
            or HTTPStatus.INTERNAL_SERVER_ERROR in handlers
        ):
            return super().build_middleware_stack()
        app: ASGIApp = Handled(self.router, handlers)
        for middleware, given, named in reversed(self.user_middleware):
            app = middleware(app, *given, **named)
        return app


class Handled(ExceptionMiddleware):
    """The router, with responses to the errors that have a handler."""

    def __init__(self, app: ASGIApp, handlers: Handlers) -> None:
        """`handlers` are by class of the error, or by status."""
        super().__init__(app, handlers)
        by_class = {key: handler for key, handler in handlers.items() if not isinstance(key, int)}
        self._handlers = by_class, {key: handler for key, handler in handlers.items() if key not in by_class}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Middleware that copies the scope or wraps `send` gets Starlette's own way."""
        direct: Any = send
        if not (hasattr(type(send), METHOD) and direct.scope is scope):
            await super().__call__(scope, receive, send)
            return
        scope[_HANDLERS] = self._handlers
        try:
            await self.app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - it is raised again unless it has a handler
            scope[_HANDLERS] = self._handlers  # a mounted application has others
            await _answer(error, Request(scope, receive, send), send)


def responding(endpoint: Endpoint) -> ASGIApp:
    """The endpoint as an application, as by `starlette.routing.request_response`.

    Only errors of the endpoint are answered here, not those of a response that is being sent.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        try:
            response = await endpoint(request)
        except Exception as error:  # noqa: BLE001 - the same
            await _answer(error, request, send)
            return
        send_whole: SendWhole | None = getattr(type(send), METHOD, None)
        if send_whole is None or type(response).__call__ is not OF_A_KNOWN_BODY:
            await response(scope, receive, send)
            return
        await send_whole(send, response.status_code, response.raw_headers, response.body)
        if response.background is not None:
            await response.background()

    return app


async def _answer(error: Exception, request: Request, send: Send) -> None:
    """Answer by the handler of the error. Raises it where it has none, and where the response has begun."""
    try:
        handler = None if BEGUN in request.scope else _handler(error, *request.scope.get(_HANDLERS, ({}, {})))
        if handler is None:
            raise error
        if is_plain_function(handler):
            response = await run_in_threadpool(handler, request, error)
        else:
            response = await handler(request, error)
        if response is not None:
            await response(request.scope, request.receive, send)
        error.__traceback__ = None  # an error that is raised again and again would keep the frames of all requests
    finally:
        del error  # its traceback has this frame


def _handler(error: Exception, by_class: Handlers, by_status: Handlers) -> Any:
    """The handler of its status, else that of the first of its classes that has one."""
    if isinstance(error, HTTPException) and error.status_code in by_status:
        return by_status[error.status_code]
    return next((by_class[each] for each in type(error).__mro__ if each in by_class), None)
