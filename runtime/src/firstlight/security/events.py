"""Security events: what was refused because it looks like an attack or a mistake. Each is counted; few are logged."""

import time
from collections.abc import Callable

import structlog
from prometheus_client import Counter

from ..logs.limited_lines import LimitedLines
from ..metrics.instruments import REGISTRY

_LINES = (
    "security.host_refused",
    "security.insecure_refused",
    "security.origin_refused",
    "security.rate_limited",
    "security.cursor_refused",
    "security.target_refused",
    "security.key_reused",
    "security.capacity_reached",
    "security.access_refused",
)
_LINE_OF = {line.removeprefix("security."): line for line in _LINES}
EVENTS = tuple(_LINE_OF)
SECURITY_EVENTS = Counter("security_events", "Requests refused for security.", ("event",), registry=REGISTRY)
# Create the children now, so that increase() sees the first event.
_COUNTS = {event: SECURITY_EVENTS.labels(event) for event in EVENTS}

log = structlog.get_logger()


class SecurityEvents:
    """Counts every event, and logs few of them."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` returns seconds."""
        self._lines = LimitedLines(EVENTS, clock)

    def record(self, event: str, **fields: object) -> None:
        """Record one of `EVENTS`. `fields` are those of the line, and must not hold what must not be logged.

        The line says how many events of this kind were counted since the line before and not logged.
        """
        _COUNTS[event].inc()
        if (suppressed := self._lines.suppressed(event)) is not None:
            log.warning(_LINE_OF[event], suppressed=suppressed, **fields)


security_events = SecurityEvents()
