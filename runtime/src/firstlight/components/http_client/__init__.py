"""HTTP clients for the services that this one calls: one pooled client for each, with spans, metrics and request ids.

In a handler: `await HTTP_CLIENT.of(request)["screening"].get("/v1/verdicts")`.

`HTTP_CLIENT_TIMEOUT_SECONDS` limits the time of a call, from connecting to the last byte of the body.
`HTTP_CLIENT_MAX_RESPONSE_BYTES` limits the size of a response. Both apply to streams as well. A `timeout` given with a
call replaces the time limit. A call raises `httpx2.TransportError` if it gets no complete response within the limits.

For URLs that clients choose, `httpx2.AsyncClient(transport=guarded_transport(settings))` connects to public addresses
only.
"""

import httpx2

from ...component import Background, Component
from .clients import Clients, checks, open_clients
from .discovery import AFFINITY, NoInstanceError
from .discovery.registration import keep_registered
from .failures import on_transport_error
from .guard import RefusedTargetError, guarded_transport
from .limits import ExchangeTimeoutError, ResponseTooLargeError
from .settings import HttpClientSettings

__all__ = [
    "AFFINITY",
    "HTTP_CLIENT",
    "Clients",
    "ExchangeTimeoutError",
    "HttpClientSettings",
    "NoInstanceError",
    "RefusedTargetError",
    "ResponseTooLargeError",
    "guarded_transport",
    "open_clients",
]

HTTP_CLIENT = Component(
    name="http_client",
    settings=HttpClientSettings,
    open=open_clients,
    checks=checks,
    background=(Background("http_client.registration", keep_registered),),
    exception_handlers={httpx2.TransportError: on_transport_error},
)
