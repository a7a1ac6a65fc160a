"""The data plane: one pure-ASGI object around the finished application, one pass over each request.

From outside it sees what no inner middleware can: the 500 that an exception becomes, the client that left, the
request that was cancelled. Everything else passes through untouched: lifespans, websockets, trailers, early hints,
and every exception.
"""

import structlog
from opentelemetry.context import attach, detach
from starlette.types import ASGIApp, Receive, Scope, Send

from ..context import REQUEST
from ..metrics.instruments import ACTIVE_REQUESTS
from .observed_request import ObservedRequest, Observers


class DataPlane:
    """Request id, span, metric, exemplar and access event of every HTTP request to `app`."""

    def __init__(self, app: ASGIApp, observers: Observers) -> None:
        """Observe `app` with `observers`."""
        self.app = app
        self._observers = observers
        self._lifecycle = observers.lifecycle
        ACTIVE_REQUESTS.set_function(lambda: observers.lifecycle.active_requests)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = ObservedRequest(self._observers, scope, receive, send)
        structlog.contextvars.clear_contextvars()
        request_token = REQUEST.set(request.ids)
        span_token = attach(request.context)
        self._lifecycle.active_requests += 1
        try:
            await self.app(scope, request.receive, request.send)
        except BaseException as error:
            request.error = error
            raise
        finally:
            request.finish()
            self._lifecycle.active_requests -= 1
            detach(span_token)
            REQUEST.reset(request_token)
