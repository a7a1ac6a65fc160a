"""The ids of the request in progress, in a context variable."""

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
