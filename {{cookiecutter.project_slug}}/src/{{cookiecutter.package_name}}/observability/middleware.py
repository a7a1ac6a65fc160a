"""The data plane: one pure-ASGI object around the finished application, one pass over each request.

From outside it sees what no inner middleware can: the 500 that an exception becomes, the client that left, the
request that was cancelled. What is not its business passes through untouched: lifespans, websockets, trailers,
early hints, and every exception.
"""

import asyncio
import re
import secrets
import time

import structlog
from opentelemetry.context import attach, detach
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk.trace import Span as RecordingSpan
from opentelemetry.trace import NoOpTracer, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .context import REQUEST, RequestContext
from .logging import Emit
from .metrics import ACTIVE_REQUESTS, RequestChildren
from .propagation import HEADERS, NO_PARENT
from .redaction import redact_text
from .routes import RouteTemplates
from .sentry import Capture, ignore

log = structlog.get_logger()

REQUEST_ID = b"x-request-id"
_ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_NOTED = frozenset({REQUEST_ID, b"traceparent", b"baggage", b"user-agent"})
_CLOSE = (b"connection", b"close")
_ERROR = Status(StatusCode.ERROR)
SERVER_ERROR = 500
CLIENT_CLOSED = 499  # nginx's number for a client that left before it was answered
OTHER_METHOD = "_OTHER"

# `error_type` of a request that no exception ended. Only the first is not the service's fault.
CLIENT_DISCONNECTED = "client_disconnected"
CANCELLED = "cancelled"
INCOMPLETE = "incomplete"


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
        self.templates = templates
        self.known_methods = known_methods
        self.propagator = propagator
        self.emit = emit
        self.children = RequestChildren()
        self.tracer: Tracer = NoOpTracer()
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


