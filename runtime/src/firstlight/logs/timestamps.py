"""Timestamps of log lines. The part up to the second is formatted once per second."""

import time
from datetime import UTC, datetime

_SECOND, _MICROSECOND = 1_000_000_000, 1000  # nanoseconds
_MILLION = 1_000_000


class Timestamps:
    """Formats the current time. Any thread may call it."""

    def __init__(self) -> None:
        """Start without a formatted second."""
        self._shown = (-1, "")

    def now(self) -> str:
        """The time in UTC, ISO 8601. Microseconds are left out when they are zero."""
        seconds, rest = divmod(time.time_ns(), _SECOND)
        known, shown = self._shown  # one read, because threads share it
        if known != seconds:
            shown = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            self._shown = (seconds, shown)
        microseconds = rest // _MICROSECOND
        # The digits after a leading 1: half the cost of a format that pads with zeros.
        return f"{shown}.{str(_MILLION + microseconds)[1:]}Z" if microseconds else f"{shown}Z"
