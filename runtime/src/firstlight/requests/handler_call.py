"""One call of a handler: when its time is over, and how much of it is left for the calls that it makes itself."""

import asyncio
import contextvars
import time
from asyncio import current_task

from starlette.requests import Request

from .body_limit import BODY

TIMEOUT_MS = "x-request-timeout-ms"  # how long the caller waits for the response, in milliseconds
_MOST_DIGITS = 9


class HandlerCall:
    """One call of a handler, with a deadline."""

    __slots__ = (
        "_accepts",
        "answer",
        "began",
        "cancelled",
        "context",
        "ended",
        "expired",
        "request",
        "seconds",
        "task",
        "until",
    )

    def __init__(self, request: Request, seconds: float, loop: asyncio.AbstractEventLoop, *, accepts: bool) -> None:
        """The handler may take `seconds`, in the running `loop`. With `accepts`, a caller may give it less."""
        self.request, self.seconds, self._accepts = request, seconds, accepts
        self.began = time.monotonic()
        self.until = self.began + seconds
        self.task, self.context = current_task(loop), contextvars.copy_context()
        self.expired = self.cancelled = self.ended = False
        self.answer: asyncio.Task[None] | None = None

    def after_the_body(self, now: float) -> float:
        """When the time is over if the wait for the body does not count, which has its own limit. 0: no body."""
        body = self.request.scope.get(BODY)
        if body is None:
            return 0
        return self.seconds + (now if body.awaited else body.completed)

    def remaining(self) -> float | None:
        """Seconds until the handler's deadline or the caller's, whichever comes first. None when it has ended."""
        if self.ended:  # a task that the handler has started may go on
            return None
        now = time.monotonic()
        until = max(self.until, self.after_the_body(now))
        if self._accepts:
            text = self.request.headers.get(TIMEOUT_MS, "")
            if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS:
                until = min(until, self.began + int(text) / 1000)
        return until - now
