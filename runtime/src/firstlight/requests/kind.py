"""The parts that all requests of one kind share. The first request creates them, the others find them.

A kind is one label set of the request duration, so the number of kinds has the limit of label sets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ..logs.emit import Emit
from ..logs.prepared_line import PreparedLine
from ..metrics.children import MAX_CHILDREN, OVERFLOW, Children, class_of
from ..metrics.counts import Count
from ..metrics.durations import Duration
from ..metrics.instruments import REQUEST_DURATION, UNMATCHED
from ..slo import Events
from ..traces.attributes import SharedAttributes
from .outcome import CLIENT_DISCONNECTED, NOT_OURS
from .span_attributes import name_of
from .timings import Timing, Timings

EVENT = "http.request_finished"


class Label(NamedTuple):
    """The labels of one kind."""

    method: str
    route: str
    status: int
    error_type: str
    scheme: str
    answered: bool = True
    """Whether the status was sent, or would have been sent if the client had not left."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The parts that all requests with one `Label` share."""

    opening: Mapping[str, str]
    """Level and name of the access event."""
    labels: Mapping[str, str | int | float]
    """Labels of the metrics, and fields of the access event."""
    duration: Duration
    available: Count | None
    """The counter of the availability objective. None when the client left: such a request counts for no objective."""
    timing: Timing | None
    line: PreparedLine | None
    """The constant part of the access event. None where it is not written as a line of JSON."""
    name: str
    """Name of the span."""
    attributes: SharedAttributes
    """Attributes that the span gets when it ends."""


class Kinds(dict[Label, Kind]):
    """The kinds of all requests so far."""

    def __init__(self, timings: Timings, availability: Events, emit: Emit) -> None:
        """Count with `timings` and `availability`, write with `emit`."""
        super().__init__()
        self._timings = timings
        self._availability = availability
        self._emit = emit
        self._children = Children(REQUEST_DURATION, _overflowed)

    def __missing__(self, label: Label) -> Kind:
        """Create a kind. It is kept while the number of kinds is below the limit of label sets."""
        kind = self._made(label)
        if len(self) < MAX_CHILDREN:
            self[label] = kind
        return kind

    def _made(self, label: Label) -> Kind:
        method, route, status, error_type, scheme, answered = label
        labels: dict[str, str | int | float] = {
            "http_request_method": method,
            "http_route": route,
            "http_response_status_code": int(status),  # a handler may use an enumeration
            "error_type": error_type,
        }
        level = "info" if error_type in NOT_OURS else "error"
        opening = {"level": level, "event": EVENT}
        abandoned = error_type == CLIENT_DISCONNECTED
        return Kind(
            opening,
            labels,
            self._children[method, route, str(int(status)) if answered else "", error_type, scheme],
            None if abandoned else self._availability.good if error_type in NOT_OURS else self._availability.bad,
            None if abandoned else self._timings.of(method, route),
            PreparedLine(self._emit, opening, labels) if self._emit.writes_json else None,
            name_of(method) if route == UNMATCHED else f"{name_of(method)} {route}",
            _attributes(label),
        )


def _attributes(label: Label) -> SharedAttributes:
    attributes = SharedAttributes()
    if label.route != UNMATCHED:
        attributes["http.route"] = label.route
    if label.answered:
        attributes["http.response.status_code"] = int(label.status)
    if label.error_type:
        attributes["error.type"] = label.error_type
    return attributes


def _overflowed(labels: tuple[str, ...]) -> tuple[str, ...]:
    _, _, status, error_type, scheme = labels
    return OVERFLOW, OVERFLOW, class_of(status), OVERFLOW if error_type else "", scheme
