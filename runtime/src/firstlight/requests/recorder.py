"""Telemetry of a finished request: one observation, one span, one event, all from the same reading of the clock."""

import re
from collections.abc import Mapping

from opentelemetry.sdk.trace import Span
from opentelemetry.trace import Status, StatusCode
from starlette.types import Scope
from structlog.contextvars import get_contextvars

from ..logs.limits import cut
from ..logs.pipeline import Emit
from ..logs.redaction import redact, redact_text
from ..logs.values import fields
from ..metrics.instruments import OTHER_METHOD, UNMATCHED, RequestChildren
from ..slo import Events
from .exception_event import described
from .observed_request import UNAVAILABLE, Labels, ObservedRequest
from .outcome import CLIENT_DISCONNECTED, NOT_OURS, SHED, outcome
from .reason import REASON
from .routes import RouteTemplates
from .timings import Timing, Timings

PATH_BYTES = 2048
USER_AGENT_BYTES = 512

_ADDRESS = re.compile(r"[0-9A-Fa-f.:]{2,45}")  # behind a proxy it is what a header said
_FAILED = Status(StatusCode.ERROR)


class Recorder:
    """Turns finished requests into telemetry."""

    def __init__(
        self,
        *,
        templates: RouteTemplates,
        timings: Timings,
        availability: Events,
        known_methods: frozenset[str],
        emit: Emit,
    ) -> None:
        """Label by `templates` and `known_methods`, count by `availability` and `timings`, write with `emit`."""
        self.templates = templates
        self.known_methods = known_methods
        self._timings = timings
        self._availability = availability
        self._emit = emit
        self._children = RequestChildren()

    def __call__(self, request: ObservedRequest) -> Labels:
        """Record one request. Returns the labels under which it is counted."""
        scope = request.scope
        method = scope["method"] if scope["method"] in self.known_methods else OTHER_METHOD
        route, duration = self.templates.of(scope), request.duration
        timing = self._timings.of(method, route)
        status, error_type = outcome(request, timing)
        labels: Labels = {
            "http_request_method": method,
            "http_route": route,
            "http_response_status_code": status,
            "error_type": error_type,
        }
        event = _event(request, labels)
        child = self._children[method, route, str(status), error_type]
        if request.identified.span.is_recording():
            child.observe(duration / 1e9, {"trace_id": request.ids.trace_id})
            _end_span(request, event)
        else:
            child.observe(duration / 1e9)
        self._count(request, timing, error_type)
        bound = get_contextvars()
        self._emit({**redact(fields(bound)), **event} if bound else event)
        return labels

    def shed(self, scope: Scope, duration: int, request_id: str) -> None:
        """Record a request that the server refused after `duration` nanoseconds. It has no span."""
        method = scope["method"] if scope["method"] in self.known_methods else OTHER_METHOD
        labels = (method, self.templates.of(scope), str(UNAVAILABLE), SHED)
        self._children[labels].observe(duration / 1e9)
        self._availability.bad.inc()
        timing = self._timings.of(*labels[:2])
        if timing is not None:
            (timing.bad if duration > timing.threshold else timing.good).inc()
        self._emit(
            {
                "level": "error",
                "event": "http.request_finished",
                "request_id": request_id,
                "http_request_method": method,
                "http_route": labels[1],
                "http_response_status_code": UNAVAILABLE,
                "error_type": SHED,
                "url_path": redact_text(cut(scope["path"], PATH_BYTES)),
                "duration_seconds": duration // 1000 / 1e6,
                "client_address": client_address(scope),
            }
        )

    def _count(self, request: ObservedRequest, timing: Timing | None, error_type: str) -> None:
        """Count the events of the objectives. A request that its client abandoned is an event of none."""
        if error_type == CLIENT_DISCONNECTED:
            return
        (self._availability.good if error_type in NOT_OURS else self._availability.bad).inc()
        if timing is not None:
            took = request.duration_to_first_byte if timing.to_first_byte else request.duration
            (timing.bad if took > timing.threshold else timing.good).inc()


def _event(request: ObservedRequest, labels: Labels) -> dict[str, str | int | float]:
    ids, scope = request.ids, request.scope
    event = {
        "level": "info" if labels["error_type"] in NOT_OURS else "error",
        "event": "http.request_finished",
        "request_id": ids.request_id,
        "trace_id": ids.trace_id,
        "span_id": ids.span_id,
        **labels,
        "url_path": redact_text(cut(scope["path"], PATH_BYTES)),
        "duration_seconds": request.duration // 1000 / 1e6,
        "response_bytes": request.bytes_sent,
        "client_address": client_address(scope),
    }
    if REASON in scope:
        event["reason"] = scope[REASON]
    return event


def client_address(scope: Scope) -> str:
    """The address of the client, empty where it is none."""
    client = scope.get("client")
    return client[0] if client and _ADDRESS.fullmatch(client[0]) else ""


def _end_span(request: ObservedRequest, event: Mapping[str, str | int | float]) -> None:
    span, scope, method = request.identified.span, request.scope, event["http_request_method"]
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
        "user_agent.original": cut(request.identified.user_agent.decode("latin-1"), USER_AGENT_BYTES),
    }
    if matched:
        attributes["http.route"] = event["http_route"]
    if event["error_type"]:
        attributes["error.type"] = event["error_type"]
    if event["level"] == "error":
        span.set_status(_FAILED)
    span.set_attributes(attributes)
    if request.error is not None and not request.cancelled:
        span.add_event("exception", described(request.error))
    span.end((span.start_time or 0) + request.duration)
