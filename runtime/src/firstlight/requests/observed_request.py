"""One request and its response: the headers that matter, what is added, and when the clock stops."""

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import SpanKind, set_span_in_context
from starlette.types import Message, Receive, Scope, Send

from ..context import RequestContext
from ..lifecycle import Lifecycle
from ..traces.propagation import HEADERS, NO_PARENT
from ..traces.sampling import Starter

log = structlog.get_logger()

REQUEST_ID = b"x-request-id"
CLIENT_CLOSED = 499  # nginx's number for a client that left before it was answered
SERVER_ERROR = 500
_ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_READ = frozenset({REQUEST_ID, b"traceparent", b"baggage", b"user-agent"})
_REPEATABLE = frozenset({list, tuple})
_CLOSE = (b"connection", b"close")


@dataclass(frozen=True, slots=True)
class Observers:
    """What every request is observed with."""

    propagator: TextMapPropagator
    tracer: Starter
    record: Callable[["ObservedRequest"], None]
    capture: Callable[[BaseException], object]
    lifecycle: Lifecycle


class ObservedRequest:
    """Created when a request comes in, recorded once: at the last byte of its response, or when that cannot come."""

    __slots__ = (
        "_ended",
        "_headers",
        "_observers",
        "_receive",
        "_recorded",
        "_send",
        "_started",
        "_trailers",
        "bytes_sent",
        "complete",
        "context",
        "disconnected",
        "error",
        "ids",
        "request_headers",
        "scope",
        "span",
        "status",
    )

    def __init__(self, observers: Observers, scope: Scope, receive: Receive, send: Send) -> None:
        """Start the clock, read the few headers that matter, start the span."""
        self._started = time.perf_counter_ns()
        self._observers, self.scope, self._receive, self._send = observers, scope, receive, send
        self.status = self.bytes_sent = self._ended = 0
        self.complete = self.disconnected = self._recorded = self._trailers = False
        self.error: BaseException | None = None
        if type(scope["headers"]) not in _REPEATABLE:  # any iterable is allowed, even one that can be read only once
            scope["headers"] = list(scope["headers"])
        self.request_headers = read = {name: value for name, value in scope["headers"] if name in _READ}
        parent = NO_PARENT
        if b"traceparent" in read or b"baggage" in read:
            parent = observers.propagator.extract(scope["headers"], NO_PARENT, HEADERS)
        self.span = observers.tracer.start_span(scope["method"], parent, SpanKind.SERVER)
        self.context = set_span_in_context(self.span, parent)
        request_id = read.get(REQUEST_ID)
        if request_id is None or _ACCEPTABLE_ID.fullmatch(request_id) is None:
            request_id = b"%032x" % random.getrandbits(128)  # an id, not a secret
        self._headers = (
            [(REQUEST_ID, request_id), _CLOSE] if observers.lifecycle.draining else [(REQUEST_ID, request_id)]
        )
        span = self.span.get_span_context()
        traced = (f"{span.trace_id:032x}", f"{span.span_id:016x}") if span.is_valid else ("", "")
        self.ids = RequestContext(request_id.decode(), *traced)

    @property
    def duration(self) -> int:
        """Nanoseconds from the first byte of the request to the last of the response."""
        return self._ended - self._started

    async def receive(self) -> Message:
        """Pass a message in, and note the client's leaving if it is early."""
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self.complete:
            self._disconnect()
        return message

    async def send(self, message: Message) -> None:
        """Pass a message out: the start with our headers added to a copy, the end with the clock stopped."""
        kind = message["type"]
        if kind == "http.response.start":
            if _has_left(self._receive):
                self._disconnect()
            self.status = self.status if self.disconnected else message["status"]
            self._trailers = message.get("trailers", False)
            message = {**message, "headers": [*message.get("headers", ()), *self._headers]}
        elif kind == "http.response.body":
            self.bytes_sent += len(message.get("body", b""))
            self.complete = self.complete or not (message.get("more_body", False) or self._trailers)
        else:
            self.complete = self.complete or _is_last(message, trailers=self._trailers)
        try:
            await self._send(message)
        except OSError:  # how a server says that the client has gone (ASGI 2.4)
            self._disconnect()
            raise
        if self.complete and not self._ended:
            self._ended = time.perf_counter_ns()
            if self.status < SERVER_ERROR:  # else wait for the exception: Starlette answers first, then raises
                self._record()

    def finish(self) -> None:
        """The application has returned: record what is not recorded yet, report what went wrong."""
        if not self._recorded:
            self._ended = self._ended or time.perf_counter_ns()
            self._record()
        error = self.error
        self.error = None  # or the traceback would keep this object alive, and this object the traceback
        if isinstance(error, Exception) and not self.disconnected:
            log.error("http.request_failed", exc_info=error)
            self._observers.capture(error)

    def _record(self) -> None:
        self._recorded = True
        self._observers.record(self)

    def _disconnect(self) -> None:
        self.disconnected = True
        self.status = self.status or CLIENT_CLOSED


def _has_left(receive: Receive) -> bool:
    """Whether uvicorn knows that the client is gone. It drops the response then, and says so only to those who ask."""
    return getattr(getattr(receive, "__self__", None), "disconnected", False)


def _is_last(message: Message, *, trailers: bool) -> bool:
    """Whether a message other than a body ends the response."""
    match message["type"]:
        case "http.response.trailers":
            return not message.get("more_trailers", False)
        case "http.response.pathsend":
            return not trailers
        case "http.response.zerocopysend":
            return not (message.get("more_body", False) or trailers)
        case _:
            return False
