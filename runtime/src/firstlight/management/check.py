"""Health checks as the team and the components declare them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """A health check. `probe` is an async callable that raises when something is wrong.

    The exception is logged when the check begins to fail, and reported to error tracking at most once in ten minutes.
    Only a `critical` check makes readiness fail. The check of a dependency that all instances share must not be
    critical: its failure would take every instance out of traffic, also for requests that do not need it.
    """

    name: str
    probe: Callable[[], Awaitable[object]]
    critical: bool = False
    interval_seconds: float = 10.0
    timeout_seconds: float = 2.0
