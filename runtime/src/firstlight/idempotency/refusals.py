"""The answers to a request whose handler does not run. Each is counted by its outcome."""

import math
from http import HTTPStatus

from ..problems import (
    ConflictError,
    InsufficientStorageError,
    InvalidError,
    ServiceError,
    TooManyRequestsError,
    UnavailableError,
)
from ..security.events import security_events
from .outcomes import COUNTS
from .store import FullError

LONGEST_WAIT_SECONDS = 60.0
_SOON = {"Retry-After": "1"}

_IN_FLIGHT = "The first request with this Idempotency-Key is not answered yet: repeat the request later."
_NOT_STORED = (
    "The first request with this Idempotency-Key was answered with status {}, and its response was too large to be "
    "stored: read the result at its own URL."
)
_NOT_KNOWN = (
    "The first request with this Idempotency-Key was answered with status 504 while it was still worked on: find out "
    "whether it had an effect before you send it with a new key."
)
_REUSED = (
    "This Idempotency-Key belongs to another request: repeat that request without a change of method, target, "
    "Content-Type, credentials or body, or send a new key."
)
_FULL = "No more idempotency keys can be stored at present: repeat the request later."
_FULL_FOR_CALLER = "This caller has too many idempotency keys that have not expired: repeat the request later."
_DOWN = "Idempotency keys cannot be stored at present: repeat the request later."


def in_flight() -> ConflictError:
    """409 with `Retry-After`, while the first request runs."""
    COUNTS["in_flight"].inc()
    error = ConflictError(_IN_FLIGHT)
    error.headers = _SOON
    return error


def not_replayed(status: int) -> ConflictError:
    """409, when the response to the first request was not stored. `status` is the status of that response."""
    COUNTS["not_replayed"].inc()
    return ConflictError(_NOT_KNOWN if status == HTTPStatus.GATEWAY_TIMEOUT else _NOT_STORED.format(status))


def reused(operation: str) -> InvalidError:
    """422, when the key belongs to another request. `operation` is the id of the operation that was called."""
    COUNTS["reused"].inc()
    security_events.record("key_reused", operation=operation)
    return InvalidError(_REUSED)


def full(error: FullError) -> ServiceError:
    """429 for a caller that has reached its own limit, 507 at the limit of all callers; both with `Retry-After`."""
    COUNTS["full"].inc()
    security_events.record("capacity_reached", store="idempotency")
    seconds = min(error.seconds, LONGEST_WAIT_SECONDS)
    if not error.for_all:
        return TooManyRequestsError(_FULL_FOR_CALLER, seconds)
    refusal = InsufficientStorageError(_FULL)
    refusal.headers = {"Retry-After": str(max(1, math.ceil(seconds)))}
    return refusal


def unavailable() -> UnavailableError:
    """503 with `Retry-After`, when the store cannot be reached."""
    COUNTS["unavailable"].inc()
    return UnavailableError(_DOWN)
