"""Handlers have a deadline: `HANDLER_SECONDS`, or `deadline_seconds` of the operation. Beyond it the answer is 504.

A coroutine is cancelled. A thread cannot be, nor can a coroutine that suppresses its cancellation: then the client gets
its response without them, and what they return later is dropped.
"""

import asyncio
import time
from asyncio import get_running_loop
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ..context import REMAINING
from ..problems import DeadlineExceededError, ProblemResponse, ServiceError
from ..summary import summary
from .handler_call import HandlerCall
from .observed_request import ANSWERED
from .reason import REASON

IN_THREAD = "firstlight.in_thread"  # in the scope while the handler runs in a thread
CANCEL_SECONDS = 1.0  # for a cancelled handler to end

Handler = Callable[..., Awaitable[Response]]


class LateHandlerError(RuntimeError):
    """A handler failed after its request had been answered with 504."""


class Deadline:
    """The calls of all handlers that have the same time. One timer watches the oldest of them.

    A timer for each call would cost four times as much (uvloop: 2.6 us, `asyncio.timeout` 5 us).
    """

    def __init__(self, seconds: float, *, accepts: bool = False) -> None:
        """Handlers may take `seconds`, which is above 0. With `accepts`, callers may have less time."""
        self._seconds, self._accepts = seconds, accepts
        self._detail = f"The request was not finished within {seconds:g} s."
        self._calls: dict[HandlerCall, None] = {}  # in the order in which they expire
        self._loop: asyncio.AbstractEventLoop | None = None  # of the timer

    def limited(self, handler: Handler) -> Handler:
        """The handler within the deadline. Beyond it, it raises `DeadlineExceededError`."""
        calls, seconds = self._calls, self._seconds

        async def endpoint(request: Request, **given: Any) -> Response:
            loop = get_running_loop()
            call = HandlerCall(request, seconds, loop, accepts=self._accepts)
            calls[call] = None
            token = REMAINING.set(call.remaining)
            if self._loop is not loop:
                self._watch()
            try:
                response = await handler(request, **given)
            except BaseException as error:
                if not call.expired:
                    raise
                return await self._late(call, error)
            finally:
                call.ended = True
                calls.pop(call, None)
                REMAINING.reset(token)
            return await self._late(call, None) if call.expired else response

        return endpoint

    def _watch(self) -> None:
        """Look at the oldest call when its time is over."""
        oldest = next(iter(self._calls), None)
        self._loop = None if oldest is None else get_running_loop()
        if self._loop is not None and oldest is not None:
            self._loop.call_later(max(0, oldest.until - time.monotonic()), self._look)

    def _look(self) -> None:
        now = time.monotonic()
        while (oldest := next(iter(self._calls), None)) is not None and oldest.until <= now:
            del self._calls[oldest]
            oldest.until = oldest.after_the_body(now)
            if oldest.until > now:
                self._calls[oldest] = None
            else:
                self._expire(oldest)
        self._watch()

    def _expire(self, call: HandlerCall) -> None:
        call.expired = True
        if IN_THREAD in call.request.scope:
            self._answer(call)
        elif call.task is not None:
            call.cancelled = call.task.cancel()
            get_running_loop().call_later(CANCEL_SECONDS, self._answer, call)

    def _answer(self, call: HandlerCall) -> None:
        """Answer although the handler still runs."""
        if not call.ended:
            call.answer = get_running_loop().create_task(self._send(call.request), context=call.context)

    async def _send(self, request: Request) -> None:
        error = DeadlineExceededError(self._detail)
        request.scope[ANSWERED] = True
        request.scope[REASON] = summary(error)
        with suppress(OSError):  # the client has left
            await ProblemResponse(error.status, error.detail)(request.scope, request.receive, request._send)  # noqa: SLF001 - the way to the client, around the handler

    async def _late(self, call: HandlerCall, error: BaseException | None) -> Response:
        """The response after the deadline. `error` ended the handler."""
        stopped = call.cancelled and call.task is not None and call.task.uncancel() > 0
        if error is not None and (stopped or not isinstance(error, Exception | asyncio.CancelledError)):
            raise error  # the process ends
        if call.answer is None:
            raise DeadlineExceededError(self._detail) from error
        await call.answer
        if error is not None and not isinstance(error, asyncio.CancelledError | ServiceError | HTTPException):
            raise LateHandlerError from error
        return _Answered()


class _Answered(Response):
    """Nothing: the client has its response."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        pass


class Deadlines:
    """The deadlines of a service."""

    def __init__(self, seconds: float, *, accepts: bool = False) -> None:
        """`seconds` holds for all handlers that have no time of their own. 0: no limit. `accepts`: see `Deadline`."""
        self._seconds, self._accepts = seconds, accepts
        self._by_seconds: dict[float, Deadline] = {}

    def limited(self, handler: Handler, seconds: float | None = None) -> Handler:
        """The handler within `seconds`. None: those of the service. 0: the handler unchanged."""
        own = self._seconds if seconds is None else seconds
        if not own:
            return handler
        return self._by_seconds.setdefault(own, Deadline(own, accepts=self._accepts)).limited(handler)
