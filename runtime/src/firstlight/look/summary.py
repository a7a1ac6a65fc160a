"""What `make look` shows, read from the twins: one value, for text and for JSON."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .twins import Twins

ERRORS = 5  # the last ones
Rows = Sequence[Mapping[str, Any]]


class Summary(NamedTuple):
    """The state of the service at one moment. The members of the rows are those of the twins."""

    version: int
    now: float
    blocked_ms: float
    """For how long the event loop has been blocked; 0 if it is not."""
    service: Mapping[str, Any]
    routes: Rows
    """Those with requests in the last minute."""
    budget: Rows
    alerts: Rows
    """Those that would fire, without their runbooks."""
    errors: Rows
    """The last failed requests, the newest last."""
    checks: Rows


def summary(twins: Twins) -> Summary:
    """Ask for everything. Raises `LookError`."""
    state = twins.read("state")
    signals = twins.read(f"signals?since={state['now']}")  # no points, only the routes
    firing = [alert for alert in twins.read("alerts")["items"] if alert["state"] == "firing"]
    return Summary(
        version=state["version"],
        now=state["now"],
        blocked_ms=state["blocked_ms"],
        service=state["service"],
        routes=signals["routes"],
        budget=twins.read("budget")["items"],
        alerts=[{key: value for key, value in alert.items() if key != "runbook"} for alert in firing],
        errors=twins.read(f"requests?errors=1&limit={ERRORS}")["items"],
        checks=state["checks"],
    )
