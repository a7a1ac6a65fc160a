"""The `Cache-Control` of an operation's responses, unless the handler sets one."""

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
    """

    def __init__(self, operation: Operation) -> None:
        """Compute the values once."""
        may_be_stored = operation.method in READS and not operation.secret
        audience = "public" if operation.policy is None else "private"
        self._validated = ((_NAME, b"no-cache" if operation.policy is None else b"private, no-cache"),)
        self._fresh: tuple[tuple[bytes, bytes], ...] = ()
        if may_be_stored and operation.cache_seconds is not None:
            value = f"{audience}, max-age={operation.cache_seconds:.0f}".encode()
            self._fresh = ((_NAME, value),) if operation.policy is None else ((_NAME, value), _VARY)
        self._may_be_stored = may_be_stored

    def add(self, request: Request, response: Response) -> None:
        """Add the header to a response of the handler."""
        headers = response.raw_headers
        has_tag = False
        for name, _ in headers:
            if name == _NAME:
                return
            if name == b"etag":
                has_tag = True
        if self._may_be_stored and response.status_code < _FAILED and (has_tag or self._fresh):
            headers.extend(self._fresh or self._validated)
            return
        headers.append(_NO_STORE)
        request.scope[DEFAULT_NO_STORE] = True
