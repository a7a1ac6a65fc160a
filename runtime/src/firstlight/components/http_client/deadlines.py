"""When an exchange must be complete, and the error when it is not."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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


@asynccontextmanager
async def until(deadline: float, request: httpx2.Request) -> AsyncIterator[None]:
    """Raise `ExchangeTimeoutError` when the block lasts longer, and `ReadError` for what the library lets through."""
    try:
        async with asyncio.timeout_at(deadline) as limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise late(request) from None
    except ssl.SSLError as error:  # with TLS 1.3 a server refuses a certificate after the handshake
        raise httpx2.ReadError(str(error), request=request) from error
