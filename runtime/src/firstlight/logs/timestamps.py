"""Timestamps of log lines. The part up to the second is formatted once per second."""

import time
from datetime import UTC, datetime

_SECOND, _MICROSECOND = 1_000_000_000, 1000  # nanoseconds
_MILLION = 1_000_000


class Timestamps:
    """Formats the current time. Any thread may call it."""

    def __init__(self) -> None:
        """Start without a formatted second."""
        self._shown = (0, "1970-01-01T00:00:00")

    def now(self) -> str:
        """The time in UTC, ISO 8601. Microseconds are left out when they are zero."""
        now = time.time_ns()
        second, shown = self._shown  # one read, because threads share it
        if not 0 <= now - second < _SECOND:
            second = now - now % _SECOND
            shown = datetime.fromtimestamp(second // _SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            self._shown = (second, shown)
        microseconds = (now - second) // _MICROSECOND
        # The digits after a leading 1: half the cost of a format that pads with zeros.
        return f"{shown}.{str(_MILLION + microseconds)[1:]}Z" if microseconds else f"{shown}Z"