class Exchange:
    """One request and its response, as they pass."""

    __slots__ = (
        "_bytes",
        "_disconnected",
        "_ended",
        "_ending",
        "_headers",
        "_noted",
        "_plane",
        "_receive",
        "_recorded",
        "_scope",
        "_send",
        "_span",
        "_started",
        "_status",
        "_trailers",
        "context",
        "error",
        "ids",
    )

    def __init__(self, plane: ObservabilityMiddleware, scope: Scope, receive: Receive, send: Send) -> None:
        """Start the clock, read the few headers that matter, start the span."""
        self._started = time.perf_counter_ns()
        self._plane, self._scope, self._receive, self._send = plane, scope, receive, send
        self._status = self._bytes = self._ended = 0
        self._ending = self._disconnected = self._recorded = self._trailers = False
        self.error: BaseException | None = None
        self._noted = noted = {name: value for name, value in scope["headers"] if name in _NOTED}
        parent = NO_PARENT
        if b"traceparent" in noted or b"baggage" in noted:
            parent = plane.propagator.extract(scope["headers"], NO_PARENT, HEADERS)
        self._span = plane.tracer.start_span(scope["method"], parent, SpanKind.SERVER)
        self.context = set_span_in_context(self._span, parent)
        request_id = noted.get(REQUEST_ID, b"")
        if _ACCEPTABLE_ID.fullmatch(request_id) is None:
            request_id = secrets.token_hex(16).encode()
        self._headers = [(REQUEST_ID, request_id), _CLOSE] if plane.draining else [(REQUEST_ID, request_id)]
        span = self._span.get_span_context()
        valid = span.is_valid
        trace_id, span_id = (f"{span.trace_id:032x}", f"{span.span_id:016x}") if valid else ("", "")
        self.ids = RequestContext(request_id.decode(), trace_id, span_id)

    async def receive(self) -> Message:
        """Pass a message in, and note the client's leaving if it is early."""
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self._ending:
            self._disconnect()
        return message

    async def send(self, message: Message) -> None:
        """Pass a message out: the start with our headers added to a copy, the end with the clock stopped."""
        kind = message["type"]
        if kind == "http.response.start":
            self._status = message["status"] if not self._disconnected else self._status
            self._trailers = message.get("trailers", False)
            message = {**message, "headers": [*message.get("headers", ()), *self._headers]}
        elif kind == "http.response.body":
            self._bytes += len(message.get("body", b""))
            self._ending = not (message.get("more_body", False) or self._trailers)
        else:
            self._ending = _is_last(message)
        try:
            await self._send(message)
        except OSError:  # how a server says that the client has gone (ASGI 2.4)
            self._disconnect()
            raise
        if self._ending:
            self._end()

    def finish(self) -> None:
        """The application has returned: record what is not recorded yet, report what went wrong."""
        if not self._recorded:
            self._ended = self._ended or time.perf_counter_ns()
            self._record()
        error = self.error
        self.error = None  # or the traceback would keep this exchange alive, and the exchange the traceback
        if isinstance(error, Exception) and not self._disconnected:
            log.error("http.request_failed", exc_info=error)
            self._plane.capture(error)

    def _disconnect(self) -> None:
        if not self._disconnected:
            self._disconnected = True
            self._status = self._status or CLIENT_CLOSED

    def _end(self) -> None:
        self._ended = time.perf_counter_ns()
        if self._status < SERVER_ERROR:  # else wait for the exception: Starlette answers first, then raises
            self._record()

    def _outcome(self) -> tuple[int, str]:
        """Status code and `error_type`, which is empty for what went well and for what the client did wrong."""
        status = self._status or SERVER_ERROR
        if self._disconnected:
            return status, CLIENT_DISCONNECTED
        if isinstance(self.error, asyncio.CancelledError):
            return status, CANCELLED
        if self.error is not None:
            return status, type(self.error).__qualname__
        if not self._ending:
            return status, INCOMPLETE
        return status, str(status) if status >= SERVER_ERROR else ""

    def _record(self) -> None:
        self._recorded = True
        status, error_type = self._outcome()
        route = self._plane.templates.of(self._scope)
        method = self._scope["method"]
        if method not in self._plane.known_methods:
            method = OTHER_METHOD
        duration = self._ended - self._started
        child = self._plane.children[method, route, str(status), error_type]
        ids = self.ids
        if self._span.is_recording():
            child.observe(duration / 1e9, {"trace_id": ids.trace_id})
            self._end_span(method, route, status, error_type, duration)
        else:
            child.observe(duration / 1e9)
        self._plane.emit(
            {
                "level": "error" if error_type and error_type != CLIENT_DISCONNECTED else "info",
                "event": "http.request_finished",
                "request_id": ids.request_id,
                "trace_id": ids.trace_id,
                "span_id": ids.span_id,
                "http_request_method": method,
                "http_route": route,
                "url_path": redact_text(self._scope["path"]),
                "http_response_status_code": status,
                "error_type": error_type,
                "duration_seconds": duration // 1000 / 1e6,
                "response_bytes": self._bytes,
                "client_address": self._client,
            }
        )

    @property
    def _client(self) -> str:
        client = self._scope.get("client")
        return client[0] if client else ""

    def _end_span(self, method: str, route: str, status: int, error_type: str, duration: int) -> None:
        span = self._span
        assert isinstance(span, RecordingSpan)
        name = "HTTP" if method == OTHER_METHOD else method
        span.update_name(f"{name} {route}")
        attributes = {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
            "url.path": redact_text(self._scope["path"]),
            "url.scheme": self._scope.get("scheme", "http"),
            "network.protocol.version": self._scope.get("http_version", ""),
            "client.address": self._client,
            "user_agent.original": self._noted.get(b"user-agent", b"").decode("latin-1"),
        }
        if error_type:
            attributes["error.type"] = error_type
            if error_type != CLIENT_DISCONNECTED:
                span.set_status(_ERROR)
        span.set_attributes(attributes)
        span.end((span.start_time or 0) + duration)


def _is_last(message: Message) -> bool:
    """Whether a message other than a body ends the response."""
    match message["type"]:
        case "http.response.trailers":
            return not message.get("more_trailers", False)
        case "http.response.pathsend":
            return True
        case "http.response.zerocopysend":
            return not message.get("more_body", False)
        case _:
            return False
