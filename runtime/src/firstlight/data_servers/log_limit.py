"""Limits how often the same event is logged: a server that is down fails every call."""

import time

LOG_SECONDS = 10.0  # between two log lines about one server


class LogLimit:
    """Allows one log line in `LOG_SECONDS`."""

    def __init__(self) -> None:
        """Allow the first one."""
        self._next = 0.0
        self._suppressed = 0

    def allow(self) -> int | None:
        """How many lines were not allowed since the last one, or None if this one is not allowed."""
        now = time.monotonic()
        if now < self._next:
            self._suppressed += 1
            return None
        suppressed, self._suppressed, self._next = self._suppressed, 0, now + LOG_SECONDS
        return suppressed
