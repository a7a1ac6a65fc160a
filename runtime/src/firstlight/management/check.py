"""A health check, as the team and the components declare it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """An async callable that raises when something is wrong.

    When it begins to fail, what it raised is logged and reported; not again at each run, nor within ten minutes.
    Only a `critical` check takes the instance out of traffic. A dependency shared by all instances is not critical: its
    failure would take all of them out at once, and with them every answer that does not need it.
    """

    name: str
    probe: Callable[[], Awaitable[object]]
    critical: bool = False
    interval_seconds: float = 10.0
    timeout_seconds: float = 2.0
