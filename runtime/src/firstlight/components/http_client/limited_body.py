"""The body of a response that is read as a stream, within the limits on time and size."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

import httpx2

from .deadlines import Until
from .errors import ResponseTooLargeError, UnreadableResponseError


class LimitedResponse(httpx2.Response):
    """A response with limits on reading its body. `on_failure` is called for one that is too large when decoded."""

    on_failure: Callable[[BaseException], object] | None = None

    def __init__(self, response: httpx2.Response, request: httpx2.Request, deadline: float, max_bytes: int) -> None:
        """Take over the stream and the attributes of `response`."""
        stream = response.stream
        assert isinstance(stream, httpx2.AsyncByteStream)
        super().__init__(
            response.status_code,
            headers=response.headers,
            stream=LimitedStream(stream, request, deadline, max_bytes),
            extensions=response.extensions,
            request=request,
        )
        self._max_bytes = max_bytes

    async def aiter_bytes(self, chunk_size: int | None = None) -> AsyncGenerator[bytes, None]:
        """The decoded body, which may be a thousand times larger than the compressed one.

        Raises `ResponseTooLargeError`, or `UnreadableResponseError` if it cannot be decoded.
        """
        size = 0
        async with aclosing(super().aiter_bytes(chunk_size)) as parts:
            try:
                async for part in parts:
                    size += len(part)
                    if size > self._max_bytes:
                        error = too_large(self.request, self._max_bytes)
                        if self.on_failure is not None:
                            self.on_failure(error)
                        raise error
                    yield part
            except httpx2.DecodingError as fault:
                raise UnreadableResponseError(str(fault), request=self.request) from fault


class LimitedStream(httpx2.AsyncByteStream):
    """The bytes as they arrive."""

    def __init__(
        self, stream: httpx2.AsyncByteStream, request: httpx2.Request, deadline: float, max_bytes: int
    ) -> None:
        """Read `stream` until `deadline`, by the clock of the loop."""
        self._stream = stream
        self._request = request
        self._deadline = deadline
        self._max_bytes = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The parts, each when it is there."""
        size = 0
        parts = self._stream.__aiter__()
        try:
            while True:
                async with Until(self._deadline, self._request):
                    part = await anext(parts, None)
                if part is None:
                    return
                size += len(part)
                if size > self._max_bytes:
                    raise too_large(self._request, self._max_bytes)
                yield part
        finally:
            if isinstance(parts, AsyncGenerator):
                await parts.aclose()

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()


def too_large(request: httpx2.Request, max_bytes: int) -> ResponseTooLargeError:
    """The error of a body with more bytes than allowed."""
    return ResponseTooLargeError(f"the response has more than {max_bytes} bytes", request=request)
