"""One request and its response: the added headers, the end of its duration, and its outcome."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from opentelemetry.propagators.textmap import TextMapPropagator
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from .. import failures
from ..lifecycle import Lifecycle
from ..security.response_headers import ResponseHeaders
from ..traces.request_tracer import Starter
from .arrival import ARRIVED
from .forwarded import Proxies
from .identification import identify
from .response_end import is_last
from .response_start import with_fields

ANSWERED = "firstlight.answered"  # in the scope of a request that was answered while its handler still runs
CLIENT_CLOSED = 499  # nginx's status for a client that disconnected before the response
SERVER_ERROR, UNAVAILABLE = 500, 503
_NO_BODY: Message = {"type": "http.response.body", "body": b"", "more_body": False}
Labels = Mapping[str, str | int | float]


@dataclass(frozen=True, slots=True)
class Observers:
    """The objects that observe every request."""

    propagator: TextMapPropagator
    tracer: Starter
    record: Callable[["ObservedRequest"], Labels]
    lifecycle: Lifecycle
    known_methods: frozenset[str]
    proxies: Proxies
    headers: ResponseHeaders = field(default_factory=ResponseHeaders)


class ObservedRequest:
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

    async def receive(self) -> Message:
        """Pass a message to the application, and note a client that disconnects before the end."""
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self.complete:
            self._disconnect()
        return message

    async def send(self, message: Message) -> None:
        """Pass a message to the server. The start gets our headers, in a copy; the end stops the clock."""
        kind, was_complete = message["type"], self.complete
        if not self.complete and getattr(self.cycle, "disconnected", False):  # the server drops the message silently
            self._disconnect()
        if kind == "http.response.start":
            self.status = self.status if self.disconnected else message["status"]
            self._trailers = message.get("trailers", False)
            added, closing = self._observers.headers.of(self.scope), self._observers.lifecycle.draining
            message = with_fields(message, self.scope, self._header, added, closing=closing)
        elif kind == "http.response.body":
            if self.scope["method"] != "HEAD":
                self.bytes_sent += 0 if self.disconnected else len(message.get("body", b""))
            elif self.complete:
                await asyncio.sleep(0)  # the response receives a disconnect, which must reach it
                return
            else:  # no body follows, so the response ends here: a stream might never end
                message, self._trailers = _NO_BODY, False
            self.first_byte = self.first_byte or time.perf_counter_ns()
            self.complete = self.complete or not (message.get("more_body", False) or self._trailers)
        else:
            self.complete = self.complete or is_last(message, trailers=self._trailers)
        try:
            await self._send(message)
        except BaseException as error:
            self._not_sent(error, was_complete=was_complete)
            raise
        if self.complete and not self.ended:
            self.ended = time.perf_counter_ns()
            # Else wait for the exception: Starlette answers first, then raises. But a handler may never return.
            if self.status < SERVER_ERROR or ANSWERED in self.scope:
                self._describe()

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

    def _not_sent(self, error: BaseException, *, was_complete: bool) -> None:
        """The client has disconnected (ASGI 2.4), or the server has refused the message, perhaps with those before."""
        if isinstance(error, OSError):
            self._send_error = error
            self._disconnect()
            return
        self.complete = was_complete
        if not getattr(self.cycle, "response_started", True):
            self.bytes_sent = self.first_byte = 0

    def _disconnect(self) -> None:
        self.disconnected = True
        self.status = self.status or CLIENT_CLOSED


def _says_left(error: BaseException, sending: BaseException | None) -> bool:
    """Whether an exception only means that the client disconnected: an error of sending, or Starlette's own."""
    if isinstance(error, BaseExceptionGroup):
        return all(_says_left(inner, sending) for inner in error.exceptions)
    return error is sending or isinstance(error, ClientDisconnect)
