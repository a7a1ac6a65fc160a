"""One websocket: ids in the response to its handshake, a span, and one event when it has ended."""

import asyncio
import time
from contextlib import suppress

from prometheus_client import Histogram
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect
from structlog.contextvars import get_contextvars

from .. import failures
from ..error_type import error_type
from ..logs.emit import Emit
from ..logs.redaction import redact
from ..logs.values import fields
from ..metrics.instruments import REGISTRY
from ..problem_types import meaning
from ..problems import UNEXPECTED, ProblemResponse
from ..security.headers import NO_FIELDS
from .arrival import arrived
from .identification import identify
from .request_record import SERVER_ERROR, Labels, Observers
from .response_start import with_fields
from .routes import RouteTemplates
from .span_attributes import path_and_client
from .websocket_span import end

NORMAL, ABNORMAL, FAILED = 1000, 1006, 1011  # RFC 6455; 1006: the connection ended without a close frame
FORBIDDEN, NOT_FOUND = 403, 404
_DENIAL = "websocket.http.response"  # the server can send any response to a handshake
CLOSE_SECONDS = 1.0  # for a client that does not read; the server ends the connection then
DURATION_BUCKETS_SECONDS = (0.1, 1.0, 10.0, 60.0, 300.0, 1800.0, 3600.0, 14400.0, 86400.0)

DURATION = Histogram(
    "websocket_connection_duration_seconds",
    "Time from the first byte of the handshake to the end of the websocket.",
    ("http_route", "error_type"),
    buckets=DURATION_BUCKETS_SECONDS,
    registry=REGISTRY,
)


class WebsocketRecorder:
    """Records the telemetry of websockets that have ended."""

    def __init__(self, templates: RouteTemplates, emit: Emit) -> None:
        """Label by `templates`, write events with `emit`."""
        self._templates = templates
        self._emit = emit

    def __call__(self, websocket: "ObservedWebsocket") -> Labels:
        """Record one websocket. Returns how it ended."""
        route = self._templates.of(websocket.scope)
        seconds = (time.perf_counter_ns() - websocket.arrived) / 1e9
        path, address = path_and_client(websocket.scope)
        ended: Labels = {
            "http_route": route,
            "error_type": websocket.error_type,
            "close_code": websocket.close_code,
        }
        DURATION.labels(route, websocket.error_type).observe(seconds)
        event = {
            "level": "error" if websocket.error_type else "info",
            "event": "websocket.closed",
            **websocket.ids._asdict(),
            **ended,
            "accepted": websocket.accepted,
            "url_path": path,
            "duration_seconds": round(seconds, 6),
            "messages_received": websocket.received,
            "messages_sent": websocket.sent,
            "client_address": address,
        }
        end(websocket.span, websocket.error, event)
        self._emit({**redact(fields(get_contextvars())), **event})
        return ended


class ObservedWebsocket:
    """Created when a handshake arrives. Recorded once, when the application has returned."""

    shed = False  # a websocket is long-lived: it is refused where connections are limited

    def __init__(
        self, observers: Observers, record: WebsocketRecorder, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Read the clock, identify the websocket, start its span."""
        self.arrived = arrived(scope)
        self.started = time.perf_counter_ns()
        identified = identify(scope, observers.propagator, observers.tracer, observers.known_methods)
        self.ids, self.span, self.context, self._header = identified
        self.scope, self._receive, self._send, self._record = scope, receive, send, record
        self._lifecycle, self._headers = observers.lifecycle, observers.headers
        self._over = self._stopped = self.accepted = self._refused = False
        self.close_code = self.received = self.sent = 0
        self.error_type = ""
        self.error: BaseException | None = None

    async def receive(self) -> Message:
        """Pass a message to the application."""
        message = await self._receive()
        if message["type"] == "websocket.receive":
            self.received += 1
        elif message["type"] == "websocket.disconnect":
            self.close_code = self.close_code or message.get("code") or ABNORMAL
        return message

    async def __call__(self, message: Message) -> None:
        """Pass a message to the server. The response to the handshake gets the request id."""
        kind = message["type"]
        if kind in {"websocket.accept", "websocket.http.response.start"}:
            self.accepted = kind == "websocket.accept"
            self._refused = not self.accepted
            added = self._headers.of(self.scope) if self._refused else NO_FIELDS
            message = with_fields(message, self.scope, self._header, added, closing=False)
        elif kind == "websocket.send":
            self.sent += 1
        elif kind == "websocket.close":
            self.close_code = message.get("code", 1000)
            if self._answers:
                await self._refuse(FORBIDDEN if "route" in self.scope else NOT_FOUND)
                return
        await self._send(message)

    @property
    def _answers(self) -> bool:
        """Whether the handshake has no response yet, and the server can send a problem as the response."""
        return not (self.accepted or self._refused) and _DENIAL in (self.scope.get("extensions") or ())

    async def _refuse(self, status: int, detail: str = "") -> None:
        await ProblemResponse(status, detail or meaning(status))(self.scope, self.receive, self)

    def raised(self, error: BaseException) -> None:
        """Note the application's exception. A client that disconnects and a process that stops are no failures."""
        self._stopped = stopped = isinstance(error, asyncio.CancelledError) and failures.was_told_to_stop()
        if stopped and self._lifecycle.draining and not self._over:
            self._lifecycle.cut.append(f"websocket {self.ids.request_id}")
        if not (stopped or _says_left(error)):
            self.error = error
            self.error_type = error_type(error)

    async def close(self, error: BaseException | None = None) -> None:
        """Close a connection that the application left open.

        A handshake that was not accepted is refused: with 404 if there is no route, else with 403, and with 500 if its
        handler failed. The server makes the response itself if it cannot send a problem.
        """
        if self.close_code or self._refused or self._stopped:
            return
        if error is not None and not self.accepted:
            if self._answers:
                await self._refuse(SERVER_ERROR, UNEXPECTED)
            return
        closed = False
        with suppress(Exception):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self({"type": "websocket.close", "code": NORMAL if error is None else FAILED})
                closed = True
        if not closed:
            self.close_code = ABNORMAL

    def abandon(self) -> None:
        """Record the websocket as cut although it is still open: the process ends now."""
        if not self._over:
            self._lifecycle.cut.append(f"websocket {self.ids.request_id}")
            self.finish()

    def forget(self) -> None:
        """Record nothing: this process is a forked child, and its parent serves the websocket."""
        self._over = True

    def finish(self) -> None:
        """Called when the application has returned. Record the websocket, and report its error."""
        if self._over:
            return
        self._over = True
        self.close_code = self.close_code or ABNORMAL
        ended: Labels = {}
        try:
            ended = self._record(self)
        except Exception as bug:  # noqa: BLE001 - a bug of ours must not hide how the websocket ended
            failures.report("telemetry", "telemetry.failed", bug)
        error, self.error = self.error, None
        if error is not None:
            failures.report("websocket", "websocket.failed", error, **ended)


def _says_left(error: BaseException) -> bool:
    """Whether an exception, or each one of a group, only means that the client disconnected."""
    if isinstance(error, BaseExceptionGroup):
        return all(_says_left(inner) for inner in error.exceptions)
    return isinstance(error, WebSocketDisconnect)
