"""What requests of one kind share: made at the first one, found by the others.

A kind is one label set of the duration, hence their number is limited as that of label sets is.
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
    """What tells one kind from another."""

    method: str
    route: str
    status: int
    error_type: str
    scheme: str
    answered: bool = True
    """Whether that status was sent, or would have been to a client that has left."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What all requests with one `Label` have in common."""

    opening: Mapping[str, str]
    """Level and name of the access event."""
    labels: Mapping[str, str | int | float]
    """By which it is counted."""
    duration: Duration
    available: Count | None
    """The counter of the availability; none where the client has abandoned the request."""
    timing: Timing | None
    line: PreparedLine | None
    """The access event, where it is a line of JSON."""
    name: str
    """Of the span."""
    attributes: SharedAttributes
    """Of the span, at its end."""


class Kinds(dict[Label, Kind]):
    """The kinds that there were."""

    def __init__(self, timings: Timings, availability: Events, emit: Emit) -> None:
        """Count by `timings` and `availability`, write with `emit`."""
        super().__init__()
        self._timings = timings
        self._availability = availability
        self._emit = emit
        self._children = Children(REQUEST_DURATION, _overflowed)

    def __missing__(self, label: Label) -> Kind:
        """Make a kind, and keep it as long as there are few."""
        kind = self._made(label)
        if len(self) < MAX_CHILDREN:
            self[label] = kind
        return kind

    def _made(self, label: Label) -> Kind:
        method, route, status, error_type, scheme, answered = label
        labels: dict[str, str | int | float] = {
            "http_request_method": method,
            "http_route": route,
            "http_response_status_code": int(status),  # it may be an enumeration
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
            PreparedLine(self._emit, opening, labels) if self._emit.writes(level) else None,
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
