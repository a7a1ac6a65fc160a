"""Telemetry of a finished request: one observation, one span, one event, all from the same reading of the clock."""

import asyncio
import re

from opentelemetry.sdk.trace import Span
from opentelemetry.trace import Status, StatusCode

from ..logs.pipeline import Emit
from ..logs.redaction import redact_text
from ..metrics.instruments import UNMATCHED, RequestChildren
from .observed_request import SERVER_ERROR, ObservedRequest
from .routes import RouteTemplates

OTHER_METHOD = "_OTHER"

# `error_type` of a request that no exception ended. Only the first is not the service's fault.
CLIENT_DISCONNECTED = "client_disconnected"
CANCELLED = "cancelled"
INCOMPLETE = "incomplete"

_ADDRESS = re.compile(r"[0-9A-Fa-f.:]{2,45}")  # behind a proxy it is what a header said
_FAILED = Status(StatusCode.ERROR)


class Recorder:
    """Turns finished requests into telemetry."""

    def __init__(self, templates: RouteTemplates, known_methods: frozenset[str], emit: Emit) -> None:
        """Label by `templates` and `known_methods`, write events with `emit`."""
        self.templates = templates
        self.known_methods = known_methods
        self._emit = emit
        self._children = RequestChildren()

    def __call__(self, request: ObservedRequest) -> None:
        """Record one request."""
        scope, ids = request.scope, request.ids
        status, error_type = outcome(request)
        method = scope["method"] if scope["method"] in self.known_methods else OTHER_METHOD
        route, duration = self.templates.of(scope), request.duration
        client = scope.get("client")
        event = {
            "level": "info" if error_type in ("", CLIENT_DISCONNECTED) else "error",
            "event": "http.request_finished",
            "request_id": ids.request_id,
            "trace_id": ids.trace_id,
            "span_id": ids.span_id,
            "http_request_method": method,
            "http_route": route,
            "url_path": redact_text(scope["path"]),
            "http_response_status_code": status,
            "error_type": error_type,
            "duration_seconds": duration // 1000 / 1e6,
            "response_bytes": request.bytes_sent,
            "client_address": client[0] if client and _ADDRESS.fullmatch(client[0]) else "",
        }
        child = self._children[method, route, str(status), error_type]
        if request.span.is_recording():
            child.observe(duration / 1e9, {"trace_id": ids.trace_id})
            _end_span(request, event)
        else:
            child.observe(duration / 1e9)
        self._emit(event)


def outcome(request: ObservedRequest) -> tuple[int, str]:
    """Status code and `error_type`, which is empty for what went well and for what the client did wrong."""
    status, error = request.status or SERVER_ERROR, request.error
    if request.disconnected:
        return status, CLIENT_DISCONNECTED
    if isinstance(error, asyncio.CancelledError):
        return status, CANCELLED
    if error is not None:
        return status, type(error).__qualname__
    if not request.complete:
        return status, INCOMPLETE
    return status, str(status) if status >= SERVER_ERROR else ""


def _end_span(request: ObservedRequest, event: dict[str, str | int | float]) -> None:
    span, scope, method = request.span, request.scope, event["http_request_method"]
    assert isinstance(span, Span)
    verb = "HTTP" if method == OTHER_METHOD else method
    matched = event["http_route"] != UNMATCHED
    span.update_name(f"{verb} {event['http_route']}" if matched else f"{verb}")
    attributes = {
        "http.request.method": method,
        "http.response.status_code": event["http_response_status_code"],
        "url.path": event["url_path"],
        "url.scheme": scope.get("scheme", "http"),
        "network.protocol.version": scope.get("http_version", ""),
        "client.address": event["client_address"],
        "user_agent.original": request.request_headers.get(b"user-agent", b"").decode("latin-1"),
    }
    if matched:
        attributes["http.route"] = event["http_route"]
    if event["error_type"]:
        attributes["error.type"] = event["error_type"]
    if event["level"] == "error":
        span.set_status(_FAILED)
    span.set_attributes(attributes)
    span.end((span.start_time or 0) + request.duration)
