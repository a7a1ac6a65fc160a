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
from functools import partial
from typing import Any

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..conditional.cache_control import DEFAULT_NO_STORE
from ..conditional.entity_tags import gzip_variant
from ..operations.operation import Operation
from ..requests.response_start import listed
from ..requests.whole_response import METHOD, RawHeaders, SendWhole, send_messages
from .accept_encoding import prefers_gzip

SMALLEST = 1024  # bytes: a smaller response is one packet with and without compression
_DIGITS = len(str(SMALLEST))
INLINE = 65_536  # bytes: more take longer than half a millisecond, and are compressed in a thread
THREADS = 2
LEVEL = 1  # 8 % larger than with level 6, for half of its CPU
_GZIP_FORMAT = 31  # zlib's number for gzip with the largest window
_JSON = b"application/json"
_TEXTS = (b"text/", _JSON, b"application/xml", b"application/javascript")
_STREAM = b"text/event-stream"
_REFUSED = frozenset(
    {b"accept-ranges", b"content-encoding", b"content-range", b"set-cookie", b"content-digest", b"repr-digest"}
)
_KEPT_BY_BROWSERS = frozenset({b"cookie", b"authorization"})
_START = "firstlight.response_start"  # in the scope: the start of a response that waits for its body
_VARY = (b"vary", b"Accept-Encoding")

Headers = list[tuple[bytes, bytes]]


class CompressionThreads:
    """The threads that compress large bodies. When all are busy, a body is sent as it is."""

    def __init__(self) -> None:
        """No thread is started yet."""
        self._busy = 0
        self._slots: anyio.CapacityLimiter | None = None

    async def compressed(self, body: bytes) -> bytes:
        """The body in the format of gzip. Unchanged where the threads are busy."""
        if self._busy >= THREADS:
            return body
        self._busy += 1
        try:
            slots = self._slots = self._slots or anyio.CapacityLimiter(THREADS)  # apart from those of handlers
            return await anyio.to_thread.run_sync(_compressed, body, limiter=slots)
        finally:
            self._busy -= 1


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
        return self.app(scope, receive, _Passing(_pass, self._threads, scope, send))


class _Passing(partial[Awaitable[None]]):
    """`_pass` for one response. A small one that is whole passes as it is."""

    __slots__ = ()

    def send_whole(self, status: int, headers: RawHeaders, body: Any) -> Awaitable[None]:
        """Send a response."""
        send = self.args[-1]
        send_whole: SendWhole | None = getattr(type(send), METHOD, None)
        if send_whole is not None and len(body) < SMALLEST:
            return send_whole(send, status, headers, body)
        return send_messages(self, status, headers, body)


def compressing(app: ASGIApp, operation: Operation | None, threads: CompressionThreads) -> ASGIApp:
    """The application of a route, with compression unless its responses carry secrets."""
    return app if operation is not None and operation.secret else Compression(app, threads)


def _pass(threads: CompressionThreads, scope: Scope, send: Send, message: Message) -> Awaitable[None]:
    """Pass a message of a response on. The start waits for the body only where the body may be compressed."""
    if message["type"] == "http.response.start":
        message = listed(message)
        if _is_small(message):
            return send(message)
        scope[_START] = message
        return _held()
    start = scope.pop(_START, None)
    return send(message) if start is None else _with_body(threads, scope, send, start, message)


async def _with_body(threads: CompressionThreads, scope: Scope, send: Send, start: Message, message: Message) -> None:
    body = message.get("body", b"")
    whole = message["type"] == "http.response.body" and not message.get("more_body", False)
    if whole and len(body) >= SMALLEST and _may_be_compressed(start["headers"], scope):
        headers: Headers = list(start["headers"])
        if _is_wanted(scope):
            smaller = await threads.compressed(body) if len(body) > INLINE else _compressed(body)
            if len(smaller) < len(body):
                headers = _of_gzip(headers, len(smaller))
                message = {**message, "body": smaller}
        start = {**start, "headers": headers if _varies(headers) else [*headers, _VARY]}
    await send(start)
    await send(message)


async def _held() -> None:
    """Send nothing yet."""


def _is_small(start: Message) -> bool:
    """Whether a response is passed on at once: a small one, and one whose length is not known, such as a stream."""
    for name, value in start["headers"]:
        if name == b"content-length":
            return len(value) < _DIGITS or int(value) < SMALLEST
    return True


def _may_be_compressed(headers: Headers, scope: Scope) -> bool:
    """Whether the response is a text without secrets that has no coding yet."""
    is_text = False
    for name, value in headers:
        if name in _REFUSED:
            return False
        if name == b"content-type":
            is_text = value == _JSON or _is_text(value.partition(b";")[0].strip().lower())
        elif name == b"cache-control":
            directives = value.lower()
            if b"no-transform" in directives or (b"no-store" in directives and DEFAULT_NO_STORE not in scope):
                return False
    return is_text


def _is_text(media_type: bytes) -> bool:
    return media_type != _STREAM and (media_type.startswith(_TEXTS) or media_type.endswith((b"+json", b"+xml")))


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


def _varies(headers: Headers) -> bool:
    """Whether `Vary` names `Accept-Encoding`. It must do so also for a client that gets no compression."""
    given = [value.lower() for name, value in headers if name == b"vary"]
    return any(part.strip() in {b"accept-encoding", b"*"} for value in given for part in value.split(b","))
