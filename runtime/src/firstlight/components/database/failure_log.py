"""Logs failures of a server, not more often than somebody reads."""

import time

import structlog

from . import failures

log = structlog.get_logger()

LOG_SECONDS = 10.0  # between two log lines about one server


class FailureLog:
    """Logs at most one failure of a server in `LOG_SECONDS`. The next line has the number of the others."""

    def __init__(self, server: str) -> None:
        """`server` is its name in the log line."""
        self._server = server
        self._next = 0.0
        self._suppressed = 0

    def write(self, error: BaseException) -> None:
        """Log a failure. That of a new connection is behind the error for the client."""
        if isinstance(error, failures.DatabaseUnavailableError) and error.__cause__ is not None:
            error = error.__cause__
        now = time.monotonic()
        if now < self._next:
            self._suppressed += 1
            return
        suppressed, self._suppressed, self._next = self._suppressed, 0, now + LOG_SECONDS
        log.warning(
            "database.call_failed",
            server=self._server,
            error_type=failures.kind_of(error),
            reason=failures.reason(error),
            suppressed=suppressed,
        )
