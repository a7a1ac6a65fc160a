"""Logs failures of a server, not more often than somebody reads."""

import structlog

from ...data_servers import LogLimit
from . import failures

log = structlog.get_logger()


class FailureLog:
    """Logs at most one failure of a server in ten seconds. The next line has the number of the others."""

    def __init__(self, server: str) -> None:
        """`server` is its name in the log line."""
        self._server = server
        self._limit = LogLimit()

    def write(self, error: BaseException) -> None:
        """Log a failure. That of a new connection is behind the error for the client."""
        if isinstance(error, failures.DatabaseUnavailableError) and error.__cause__ is not None:
            error = error.__cause__
        suppressed = self._limit.allow()
        if suppressed is None:
            return
        log.warning(
            "database.call_failed",
            server=self._server,
            error_type=failures.kind_of(error),
            reason=failures.reason(error),
            suppressed=suppressed,
        )
