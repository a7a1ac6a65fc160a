"""Telemetry of a finished request: one observation, one span, one event, all with the same duration."""

from typing import Any

from starlette.types import Scope
from structlog.contextvars import get_contextvars

from ..logs.bound import is_anything_bound
from ..logs.emit import Emit
from ..logs.redaction import redact
from ..logs.values import fields
from ..metrics.children import MAX_CHILDREN
from ..metrics.instruments import UNMATCHED
from ..slo import Events
from ..traces.request_span import finish, started
from . import target
from .exception_event import described
from .kind import Kind, Kinds, Label
from .outcome import SHED, outcome
from .reason import REASON
from .request_record import CLIENT_CLOSED, SERVER_ERROR, UNAVAILABLE, Labels, RequestRecord
from .routes import RouteTemplates, reached
from .span_attributes import client_address, path_and_client
from .timings import Timings
from .watch import Watch

Known = tuple[int, str, int, str | None]


class Recorder:
    """Records the telemetry of finished requests."""

    def __init__(  # noqa: PLR0913 - where each signal goes
        self,
        *,
        templates: RouteTemplates,
        timings: Timings,
        availability: Events,
        known_methods: frozenset[str],
        emit: Emit,
        watch: Watch | None = None,
    ) -> None:
        """Label by `templates` and `known_methods`, count by `availability` and `timings`, write with `emit`.

        `watch` gets each request as well.
        """
        self.templates = templates
        self.known_methods = known_methods
        self._timings = timings
        self._emit = emit
        self._watch = watch
        self._kinds = Kinds(timings, availability, emit)
        self._usual: dict[Known, Kind] = {}

    def __call__(self, request: RequestRecord) -> Labels:
        """Record one request. Returns the labels under which it is counted."""
        scope, took = request.scope, request.ended - request.arrived
        if request.complete and not (request.error or request.disconnected or request.cancelled or request.shed):
            known = (id(reached(scope)), scope["method"], request.status, scope.get("scheme"))
            kind = self._usual.get(known) or self._found(request, known)
        else:
            kind = self._kinds[self._label(request)]
        if request.span.is_recording():
            kind.duration.observe(took / 1e9, request.ids.trace_id)
            _end_span(request, kind, took)
        else:
            kind.duration.observe(took / 1e9)
        if kind.available is not None:
            kind.available.tick()
        if (timing := kind.timing) is not None:
            counted = request.first_byte - request.arrived if timing.to_first_byte and request.first_byte else took
            (timing.bad if counted > timing.threshold else timing.good).tick()
        self._write(request, kind, took)
        if self._watch is not None:
            self._watch.finished(request, kind.labels, took)
        return kind.labels

    def shed(self, scope: Scope, duration: int, request_id: str) -> None:
        """Record a request that the server refused after `duration` nanoseconds. It has no span."""
        method = target.method(scope, self.known_methods)
        kind = self._kinds[Label(method, self.templates.of(scope), UNAVAILABLE, SHED, target.scheme(scope))]
        kind.duration.observe(duration / 1e9)
        if kind.available is not None:
            kind.available.tick()
        if (timing := kind.timing) is not None:
            (timing.bad if duration > timing.threshold else timing.good).tick()
        path, client = target.path(scope), client_address(scope)
        event = {
            **kind.opening,
            "request_id": request_id,
            **kind.labels,
            "url_path": path,
            "duration_seconds": duration // 1000 / 1e6,
            "client_address": client,
        }
        self._emit(event)
        if self._watch is not None:
            self._watch.shed(kind.labels, duration, request_id, path, client)

    def _found(self, request: RequestRecord, known: Known) -> Kind:
        """The kind of a request that succeeded or failed by the client's mistake. Later requests find it directly.

        The values in `known` identify such a kind, unless the route has other routes below it, or the request was
        refused before the router chose a route.
        """
        label, route = self._label(request), reached(request.scope)
        kind = self._kinds[label]
        is_known = route is not None and label.route != UNMATCHED
        unusual = label.status >= SERVER_ERROR or not is_known or getattr(route, "routes", None)
        if not unusual and known[1] in self.known_methods and len(self._usual) < MAX_CHILDREN:
            self._usual[known] = kind
        return kind

    def _label(self, request: RequestRecord) -> Label:
        scope = request.scope
        method, route = target.method(scope, self.known_methods), self.templates.of(scope)
        status, error_type = outcome(request, self._timings.of(method, route))
        answered = status != CLIENT_CLOSED or not request.disconnected
        return Label(method, route, status, error_type, target.scheme(scope), answered)

    def _write(self, request: RequestRecord, kind: Kind, took: int) -> None:
        path, address = path_and_client(request.scope)
        more: dict[str, Any] = {
            "url_path": path,
            "duration_seconds": took // 1000 / 1e6,
            "response_bytes": request.bytes_sent,
            "client_address": address,
        }
        if REASON in request.scope:
            more["reason"] = request.scope[REASON]
        bound = get_contextvars() if is_anything_bound() else None
        if kind.line is not None and not bound:
            kind.line.write(request.ids, more)
            return
        self._emit({**redact(fields(bound or {})), **kind.opening, **request.ids._asdict(), **kind.labels, **more})


def _end_span(request: RequestRecord, kind: Kind, took: int) -> None:
    span, error = request.span, request.error
    if error is not None and not request.cancelled:
        span.add_event("exception", described(error))
    failed = bool(kind.labels["error_type"])
    finish(span, kind.name, kind.attributes, failed=failed, end_time=started(span) + took)
