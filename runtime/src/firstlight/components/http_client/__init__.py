"""HTTP clients for the services that this one calls: one pooled client for each, with spans, metrics and request ids.

In a handler: `await HTTP_CLIENT.of(request)["screening"].get("/v1/verdicts")`.

`HTTP_CLIENT_TIMEOUT_SECONDS` limits the time of a call, from connecting to the last byte of the body.
`HTTP_CLIENT_MAX_RESPONSE_BYTES` limits the size of a response. Both apply to streams as well. A `timeout` given with a
call replaces the time limit. A call raises `httpx2.TransportError` if it gets no complete response within the limits.

For URLs that clients choose, `httpx2.AsyncClient(transport=guarded_transport(settings))` connects to public addresses
only.
"""

from .bulkhead import BulkheadFullError, Concurrency
from .clients import Clients, open_clients
from .component import HTTP_CLIENT, http_client
from .dependency import Dependency
from .discovery import AFFINITY, Ejection, NoInstanceError
from .errors import (
    DependencyFailingError,
    ExchangeTimeoutError,
    ForeignOriginError,
    RequestDeadlineError,
    ResponseTooLargeError,
    UnreadableResponseError,
)
from .fallbacks import is_fallback
from .guard import RefusedTargetError, guarded_transport
from .idempotency_key import idempotency_key
from .retries import Retries
from .settings import HttpClientSettings

__all__ = [
    "AFFINITY",
    "HTTP_CLIENT",
    "BulkheadFullError",
    "Clients",
    "Concurrency",
    "Dependency",
    "DependencyFailingError",
    "Ejection",
    "ExchangeTimeoutError",
    "ForeignOriginError",
    "HttpClientSettings",
    "NoInstanceError",
    "RefusedTargetError",
    "RequestDeadlineError",
    "ResponseTooLargeError",
    "Retries",
    "UnreadableResponseError",
    "guarded_transport",
    "http_client",
    "idempotency_key",
    "is_fallback",
    "open_clients",
]
