"""The headers that a response gets, by the scheme and the origin of its request."""

from starlette.types import Scope

from .headers import HEADERS, Fields, fields
from .origins import Origins

HSTS = "Strict-Transport-Security"
_SECURE = frozenset({"https", "wss"})


class ResponseHeaders:
    """The headers of every response of one service."""

    def __init__(self, hsts_seconds: int = 0, origins: Origins | None = None) -> None:
        """Over https, tell browsers to use nothing else for `hsts_seconds`; 0: do not tell them.

        Allow pages of `origins` to read responses; None: those of no other origin.
        """
        secure = {**HEADERS, HSTS: f"max-age={hsts_seconds}"} if hsts_seconds else HEADERS
        self._plain, self._secure = fields(HEADERS), fields(secure)
        self._by_origin = (origins.headers(HEADERS), origins.headers(secure)) if origins is not None else None

    def of(self, scope: Scope) -> Fields:
        """The headers for the response to this request."""
        is_secure = scope.get("scheme") in _SECURE
        if self._by_origin is not None:
            return self._by_origin[is_secure].of(scope)
        return self._secure if is_secure else self._plain
