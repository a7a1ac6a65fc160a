"""The `Cache-Control` of an operation's responses, unless the handler sets one."""

from math import inf

from starlette.requests import Request
from starlette.responses import Response

from ..operations.operation import Operation
from .preconditions import READS

DEFAULT_NO_STORE = "firstlight.default_no_store"
"""Set in the scope of a request whose response is not stored only because nothing else was said."""
_NAME = b"cache-control"
_NO_STORE = (_NAME, b"no-store")
_VARY = (b"vary", b"Authorization, Cookie")
_FAILED = 400


class CacheControl:
    """What caches may do with the responses of one operation.

    | Response | `Cache-Control` |
    |---|---|
    | of an operation with `cache_seconds` | `public, max-age=...`; with a `policy`, `private, max-age=...` |
    | with an `ETag` | `no-cache`: stored, and used after a request with `If-None-Match` |
    | any other, an error, and one that is `secret` | `no-store` |

    `max-age` is at most the time for which the data of the response are fresh, if the component cache has them.
    """

    def __init__(self, operation: Operation) -> None:
        """Compute the values once."""
        may_be_stored = operation.method in READS and not operation.secret
        audience = "public" if operation.policy is None else "private"
        self._validated = ((_NAME, b"no-cache" if operation.policy is None else b"private, no-cache"),)
        self._fresh: tuple[tuple[bytes, bytes], ...] = ()
        self._seconds = operation.cache_seconds if may_be_stored else None
        self._start = f"{audience}, max-age=".encode()
        if self._seconds is not None:
            value = b"%s%.0f" % (self._start, self._seconds)
            self._fresh = ((_NAME, value),) if operation.policy is None else ((_NAME, value), _VARY)
        self._may_be_stored = may_be_stored

    @property
    def has_seconds(self) -> bool:
        """Whether responses have a `max-age`."""
        return self._seconds is not None

    def add(self, request: Request, response: Response, fresh_seconds: float = inf) -> None:
        """Add the header to a response of the handler, whose data are fresh for so many seconds."""
        headers = response.raw_headers
        has_tag = False
        for name, _ in headers:
            if name == _NAME:
                return
            if name == b"etag":
                has_tag = True
        if self._may_be_stored and response.status_code < _FAILED and (has_tag or self._fresh):
            headers.extend(self._within(fresh_seconds) or self._validated)
            return
        headers.append(_NO_STORE)
        request.scope[DEFAULT_NO_STORE] = True

    def _within(self, fresh_seconds: float) -> tuple[tuple[bytes, bytes], ...]:
        if self._seconds is None or fresh_seconds >= self._seconds:
            return self._fresh
        return (_NAME, b"%s%d" % (self._start, fresh_seconds)), *self._fresh[1:]
