"""Objectives travel as metrics, so the rules of a fleet need no file per service.

An objective of the business is one more value in `objectives` of the service, and a count where its events happen:

    Objective("checkout", 0.995)
    slo.good("checkout") if paid else slo.bad("checkout")
"""

from dataclasses import dataclass

from prometheus_client.utils import floatToGoString

from .metrics.instruments import SLO_EVENTS, SLO_OBJECTIVE
from .settings import Settings, can_alert, is_bucket


@dataclass(frozen=True, slots=True)
class Objective:
    """At least this `ratio` of events is good; `threshold_seconds` only where good means fast."""

    slo: str
    ratio: float
    threshold_seconds: float | None = None

    def __post_init__(self) -> None:
        """Refuse what the fleet's rules cannot alert on. Raises `ValueError`."""
        try:
            can_alert(self.ratio)
            if self.threshold_seconds is not None:
                is_bucket(self.threshold_seconds)
        except ValueError as error:
            msg = f"the objective {self.slo} {error}"
            raise ValueError(msg) from None

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
