"""The thresholds of the alerts that the console approximates. A test holds them against the rules in `alerts/`.

Windows are those of the rules, in seconds. The console shortens them, and nothing else, by one factor.
"""

from dataclasses import dataclass

MINUTE, HOUR, DAY = 60, 3600, 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """One alert, or one tier of it."""

    name: str
    priority: str
    severity: str
    summary: str
    limit: float
    window: float = 0
    """The short one of a tier."""
    hold: float
    """For so long the condition must be met."""
    keep: float = 0
    """For so long it fires on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier(Threshold):
    """A tier of `ErrorBudgetBurn`: the limit is a burn rate."""

    burn: str
    long: float
    outright: float | None = None
    """A burn rate in the short window that needs none in the long one."""
    least: float = 10
    """Bad events in the long window."""


_BURN = "The error budget is spent too fast"
TIERS = (
    Tier(name="ErrorBudgetBurn", burn="fast", priority="P1", severity="critical", summary=f"{_BURN}: gone in 2 days.",
         limit=14.4, outright=172.8, window=5 * MINUTE, long=HOUR, hold=MINUTE),
    Tier(name="ErrorBudgetBurn", burn="medium", priority="P1", severity="critical", summary=f"{_BURN}: gone in 5 days.",
         limit=6, window=30 * MINUTE, long=6 * HOUR, hold=15 * MINUTE),
    Tier(name="ErrorBudgetBurn", burn="slow", priority="P2", severity="warning", summary=f"{_BURN}: gone in 10 days.",
         limit=3, window=2 * HOUR, long=DAY, hold=HOUR),
    Tier(name="ErrorBudgetBurn", burn="trickle", priority="P3", severity="warning", summary=f"{_BURN}: gone too early.",
         limit=1, window=6 * HOUR, long=3 * DAY, hold=3 * HOUR),
)  # fmt: skip
NOT_READY = Threshold(
    name="ServiceNotReady", priority="P1", severity="critical", summary="The service is not ready.",
    limit=0, window=15 * MINUTE, hold=5 * MINUTE, keep=2 * MINUTE,
)  # fmt: skip
FLAPS, FLAPPING_SHARE, FLAP_STEP = 2, 0.25, 30  # or: not ready more than once, for more than this share of the window
LAGGING = Threshold(
    name="EventLoopLagging", priority="P3", severity="warning", summary="Something blocks the event loop.",
    limit=0.5, window=5 * MINUTE, hold=10 * MINUTE,
)  # fmt: skip
LAG_QUANTILE = 0.99
DROPPED = Threshold(
    name="TelemetryDropped", priority="P3", severity="warning", summary="Telemetry is lost.",
    limit=10, window=15 * MINUTE, hold=15 * MINUTE,
)  # fmt: skip
SHED = Threshold(
    name="RequestsShed", priority="P2", severity="warning", summary="There are more requests than it can serve.",
    limit=0.05, window=5 * MINUTE, hold=MINUTE,
)  # fmt: skip
LEAST_SHED = 10  # requests in the window
QUEUED = Threshold(
    name="RequestsShed", priority="P2", severity="warning", summary="The accept queue is full of connections.",
    limit=0.5, window=5 * MINUTE, hold=MINUTE,
)  # fmt: skip
STOPPED = Threshold(
    name="BackgroundWorkStopped", priority="P2", severity="warning", summary="Background work no longer succeeds.",
    limit=3, window=300, hold=MINUTE,
)  # fmt: skip
THRESHOLDS = (*TIERS, NOT_READY, LAGGING, DROPPED, SHED, QUEUED, STOPPED)
