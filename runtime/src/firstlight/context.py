"""What identifies the request in progress, kept apart from other requests by one context variable."""

from contextvars import ContextVar
from typing import NamedTuple


class RequestContext(NamedTuple):
    """The ids of one request: ours, and those of W3C Trace Context in hex (32 and 16 digits)."""

    request_id: str
    trace_id: str
    span_id: str


REQUEST: ContextVar[RequestContext | None] = ContextVar("request", default=None)
current_request = REQUEST.get

# Whether a health check runs here: it makes no telemetry of its own.
UNOBSERVED: ContextVar[bool] = ContextVar("unobserved", default=False)
