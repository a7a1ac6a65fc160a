"""Which web pages of other origins may read the responses of this service (CORS, as the Fetch standard defines it)."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from starlette.responses import Response
from starlette.types import Scope

from ..settings.hosts import ALL
from .headers import Fields, fields

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
# What pages may read beyond the few headers that the standard allows.
EXPOSED = (
    "API-Version",
    "Deprecation",
    "ETag",
    "Idempotent-Replayed",
    "Link",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Sunset",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-ID",
)
PREFLIGHT_SECONDS = 600  # how long a browser may remember the answer
_ASKED_METHOD, _ASKED_HEADERS = b"access-control-request-method", b"access-control-request-headers"
_HEADER_NAMES = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~, -]{0,1024}")
_VARY = {"Vary": "Origin"}  # for caches, also in a response without an allowed origin


class Origins:
    """The origins in `CORS_ORIGINS`."""

    def __init__(self, allowed: Sequence[str], *, credentials: bool = False) -> None:
        """Allow these. `credentials` allows requests with cookies, and must be false if `*` is allowed."""
        self._all = ALL in allowed
        names = (ALL,) if self._all else allowed
        self._answers = {name.encode(): _answer(name, credentials=credentials) for name in names}

    def allow(self, origin: bytes) -> bool:
        """Whether pages of this origin may read responses."""
        return self._all or origin in self._answers

    def headers(self, added: Mapping[str, str]) -> "OriginHeaders":
        """The headers of responses by origin, together with those in `added`."""
        by_origin = {origin: fields(added, answer) for origin, answer in self._answers.items()}
        return OriginHeaders(by_origin, by_origin.pop(ALL.encode(), fields(added, _VARY)))

    def preflight(self, scope: Scope) -> Response | None:
        """The response that a browser expects before a request of an allowed origin. None for another request."""
        if scope["method"] != "OPTIONS":
            return None
        asked = dict(scope["headers"])
        if _ASKED_METHOD not in asked:
            return None
        names = asked.get(_ASKED_HEADERS, b"")
        headers = {
            "Access-Control-Allow-Methods": ", ".join(METHODS),
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
            "Vary": "Access-Control-Request-Method, Access-Control-Request-Headers",
        }
        if names and _HEADER_NAMES.fullmatch(names):
            headers["Access-Control-Allow-Headers"] = names.decode()
        return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)


class OriginHeaders:
    """The headers of a response by the origin of its request."""

    def __init__(self, by_origin: Mapping[bytes, Fields], others: Fields) -> None:
        """`others` are those of a response to a request without an origin, or of one that is not in `by_origin`."""
        self._by_origin = by_origin
        self._others = others

    def of(self, scope: Scope) -> Fields:
        """The headers for the response to this request."""
        for name, value in scope["headers"]:
            if name == b"origin":
                return self._by_origin.get(value, self._others)
        return self._others


def _answer(origin: str, *, credentials: bool) -> Mapping[str, str]:
    allowed = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": ", ".join(EXPOSED),
    }
    if origin != ALL:
        allowed |= _VARY
    return {**allowed, "Access-Control-Allow-Credentials": "true"} if credentials else allowed
