"""The ids and the deadline of the request in progress, in context variables."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import NamedTuple


class RequestContext(NamedTuple):
    """The ids of one request: the request id, and trace id and span id in hex (32 and 16 digits)."""

    request_id: str
    trace_id: str
    span_id: str


REQUEST: ContextVar[RequestContext | None] = ContextVar("request", default=None)
current_request = REQUEST.get

# True in a health check: its calls record no telemetry.
UNOBSERVED: ContextVar[bool] = ContextVar("unobserved", default=False)

# Returns the seconds that the handler in progress has left. None: it has no deadline, or has ended.
REMAINING: ContextVar[Callable[[], float | None] | None] = ContextVar("remaining", default=None)


def remaining_seconds() -> float | None:
    """How long the handler of the request in progress may still take, in seconds. None: there is no limit."""
    remaining = REMAINING.get()
    return None if remaining is None else remaining()
