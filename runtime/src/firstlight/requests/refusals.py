"""Connections and requests that a listener refuses before a handler sees them: one count each, and few log lines."""

import time
from collections.abc import Callable

import structlog
from prometheus_client import Counter

from ..logs.limited_lines import LimitedLines
from ..metrics.instruments import REGISTRY
from ..security.events import security_events

LISTENERS = ("service", "management")
REASONS = (
    "head_too_large",
    "head_timeout",
    "body_timeout",
    "write_timeout",
    "malformed",
    "bad_host",
    "too_many_connections",
    "upgrade_refused",
    "pipeline_too_deep",
    "framing_too_large",
)

REFUSED = Counter(
    "http_server_refusals",
    "Connections and requests refused before a handler saw them.",
    ("listener", "reason"),
    registry=REGISTRY,
)
# Create the children now, so that increase() sees the first refusal.
_COUNTS = {(listener, reason): REFUSED.labels(listener, reason) for listener in LISTENERS for reason in REASONS}

log = structlog.get_logger()


class Refusals:
    """The refusals of one listener. One thread calls it: the one that runs the listener's loop."""

    def __init__(self, listener: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`listener` is one of `LISTENERS`. `clock` returns seconds."""
        self._listener = listener
        self._lines = LimitedLines(REASONS, clock)

    def count(self, reason: str, client_address: str = "") -> None:
        """Count one refusal for one of `REASONS`. Logs at most one line per reason and `SECONDS_PER_LINE`.

        The line says how many refusals of this reason have been counted since the line before and not logged.
        """
        _COUNTS[self._listener, reason].inc()
        if reason == "bad_host":
            security_events.record("host_refused", client_address=client_address)
        if (suppressed := self._lines.suppressed(reason)) is not None:
            log.warning(
                "http.connection_refused",
                listener=self._listener,
                reason=reason,
                client_address=client_address,
                suppressed=suppressed,
            )
