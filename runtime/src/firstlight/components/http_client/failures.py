"""Failed calls: at most one log line per dependency and period, and a problem document for the client."""

import asyncio
import time

import httpx2
import structlog
from starlette.requests import Request

from ...logs.redaction import redact_text
from ...problems import RETRY_AFTER_SECONDS, ProblemResponse
from .errors import DependencyFailingError

log = structlog.get_logger()

DEPENDENCY = "firstlight.dependency"  # extension of a request: the name of its dependency
REPORT_SECONDS = 10.0  # between two log lines about one dependency
_REASON_CHARACTERS = 300
_CAUSES = 10


class FailureLog:
    """Logs at most one failed call of a dependency in `REPORT_SECONDS`. The next line has the number of the others."""

    def __init__(self, dependency: str) -> None:
        """`dependency` is its name in the log line."""
        self._dependency = dependency
        self._next = 0.0
        self._suppressed = 0

    def write(self, method: str, error_type: str, error: BaseException) -> None:
        """Log a call that got no complete response."""
        now = time.monotonic()
        if now < self._next:
            self._suppressed += 1
            return
        suppressed, self._suppressed, self._next = self._suppressed, 0, now + REPORT_SECONDS
        log.warning(
            "http_client.call_failed",
            dependency=self._dependency,
            http_request_method=method,
            error_type=error_type,
            reason=_reason(error),
            suppressed=suppressed,
        )


def _reason(error: BaseException) -> str:
    """The texts of the error and of its first cause, which contains the address and the errno.

    A cancellation below a timeout only names tasks of this process.
    """
    first = error
    for _ in range(_CAUSES):
        inner = first.exceptions[0] if isinstance(first, BaseExceptionGroup) else first.__cause__ or first.__context__
        if inner is None or isinstance(inner, asyncio.CancelledError):
            break
        first = inner
    texts = dict.fromkeys(text for each in (error, first) if (text := redact_text(str(each))))
    return ": ".join(texts)[:_REASON_CHARACTERS] or type(error).__name__


async def on_transport_error(_: Request, error: Exception) -> ProblemResponse:
    """503 with the name of the dependency, without its address."""
    assert isinstance(error, httpx2.TransportError)
    seconds = error.retry_after_seconds if isinstance(error, DependencyFailingError) else RETRY_AFTER_SECONDS
    try:
        dependency = error.request.extensions.get(DEPENDENCY)
    except RuntimeError:  # the error of a client that is not one of `Clients`
        dependency = None
    headers = {"Retry-After": str(seconds)}
    if dependency is None:
        return ProblemResponse(503, "A service that this one depends on cannot be reached.", headers)
    if isinstance(error, DependencyFailingError):
        return ProblemResponse(503, str(error), headers, dependency=dependency)
    detail = f"The service {dependency}, which this one depends on, cannot be reached."
    return ProblemResponse(503, detail, headers, dependency=dependency)
