"""The response to a request that a limit refuses, and what is recorded of it."""

import random
from http import HTTPStatus

from opentelemetry.trace import get_current_span
from starlette.responses import Response
from starlette.types import Scope

from ..problems import RETRY_AFTER_SECONDS, ProblemResponse
from ..requests.arrival import PEER
from ..requests.reason import REASON
from ..requests.span_attributes import client_address
from ..security.events import security_events
from .checks import Check
from .headers import seconds
from .limit import Limit
from .store import Standing

POLICY_ATTRIBUTE = "rate_limit.policy"
_FORWARDED = frozenset({b"forwarded", b"x-forwarded-for"})
_UNAVAILABLE = "The service cannot check its rate limits now. The request was not carried out."


def refused(check: Check, standing: Standing, scope: Scope) -> Response:
    """Record a request that is refused, and make its response: 429 with `Retry-After`."""
    limit = check.limit
    wait = retry_after(limit, standing[0])
    security_events.record(
        "rate_limited",
        policy=limit.name,
        client_address=client_address(scope),
        proxy_trusted=not comes_from_an_unknown_proxy(scope),
    )
    scope[REASON] = f"rate limit {limit.name}"
    span = get_current_span()
    if span.is_recording():
        span.set_attribute(POLICY_ATTRIBUTE, limit.name)
    detail = f"The limit of {limit.rate} is reached. Send the request again in {wait} s."
    return ProblemResponse(HTTPStatus.TOO_MANY_REQUESTS, detail, {"Retry-After": str(wait)}, policy=limit.name)


def unavailable() -> Response:
    """The response where the store fails and the limit does not let requests pass unchecked: the service's fault."""
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return ProblemResponse(HTTPStatus.SERVICE_UNAVAILABLE, _UNAVAILABLE, headers)


def retry_after(limit: Limit, wait: int) -> int:
    """Whole seconds, at least 1, after which a request passes if no other one came before it.

    Clients that share one counter were refused together and would come back together, so they get different numbers.
    A client with a counter of its own gets the exact number.
    """
    exact = seconds(wait)
    if limit.parts & {"address", "caller"}:
        return exact
    return exact + random.randint(0, exact)  # noqa: S311 - it spreads clients, and hides nothing


def comes_from_an_unknown_proxy(scope: Scope) -> bool:
    """Whether a proxy that is not in `TRUSTED_PROXIES` seems to send for many clients, who then share one limit."""
    is_the_peer = scope.get(PEER, scope.get("client")) == scope.get("client")
    return is_the_peer and any(name in _FORWARDED for name, _ in scope["headers"])
