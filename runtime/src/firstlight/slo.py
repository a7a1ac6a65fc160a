"""Objectives and their events are exported as metrics, so that one set of rules serves every service.

An objective of the team is a value in `objectives` of the service, and a call where its events happen:

    Objective("checkout", 0.995)
    slo.good("checkout") if paid else slo.bad("checkout")
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from .errors import ArrangementError
from .metrics.counts import Count
from .metrics.instruments import SLO_EVENTS, SLO_OBJECTIVE, SLO_THRESHOLD
from .settings import Settings, can_alert, is_bucket

STANDARD = ("availability", "latency")  # of every service
ROUTE_PREFIX = "latency."  # of a route with a latency objective of its own
NAME = re.compile(r"[a-z][a-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Objective:
    """An objective: at least this `ratio` of events is good. `threshold_seconds` is for latency objectives only."""

    slo: str
    ratio: float
    threshold_seconds: float | None = None

    def __post_init__(self) -> None:
        """Raise `ArrangementError` for an objective on which the rules could not alert."""
        if not isinstance(self.slo, str) or NAME.fullmatch(self.slo) is None:
            msg = f"the objective {self.slo!r} must have a name in lower case, such as checkout"
            raise ArrangementError(msg)
        for value, rule in ((self.ratio, can_alert), (self.threshold_seconds, is_bucket)):
            if not (value is None or (isinstance(value, int | float) and not isinstance(value, bool))):
                msg = f"the objective {self.slo} must have numbers, not {value!r}"
                raise ArrangementError(msg)
            try:
                if value is not None:
                    rule(value)
            except ValueError as error:
                msg = f"the objective {self.slo} {error}, not {value}"
                raise ArrangementError(msg) from None

    def export(self) -> "Events":
        """Export the objective, and both event counters with 0, so that increase() sees the first event."""
        SLO_OBJECTIVE.labels(self.slo).set(self.ratio)
        if self.threshold_seconds is not None:
            SLO_THRESHOLD.labels(self.slo).set(self.threshold_seconds)
        events = Events(SLO_EVENTS.labels(self.slo, "good"), SLO_EVENTS.labels(self.slo, "bad"))
        _declared.declare(self.slo, events)
        return events


class Events(NamedTuple):
    """The counters of one objective."""

    good: Count
    bad: Count


class Declared:
    """The counters of the objectives of this process, by name."""

    def __init__(self) -> None:
        """Nothing is declared before an application is created."""
        self._events: dict[str, Events] = {}

    def declare(self, slo: str, events: Events) -> None:
        """Declare an objective."""
        self._events[slo] = events

    def of(self, slo: str) -> Events | None:
        """The counters of an objective of the team, or None in a test without an application.

        Raises `ArrangementError` if the service does not declare the objective.
        """
        if slo in STANDARD or slo.startswith(ROUTE_PREFIX):
            msg = f"the runtime counts the events of {slo} itself"
            raise ArrangementError(msg)
        if self._events and slo not in self._events:
            msg = f"no objective is named {slo!r}; add it to `objectives` of the service"
            raise ArrangementError(msg)
        return self._events.get(slo)


_declared = Declared()


def standard_objectives(settings: Settings) -> tuple[Objective, ...]:
    """The objectives of every service."""
    return (
        Objective("availability", settings.slo_availability),
        Objective("latency", settings.slo_latency, settings.slo_latency_seconds),
    )


def good(slo: str) -> None:
    """Count one good event of the objective `slo`. Raises `ArrangementError` when the service does not declare it."""
    if (events := _declared.of(slo)) is not None:
        events.good.inc()


def bad(slo: str) -> None:
    """Count one bad event of the objective `slo`. Raises `ArrangementError` when the service does not declare it."""
    if (events := _declared.of(slo)) is not None:
        events.bad.inc()
