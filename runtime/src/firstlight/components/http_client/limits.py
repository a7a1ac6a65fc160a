"""Limits on the total time of an exchange and on the size of its response.

The timeouts of httpx limit single waits: a server that sends a byte now and then would hold a request for ever.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

import httpx2

_SECONDS = "firstlight.seconds"  # extension of a request: its time limit, for when it is sent again
DEADLINE = "firstlight.deadline"  # extension of a request: the end of its time, in seconds of the event loop


class ExchangeTimeoutError(httpx2.TimeoutException):
    """The response was not complete at the end of the time limit."""


class ResponseTooLargeError(httpx2.TransportError):
    """The response has more bytes than `HTTP_CLIENT_MAX_RESPONSE_BYTES`, before or after decoding."""


@asynccontextmanager
async def _until(deadline: float, request: httpx2.Request) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout_at(deadline) as limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        msg = "the response was not complete in time"
        raise ExchangeTimeoutError(msg, request=request) from None


class LimitedTransport(httpx2.AsyncBaseTransport):
    """Ends an exchange that exceeds a limit."""

    def __init__(self, transport: httpx2.AsyncBaseTransport, seconds: float, max_bytes: int) -> None:
        """Send through `transport`. A `timeout` given with a call replaces `seconds`."""
        self._transport = transport
        self._seconds = seconds
        self._max_bytes = max_bytes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request. The limits also apply to the body of the response."""
        timeouts = request.extensions.get("timeout") or {}
        seconds = request.extensions.get(_SECONDS) or timeouts.get("read") or self._seconds
        waits = {"connect": timeouts.get("connect")}  # the others are covered by the total time
        deadline = asyncio.get_running_loop().time() + seconds
        request.extensions = {**request.extensions, _SECONDS: seconds, DEADLINE: deadline, "timeout": waits}
        async with _until(deadline, request):
            response = await self._transport.handle_async_request(request)
        return LimitedResponse(response, request, deadline, self._max_bytes)

    async def aclose(self) -> None:
        """Close the pool."""
        await self._transport.aclose()


class LimitedResponse(httpx2.Response):
    """A response with limits on reading its body. `on_failure` is called for a body that is too large when decoded."""

    on_failure: Callable[[BaseException], object] | None = None

    def __init__(self, response: httpx2.Response, request: httpx2.Request, deadline: float, max_bytes: int) -> None:
        """Take over the stream and the attributes of `response`."""
        stream = response.stream
        assert isinstance(stream, httpx2.AsyncByteStream)
        super().__init__(
            response.status_code,
            headers=response.headers,
            stream=_LimitedStream(stream, request, deadline, max_bytes),
            extensions=response.extensions,
        )
        self._max_bytes = max_bytes

    async def aiter_bytes(self, chunk_size: int | None = None) -> AsyncGenerator[bytes, None]:
        """The decoded body. It may be a thousand times larger than the compressed one."""
        size = 0
        async with aclosing(super().aiter_bytes(chunk_size)) as parts:
            async for part in parts:
                size += len(part)
                if size > self._max_bytes:
                    error = _too_large(self.request, self._max_bytes)
                    if self.on_failure is not None:
                        self.on_failure(error)
                    raise error
                yield part


class _LimitedStream(httpx2.AsyncByteStream):
    def __init__(
        self, stream: httpx2.AsyncByteStream, request: httpx2.Request, deadline: float, max_bytes: int
    ) -> None:
        self._stream = stream
        self._request = request
        self._deadline = deadline
        self._max_bytes = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        parts = self._stream.__aiter__()
        try:
            while True:
                async with _until(self._deadline, self._request):
                    part = await anext(parts, None)
                if part is None:
                    return
                size += len(part)
                if size > self._max_bytes:
                    raise _too_large(self._request, self._max_bytes)
                yield part
        finally:
            if isinstance(parts, AsyncGenerator):
                await parts.aclose()

    async def aclose(self) -> None:
        await self._stream.aclose()


def _too_large(request: httpx2.Request, max_bytes: int) -> ResponseTooLargeError:
    return ResponseTooLargeError(f"the response has more than {max_bytes} bytes", request=request)
