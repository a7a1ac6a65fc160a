"""Telemetry of a finished request: one observation, one span, one event, all from the same reading of the clock."""

from collections.abc import Mapping

from starlette.types import Scope
from structlog.contextvars import get_contextvars

from ..logs.pipeline import Emit
from ..logs.redaction import redact
from ..logs.values import fields
from ..metrics.children import OVERFLOW, Children, class_of
from ..metrics.instruments import OTHER_METHOD, REQUEST_DURATION, UNMATCHED
from ..slo import Events
from ..traces.request_span import finish, started
from . import target
from .exception_event import described
from .observed_request import CLIENT_CLOSED, UNAVAILABLE, Labels, ObservedRequest
from .outcome import CLIENT_DISCONNECTED, NOT_OURS, SHED, outcome
from .reason import REASON
from .routes import RouteTemplates
from .span_attributes import client_address, name_of, path_and_client
from .timings import Timing, Timings


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
        self._children = Children(REQUEST_DURATION, _overflowed)

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
        sent = str(status) if status != CLIENT_CLOSED or not request.disconnected else ""
        child = self._children[method, route, sent, error_type, target.scheme(scope)]
        if request.identified.span.is_recording():
            child.observe(duration / 1e9, request.ids.trace_id)
            _end_span(request, event)
        else:
            child.observe(duration / 1e9)
        self._count(request, timing, error_type)
        bound = get_contextvars()
        self._emit({**redact(fields(bound)), **event} if bound else event)
        return labels

    def shed(self, scope: Scope, duration: int, request_id: str) -> None:
        """Record a request that the server refused after `duration` nanoseconds. It has no span."""
        method = target.method(scope, self.known_methods)
        labels = (method, self.templates.of(scope), str(UNAVAILABLE), SHED, target.scheme(scope))
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
                "url_path": target.path(scope),
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


def _overflowed(labels: tuple[str, ...]) -> tuple[str, ...]:
    _, _, status, error_type, scheme = labels
    return OVERFLOW, OVERFLOW, class_of(status), OVERFLOW if error_type else "", scheme


def _event(request: ObservedRequest, labels: Labels) -> dict[str, str | int | float]:
    ids, scope = request.ids, request.scope
    path, address = path_and_client(scope)
    event = {
        "level": "info" if labels["error_type"] in NOT_OURS else "error",
        "event": "http.request_finished",
        "request_id": ids.request_id,
        "trace_id": ids.trace_id,
        "span_id": ids.span_id,
        **labels,
        "url_path": path,
        "duration_seconds": request.duration // 1000 / 1e6,
        "response_bytes": request.bytes_sent,
        "client_address": address,
    }
    if REASON in scope:
        event["reason"] = scope[REASON]
    return event


def _end_span(request: ObservedRequest, event: Mapping[str, str | int | float]) -> None:
    span, name = request.identified.span, name_of(str(event["http_request_method"]))
    attributes: dict[str, str | int | float] = {}
    if event["http_route"] != UNMATCHED:
        name = f"{name} {event['http_route']}"
        attributes["http.route"] = event["http_route"]
    if request.status != CLIENT_CLOSED or not request.disconnected:  # else the client left before one was sent
        attributes["http.response.status_code"] = int(event["http_response_status_code"])  # it may be an enumeration
    if event["error_type"]:
        attributes["error.type"] = event["error_type"]
    if request.error is not None and not request.cancelled:
        span.add_event("exception", described(request.error))
    finish(span, name, attributes, failed=bool(event["error_type"]), end_time=started(span) + request.duration)
