"""What is recorded of one request: its times, its status and its error."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from opentelemetry.propagators.textmap import TextMapPropagator
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from .. import failures
from ..lifecycle import Lifecycle
from ..security.response_headers import ResponseHeaders
from ..traces.request_tracer import Starter
from .arrival import ARRIVED
from .forwarded import Proxies
from .identification import identify

CLIENT_CLOSED = 499  # nginx's status for a client that disconnected before the response
SERVER_ERROR, UNAVAILABLE = 500, 503
Labels = Mapping[str, str | int | float]


@dataclass(frozen=True, slots=True)
class Observers:
    """The objects that observe every request."""

    propagator: TextMapPropagator
    tracer: Starter
    record: Callable[["RequestRecord"], Labels]
    lifecycle: Lifecycle
    known_methods: frozenset[str]
    proxies: Proxies
    headers: ResponseHeaders = field(default_factory=ResponseHeaders)


class RequestRecord:
    """Created when a request arrives. Recorded once: at the last byte of its response, or when there will be none."""

    __slots__ = (
        "_described",
        "_header",
        "_observers",
        "_receive",
        "_send",
        "_send_error",
        "_trailers",
        "arrived",
        "bytes_sent",
        "cancelled",
        "complete",
        "context",
        "cycle",
        "disconnected",
        "ended",
        "error",
        "first_byte",
        "ids",
        "scope",
        "shed",
        "span",
        "started",
        "status",
    )

    def __init__(self, observers: Observers, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the clock, identify the request, start its span."""
        self.started = time.perf_counter_ns()
        self.arrived: int = scope.get(ARRIVED) or self.started
        identified = identify(scope, observers.propagator, observers.tracer, observers.known_methods)
        self.ids, self.span, self.context, self._header = identified
        self.scope, self._receive, self._send, self._observers = scope, receive, send, observers
        self.cycle = getattr(receive, "__self__", None)  # of uvicorn, if it is the server
        self.status = self.bytes_sent = self.ended = self.first_byte = 0
        self.complete = self.disconnected = self.shed = self.cancelled = self._trailers = False
        self.error: BaseException | None = None
        self._send_error: BaseException | None = None
        self._described: Labels | None = None

    def finish(self) -> None:
        """Called when the application has returned. Record the request unless that is done, and report its error."""
        if self._described is None:
            self.ended = self.ended or time.perf_counter_ns()
            self._describe()
        error, sending = self.error, self._send_error
        self.error = self._send_error = None  # a traceback keeps this object alive, so this object keeps no traceback
        if error is not None and not self.cancelled and not (self.disconnected and _says_left(error, sending)):
            failures.report("request", "http.request_failed", error, **(self._described or {}))

    def raised(self, error: BaseException) -> None:
        """Note the application's exception. The server cancels this task only when the drain takes too long."""
        self.error = error
        stopped = isinstance(error, asyncio.CancelledError) and failures.was_told_to_stop()
        if stopped and self._observers.lifecycle.draining:
            self._cut()
        elif isinstance(error, SystemExit) and self.cancelled:
            self._observers.lifecycle.exit = error

    def abandon(self) -> None:
        """Record the request as cut although it still runs: the process ends now."""
        self._cut()
        if self._described is None:
            self.ended = self.ended or time.perf_counter_ns()
            self._describe()

    def forget(self) -> None:
        """Record nothing: this process is a forked child, and its parent serves the request."""
        self.ended = self.ended or time.perf_counter_ns()
        self._described, self.cancelled, self.status = {}, True, self.status or SERVER_ERROR

    def _cut(self) -> None:
        if not self.cancelled:
            self.cancelled, self.status = True, self.status or UNAVAILABLE
            self._observers.lifecycle.cut.append(f"request {self.ids.request_id}")

    def _describe(self) -> None:
        self._described = {}
        try:
            self._described = self._observers.record(self)
        except Exception as error:  # noqa: BLE001 - a bug of ours must not end a request that is answered already
            failures.report("telemetry", "telemetry.failed", error)

    def _disconnect(self) -> None:
        self.disconnected = True
        self.status = self.status or CLIENT_CLOSED


def _says_left(error: BaseException, sending: BaseException | None) -> bool:
    """Whether an exception only means that the client disconnected: an error of sending, or Starlette's own."""
    if isinstance(error, BaseExceptionGroup):
        return all(_says_left(inner, sending) for inner in error.exceptions)
    return error is sending or isinstance(error, ClientDisconnect)
