"""Compresses the responses of one route with gzip, where that saves more than it costs and tells no secret.

The length of a compressed response tells whether a text that an attacker chose occurs in it (BREACH). That needs a
secret in the response, a text of the attacker in the same response, and a browser that sends the user's credentials
without being asked. Therefore a response is not compressed

* of an operation that is `secret`;
* with `Set-Cookie`, or with `no-store` that the handler itself has set;
* to a request with a cookie, or with credentials that browsers keep: those of every scheme but `Bearer`.

Streams are not compressed: a part of one might wait in the compressor for those that follow. Nor are files, of which
clients ask for ranges.
"""

import zlib
from collections.abc import Awaitable

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..conditional.cache_control import DEFAULT_NO_STORE
from ..conditional.entity_tags import gzip_variant
from ..operations.operation import Operation
from .accept_encoding import prefers_gzip

SMALLEST = 1024  # bytes: a smaller response is one packet with and without compression
INLINE = 65_536  # bytes: more take longer than half a millisecond, and are compressed in a thread
THREADS = 2
LEVEL = 1  # 8 % larger than with level 6, for half of its CPU
_GZIP_FORMAT = 31  # zlib's number for gzip with the largest window
_TEXTS = (b"text/", b"application/json", b"application/problem+json", b"application/xml", b"application/javascript")
_STREAM = b"text/event-stream"
_REFUSED = frozenset(
    {b"accept-ranges", b"content-encoding", b"content-range", b"set-cookie", b"content-digest", b"repr-digest"}
)
_KEPT_BY_BROWSERS = frozenset({b"cookie", b"authorization"})
_VARY = (b"vary", b"Accept-Encoding")

Headers = list[tuple[bytes, bytes]]


class CompressionThreads:
    """The threads that compress large bodies. When all are busy, a body is sent as it is."""

    def __init__(self) -> None:
        """No thread is started yet."""
        self._slots: anyio.CapacityLimiter | None = None

    async def compressed(self, body: bytes) -> bytes:
        """The body in the format of gzip. Unchanged where the threads are busy."""
        slots = self._slots = self._slots or anyio.CapacityLimiter(THREADS)
        if slots.available_tokens < 1:
            return body
        return await anyio.to_thread.run_sync(_compressed, body, limiter=slots)


class Compression:
    """The application of one route, with compressed responses."""

    def __init__(self, app: ASGIApp, threads: CompressionThreads) -> None:
        """Compress the responses of `app`. It has the attribute `app`, as middleware has."""
        self.app = app
        self._threads = threads

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request. No coroutine of its own: most responses are small, and must not pay for the others."""
        if scope["type"] != "http":
            return self.app(scope, receive, send)
        return self.app(scope, receive, _Response(scope, send, self._threads))


def compressing(app: ASGIApp, operation: Operation | None, threads: CompressionThreads) -> ASGIApp:
    """The application of a route, with compression unless its responses carry secrets."""
    return app if operation is not None and operation.secret else Compression(app, threads)


class _Response:
    """The messages of one response. The start waits for the body only where the body may be compressed."""

    __slots__ = ("_passes", "_scope", "_send", "_start", "_threads")

    def __init__(self, scope: Scope, send: Send, threads: CompressionThreads) -> None:
        self._scope = scope
        self._send = send
        self._threads = threads
        self._passes = False
        self._start: Message | None = None

    def __call__(self, message: Message) -> Awaitable[None]:
        if self._passes:
            return self._send(message)
        if message["type"] == "http.response.start":
            if _is_small(message):
                self._passes = True
                return self._send(message)
            self._start = message
            return _held()
        return self._send(message) if self._start is None else self._with_body(self._start, message)

    async def _with_body(self, start: Message, message: Message) -> None:
        self._passes = True
        body = message.get("body", b"")
        whole = message["type"] == "http.response.body" and not message.get("more_body", False)
        if whole and len(body) >= SMALLEST and _may_be_compressed(start["headers"], self._scope):
            headers: Headers = list(start["headers"])
            if _is_wanted(self._scope):
                smaller = await self._threads.compressed(body) if len(body) > INLINE else _compressed(body)
                if len(smaller) < len(body):
                    headers = _of_gzip(headers, len(smaller))
                    message = {**message, "body": smaller}
            start = {**start, "headers": _varying(headers)}
        await self._send(start)
        await self._send(message)


async def _held() -> None:
    """Send nothing yet."""


def _is_small(start: Message) -> bool:
    """Whether a response is passed on at once: a small one, and one whose length is not known, such as a stream."""
    for name, value in start.get("headers", ()):
        if name == b"content-length":
            return int(value) < SMALLEST
    return True


def _may_be_compressed(headers: Headers, scope: Scope) -> bool:
    """Whether the response is a text without secrets that has no coding yet."""
    is_text = False
    for name, value in headers:
        if name in _REFUSED:
            return False
        if name == b"content-type":
            kind = value.partition(b";")[0].strip().lower()
            is_text = kind != _STREAM and (kind.startswith(_TEXTS) or kind.endswith((b"+json", b"+xml")))
        elif name == b"cache-control":
            directives = value.lower()
            if b"no-transform" in directives or (b"no-store" in directives and DEFAULT_NO_STORE not in scope):
                return False
    return is_text


def _is_wanted(scope: Scope) -> bool:
    """Whether the client prefers gzip, and has no credentials that a browser would send without being asked."""
    accepted = []
    for name, value in scope["headers"]:
        if name == b"accept-encoding":
            accepted.append(value)
        elif name in _KEPT_BY_BROWSERS and not (name == b"authorization" and value[:7].lower() == b"bearer "):
            return False
    return bool(accepted) and prefers_gzip(b",".join(accepted))


def _compressed(body: bytes) -> bytes:
    return zlib.compress(body, LEVEL, _GZIP_FORMAT)


def _of_gzip(headers: Headers, length: int) -> Headers:
    """The headers of the compressed response. Another coding is another representation, with another tag."""
    changed = [(b"content-encoding", b"gzip"), (b"content-length", b"%d" % length)]
    for name, value in headers:
        if name == b"etag":
            changed.append((name, gzip_variant(value)))
        elif name != b"content-length":
            changed.append((name, value))
    return changed


def _varying(headers: Headers) -> Headers:
    """The headers with `Vary: Accept-Encoding`, also of a response that a client gets without compression."""
    named = b",".join(value.lower() for name, value in headers if name == b"vary")
    varies = any(part.strip() in {b"accept-encoding", b"*"} for part in named.split(b","))
    return headers if varies else [*headers, _VARY]
