"""Failures of Redis: their reason as a label, and which of them speak of the server and not of the call."""

import structlog
from redis import exceptions

from ...breaker import BreakerOpenError
from ...data_servers import LogLimit, chain, reason
from ...error_type import error_type
from ...logs.redaction import redact_text
from ...problems import UnavailableError
from ...summary import summary
from .tls import WORDS

log = structlog.get_logger()

UNREACHABLE, TIMEOUT, REFUSED, READ_ONLY = "unreachable", "timeout", "refused", "read_only"
OUT_OF_MEMORY, WRONG_TYPE, OPEN, OTHER = "out_of_memory", "wrong_type", "breaker_open", "other"
OF_THE_SERVER = frozenset({UNREACHABLE, TIMEOUT, REFUSED, READ_ONLY})

# The first that fits counts: redis-py derives some from others.
_BY_CLASS = (
    (BreakerOpenError, OPEN),
    (TimeoutError, TIMEOUT),
    (exceptions.TimeoutError, TIMEOUT),
    (exceptions.AuthenticationError, REFUSED),
    (exceptions.AuthorizationError, REFUSED),
    (exceptions.AuthenticationWrongNumberOfArgsError, REFUSED),
    (exceptions.NoPermissionError, REFUSED),
    (exceptions.ReadOnlyError, READ_ONLY),
    (exceptions.OutOfMemoryError, OUT_OF_MEMORY),
    (exceptions.ConnectionError, UNREACHABLE),  # also while it loads its data, or has too many clients
    (OSError, UNREACHABLE),
)
# Texts of the server that redis-py knows no class for. Scripts put theirs behind a text of their own.
_BY_TEXT = {
    "WRONGTYPE": WRONG_TYPE,
    "MISCONF": READ_ONLY,
    "NOREPLICAS": READ_ONLY,
    "MASTERDOWN": UNREACHABLE,
    "READONLY": READ_ONLY,
    "OOM ": OUT_OF_MEMORY,
    "NOAUTH": REFUSED,
}


class RedisUnavailableError(UnavailableError):
    """Redis cannot do this now. Status 503; the cache itself never lets it through."""

    def __init__(self, label: str) -> None:
        """`label` is the reason, as in metrics."""
        super().__init__("The store of this service cannot be reached, or refuses to work.")
        self.label = label


def label_of(error: BaseException) -> str:
    """The reason as a label: one of a few."""
    if isinstance(error, RedisUnavailableError):
        return error.label
    text = str(error) if isinstance(error, exceptions.ResponseError) else ""
    if text and (found := next((label for start, label in _BY_TEXT.items() if start in text), None)):
        return found
    return next((label for kind, label in _BY_CLASS if isinstance(error, kind)), OTHER)


def is_failure(_: object, error: Exception | None) -> bool:
    """Whether the circuit breaker counts a call as failed: those that another call would fail as well."""
    return error is not None and label_of(error) in OF_THE_SERVER


def why(error: BaseException) -> str:
    """Why, for operators: a sentence about TLS, or the text of the error."""
    said = next((said for each in chain(error) if (said := reason(each, WORDS))), None)
    return said or redact_text(summary(error))


class FailureLog:
    """Logs at most one failed call in ten seconds. The next line has the number of the others."""

    def __init__(self) -> None:
        """Log the first one."""
        self._limit = LogLimit()

    def write(self, operation: str, error: BaseException) -> None:
        """Log that a call failed."""
        suppressed = self._limit.allow()
        if suppressed is not None:
            log.warning(
                "cache.call_failed",
                operation=operation,
                error_type=error_type(error),
                reason=why(error),
                suppressed=suppressed,
            )
