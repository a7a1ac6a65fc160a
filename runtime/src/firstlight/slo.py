"""Objectives travel as metrics, so the rules of a fleet need no file per service.

An objective of the business is one more value in `objectives` of the service, and a count where its events happen:

    Objective("checkout", 0.995)
    slo.good("checkout") if paid else slo.bad("checkout")
"""

import re
from dataclasses import dataclass

from prometheus_client.utils import floatToGoString

from .errors import ArrangementError
from .metrics.instruments import SLO_EVENTS, SLO_OBJECTIVE
from .settings import Settings, can_alert, is_bucket

STANDARD = ("availability", "latency")  # of every service
NAME = re.compile(r"[a-z][a-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Objective:
    """At least this `ratio` of events is good; `threshold_seconds` only where good means fast."""

    slo: str
    ratio: float
    threshold_seconds: float | None = None

    def __post_init__(self) -> None:
        """Refuse what the fleet's rules cannot alert on. Raises `ArrangementError`."""
        if NAME.fullmatch(self.slo) is None:
            msg = f"the objective {self.slo!r} must have a name in lower case, such as checkout"
            raise ArrangementError(msg)
        for value, rule in ((self.ratio, can_alert), (self.threshold_seconds, is_bucket)):
            try:
                if value is not None:
                    rule(value)
            except ValueError as error:
                msg = f"the objective {self.slo} {error}, not {value}"
                raise ArrangementError(msg) from None

    def export(self) -> None:
        """Publish the objective as `slo_objective_ratio`."""
        le = "" if self.threshold_seconds is None else floatToGoString(self.threshold_seconds)  # type: ignore[no-untyped-call]
        SLO_OBJECTIVE.labels(slo=self.slo, le=le).set(self.ratio)


def standard_objectives(settings: Settings) -> tuple[Objective, ...]:
    """The objectives of every service."""
    return (
        Objective("availability", settings.slo_availability),
        Objective("latency", settings.slo_latency, settings.slo_latency_seconds),
    )


def good(slo: str) -> None:
    """Count one good event of the objective `slo`."""
    SLO_EVENTS.labels(slo=slo, outcome="good").inc()


def bad(slo: str) -> None:
    """Count one bad event of the objective `slo`."""
    SLO_EVENTS.labels(slo=slo, outcome="bad").inc()
