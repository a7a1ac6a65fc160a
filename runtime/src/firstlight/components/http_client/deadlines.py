"""When an exchange must be complete, and the error when it is not."""

import asyncio
import ssl
from types import TracebackType

import httpx2

from .errors import ExchangeTimeoutError, RequestDeadlineError

DEADLINE = "firstlight.deadline"  # extension of a request: when it must be complete, by the clock of the loop
HURRIED = "firstlight.hurried"  # extension of a request: its deadline is that of the request that makes the call
SECONDS = "firstlight.seconds"  # extension of a request: its time limit, for when it is sent again


def late(request: httpx2.Request) -> ExchangeTimeoutError:
    """The error of a call whose time is over."""
    if request.extensions.get(HURRIED):
        return RequestDeadlineError("the request that makes this call has no time left", request=request)
    return ExchangeTimeoutError("the response was not complete in time", request=request)


class Until:
    """Raises `ExchangeTimeoutError` when its block lasts longer, and `ReadError` for what the library lets through."""

    __slots__ = ("_limit", "_request")

    def __init__(self, deadline: float, request: httpx2.Request) -> None:
        """The block ends at `deadline`, by the clock of the loop."""
        self._limit, self._request = asyncio.timeout_at(deadline), request

    async def __aenter__(self) -> None:
        """Start the timer."""
        await self._limit.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the timer."""
        try:
            await self._limit.__aexit__(kind, error, trace)
        except TimeoutError:
            raise late(self._request) from None
        if isinstance(error, ssl.SSLError):  # with TLS 1.3 a server refuses a certificate after the handshake
            raise httpx2.ReadError(str(error), request=self._request) from error
