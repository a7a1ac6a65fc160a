"""What the service promises. Objectives travel as metrics, so the fleet's rules need no file per service.

A business objective is one more line in `objectives()`, and one where its events happen:

    Objective("checkout", 0.995),                         # here
    slo.good("checkout") if paid else slo.bad("checkout")  # there
"""

from dataclasses import dataclass

from prometheus_client.utils import floatToGoString

from .observability.metrics import LATENCY_BUCKETS_SECONDS, SLO_EVENTS, SLO_OBJECTIVE
from .settings import Settings, SettingsError, can_alert


@dataclass(frozen=True, slots=True)
class Objective:
    """`ratio` of good events to promise; `threshold_seconds` only where good means fast."""

    slo: str
    ratio: float
    threshold_seconds: float | None = None

    def __post_init__(self) -> None:
        """Refuse what the fleet's rules cannot alert on. Raises `ValueError`."""
        try:
            can_alert(self.ratio)
            if self.threshold_seconds is not None:
                is_bound(self.threshold_seconds)
        except ValueError as error:
            msg = f"the objective {self.slo} {error}"
            raise ValueError(msg) from None

    def export(self) -> None:
        """Publish the objective as `slo_objective_ratio`."""
        le = "" if self.threshold_seconds is None else floatToGoString(self.threshold_seconds)  # type: ignore[no-untyped-call]
        SLO_OBJECTIVE.labels(slo=self.slo, le=le).set(self.ratio)


def objectives(settings: Settings) -> tuple[Objective, ...]:
    """All objectives of this service. Raises `SettingsError` for a threshold the histogram cannot count."""
    try:
        is_bound(settings.slo_latency_seconds)
    except ValueError as error:
        msg = f"SLO_LATENCY_SECONDS {error}"
        raise SettingsError(msg) from None
    return (
        Objective("availability", settings.slo_availability),
        Objective("latency", settings.slo_latency, settings.slo_latency_seconds),
    )


def is_bound(seconds: float) -> None:
    """Raise `ValueError` for a threshold between the histogram's bounds: no rule could count what is faster."""
    if seconds not in LATENCY_BUCKETS_SECONDS:
        bounds = ", ".join(map(str, LATENCY_BUCKETS_SECONDS))
        msg = f"must be a bound of the histogram ({bounds}), not {seconds}"
        raise ValueError(msg)


def good(slo: str) -> None:
    """Count one event that kept the promise `slo`."""
    SLO_EVENTS.labels(slo=slo, outcome="good").inc()


def bad(slo: str) -> None:
    """Count one event that broke the promise `slo`."""
    SLO_EVENTS.labels(slo=slo, outcome="bad").inc()
