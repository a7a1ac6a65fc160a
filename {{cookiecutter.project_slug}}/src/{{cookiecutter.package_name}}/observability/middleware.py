"""The data plane: one pure-ASGI object around the finished application, one pass over each request.

From outside it sees what no inner middleware can: the 500 that an exception becomes, the client that left, the
request that was cancelled. What is not its business passes through untouched: lifespans, websockets, trailers,
early hints, and every exception.
"""

from typing import TYPE_CHECKING

import structlog
from opentelemetry.context import attach, detach
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import NoOpTracer
from starlette.types import ASGIApp, Receive, Scope, Send

from .context import REQUEST
from .exchange import Exchange
from .logging import Emit
from .metrics import ACTIVE_REQUESTS
from .record import Recorder
from .routes import RouteTemplates
from .sentry import Capture, ignore

if TYPE_CHECKING:
    from .sampling import Starter


class ObservabilityMiddleware:
    """Request id, span, metric, exemplar and access event of every HTTP request to `app`."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        templates: RouteTemplates,
        known_methods: frozenset[str],
        propagator: TextMapPropagator,
        emit: Emit,
    ) -> None:
        """Observe `app`; `tracer`, `capture` and `draining` are set while the service runs."""
        self.app = app
        self.propagator = propagator
        self.record = Recorder(templates, known_methods, emit)
        self.tracer: Starter = NoOpTracer()
        self.capture: Capture = ignore
        self.draining = False
        self.active = 0  # a plain integer, read at each scrape: cheaper than a gauge that locks
        ACTIVE_REQUESTS.set_function(lambda: self.active)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = Exchange(self, scope, receive, send)
        structlog.contextvars.clear_contextvars()
        request_token = REQUEST.set(exchange.ids)
        span_token = attach(exchange.context)
        self.active += 1
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except BaseException as error:
            exchange.error = error
            raise
        finally:
            exchange.finish()
            self.active -= 1
            detach(span_token)
            REQUEST.reset(request_token)
