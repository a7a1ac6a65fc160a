"""A limit on request bodies, so that one client cannot fill the memory. `MAX_BODY_BYTES` sets it."""

import time
from collections.abc import Awaitable
from typing import Any, cast

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..problems import ProblemResponse
from .whole_response import METHOD, RawHeaders, SendsWhole

TOO_LARGE = 413
BODY = "firstlight.body"  # in the scope of a request with a body: a `CountedBody`
SELDOM_WITH_CONTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "DELETE"})
FRAMING = frozenset({b"content-length", b"transfer-encoding"})  # fields that announce a body


class BodyLimit:
    """Answers 413 to a body above the limit, by its `Content-Length` or by its bytes before the response starts.

    Starlette's own limit answers in plain text where the application has not read the body, and adds half the time of a
    bare route to every request, those without a body included (8 us to 16, in process).
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        """Pass bodies of at most `max_bytes` to `app`."""
        self.app = app
        self._max_bytes = max_bytes
        self._detail = f"The request body must not be larger than {max_bytes} bytes."

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request, or answer 413. No coroutine in between."""
        if scope["type"] != "http" or _has_no_content(scope):
            return self.app(scope, receive, send)
        if _announced(scope) > self._max_bytes:
            return ProblemResponse(TOO_LARGE, self._detail, _CLOSE)(scope, receive, send)
        if hasattr(type(send), METHOD):
            body = scope[BODY] = DirectBody(receive, cast("SendsWhole", send), self._max_bytes, self._detail)
            return self.app(scope, body.receive, body)
        counted = scope[BODY] = CountedBody(receive, send, self._max_bytes, self._detail)
        return self.app(scope, counted.receive, counted.send)


_CLOSE = {"Connection": "close"}  # the rest of the body is not read


class CountedBody:
    """The messages of one body, as the application receives them.

    A response that has started is not interrupted: an application that streams never reads the body, and only waits
    for the client to disconnect. Bytes beyond the limit are then dropped. An application that reads gets no end of
    such a body, only the disconnect when it happens: a body that was cut must not look complete.
    """

    def __init__(self, receive: Receive, send: Send, max_bytes: int, detail: str) -> None:
        """Limit the body that `receive` returns to `max_bytes`."""
        self.awaited = False
        """Whether the application waits for a part of the body."""
        self.completed = 0.0
        """When the application received the last part, by `time.monotonic`. 0 before."""
        self._receive = receive
        self._send = send
        self._left = max_bytes
        self._detail = detail
        self._answering = False

    async def receive(self) -> Message:
        """The next message within the limit. Beyond it, each call raises `HTTPException` with 413."""
        while True:
            if self._left < 0 and not self._answering:
                raise HTTPException(TOO_LARGE, self._detail, _CLOSE)
            self.awaited = not self.completed
            message = await self._receive()
            self.awaited = False
            self._left -= len(message.get("body", b""))
            if not message.get("more_body", False):
                self.completed = self.completed or time.monotonic()
            if self._left >= 0 or message["type"] == "http.disconnect":
                return message

    async def send(self, message: Message) -> None:
        """Send a message, and note that the response has started."""
        self._answering = self._answering or message["type"] == "http.response.start"
        await self._send(message)


class DirectBody(CountedBody):
    """The same where `send` takes whole responses. It is such a `send` itself."""

    def __init__(self, receive: Receive, send: SendsWhole, max_bytes: int, detail: str) -> None:
        """Limit the body that `receive` returns to `max_bytes`."""
        super().__init__(receive, send, max_bytes, detail)
        self.scope = send.scope
        self._whole = send.send_whole

    def __call__(self, message: Message) -> Awaitable[None]:
        """Send a message."""
        return self.send(message)

    def send_whole(self, status: int, headers: RawHeaders, body: Any) -> Awaitable[None]:
        """Send a response."""
        self._answering = True
        return self._whole(status, headers, body)


def _has_no_content(scope: Scope) -> bool:
    """Whether the method seldom has a body and no header announces one. HTTP/1.1 always announces a body."""
    if scope["method"] not in SELDOM_WITH_CONTENT:
        return False
    for name, _ in scope["headers"]:  # noqa: SIM110 - half the cost of `all`, for every request
        if name in FRAMING:
            return False
    return True


def _announced(scope: Scope) -> int:
    """The size in `Content-Length`. 0 without one: chunked bodies are counted as they arrive.

    The first 20 digits are enough, and `int` raises for thousands of them.
    """
    lengths = [int(value[:20]) for name, value in scope["headers"] if name == b"content-length" and value.isdigit()]
    return max(lengths, default=0)
