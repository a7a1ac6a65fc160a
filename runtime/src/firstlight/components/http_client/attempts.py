"""One attempt of a call: a turn among the calls of its dependency, and a question to its circuit breaker."""

from collections.abc import AsyncIterator, Callable
from functools import partial

import httpx2

from ...breaker import Breaker, BreakerOpenError
from .bulkhead import Bulkhead, BulkheadFullError, Concurrency
from .client import WHOLE
from .dependency import Dependency
from .discovery import NoInstanceError
from .errors import DependencyFailingError, RequestDeadlineError, ResponseTooLargeError
from .metrics import ACTIVE, LIMIT, REFUSALS, REFUSED, WAITING

COMPONENT = "http_client"
# What says nothing about whether the dependency works.
NOT_ITS_FAULT = (
    NoInstanceError,
    RequestDeadlineError,
    ResponseTooLargeError,
    httpx2.LocalProtocolError,
    httpx2.PoolTimeout,
    httpx2.UnsupportedProtocol,
)
FAILED = frozenset(range(500, 600)) - {501, 505}  # those two are about the request


def is_failure(result: object, error: Exception | None) -> bool:
    """Whether the circuit breaker counts this outcome against the dependency."""
    if error is not None:
        return isinstance(error, httpx2.TransportError) and not isinstance(error, NOT_ITS_FAULT)
    return isinstance(result, httpx2.Response) and result.status_code in FAILED


class Attempts:
    """The attempts of all calls of one dependency."""

    def __init__(self, policy: Dependency, concurrency: Concurrency, transport: httpx2.AsyncBaseTransport) -> None:
        """Send through `transport`."""
        name = policy.name
        self._transport = transport
        self._bulkhead = bulkhead = Bulkhead(concurrency)
        self._breaker = (
            None
            if policy.breaker is None
            else Breaker(name, policy.breaker, component=COMPONENT, is_failure=is_failure)
        )
        self._refused = {reason: REFUSED.labels(name, reason) for reason in REFUSALS}
        ACTIVE.labels(name).set_function(lambda: bulkhead.running)
        WAITING.labels(name).set_function(lambda: bulkhead.waiting)
        LIMIT.labels(name).set(concurrency.calls)

    async def send(self, request: httpx2.Request, seconds: float) -> httpx2.Response:
        """Send once, after a wait of at most `seconds` for a turn.

        Raises `httpx2.TransportError`: `DependencyFailingError` if the breaker is open, `BulkheadFullError` without
        a turn.
        """
        bulkhead = self._bulkhead
        if not bulkhead.enters():
            await self._wait(request, seconds)
        ended = True
        try:
            work = partial(self._transport.handle_async_request, request)
            response = await (work() if self._breaker is None else self._breaker.call(work))
            if not request.extensions.get(WHOLE):
                assert isinstance(response.stream, httpx2.AsyncByteStream)
                response.stream = _HeldStream(response.stream, bulkhead.leave, self._failed)
                ended = False
        except BreakerOpenError as error:
            self._refused["breaker_open"].inc()
            raise DependencyFailingError(error.detail, error.retry_after_seconds) from None
        else:
            return response
        finally:
            if ended:
                bulkhead.leave()

    def refuse(self, reason: str) -> None:
        """Count a call that is not sent."""
        self._refused[reason].inc()

    async def _wait(self, request: httpx2.Request, seconds: float) -> None:
        try:
            await self._bulkhead.wait(seconds)
        except BulkheadFullError as error:
            error.request = request
            self._refused["concurrency"].inc()
            raise

    def _failed(self, error: Exception) -> None:
        if self._breaker is not None and is_failure(None, error):
            self._breaker.failed(error)

    async def aclose(self) -> None:
        """Close the transport."""
        await self._transport.aclose()


class _HeldStream(httpx2.AsyncByteStream):
    """A stream whose call runs until it is closed."""

    def __init__(
        self, stream: httpx2.AsyncByteStream, ended: Callable[[], None], failed: Callable[[Exception], None]
    ) -> None:
        self._stream, self._failed = stream, failed
        self._ended: Callable[[], None] | None = ended

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._stream:
                yield part
        except httpx2.TransportError as error:
            self._failed(error)
            raise

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            ended, self._ended = self._ended, None
            if ended is not None:
                ended()
