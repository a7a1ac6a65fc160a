"""Limits on the total time of an exchange and on the size of its response.

The timeouts of httpx limit single waits: a server that sends a byte now and then would hold a request for ever.
"""

import asyncio

import httpx2

from .client import WHOLE
from .deadlines import DEADLINE, SECONDS, Until
from .limited_body import LimitedResponse, too_large

ON_HEADERS = "firstlight.on_headers"  # extension of a request: is called with its response when the headers are there
_ENCODED = "content-encoding"


class LimitedTransport(httpx2.AsyncBaseTransport):
    """Ends an exchange that exceeds a limit."""

    def __init__(
        self, transport: httpx2.AsyncBaseTransport, seconds: float, max_bytes: int, *, has_deadline: bool = False
    ) -> None:
        """Send through `transport`. A `timeout` given with a call replaces `seconds`.

        With `has_deadline`, the request has its deadline already.
        """
        self._transport = transport
        self._has_deadline = has_deadline
        self._seconds = seconds
        self._max_bytes = max_bytes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request. The limits also apply to the body of the response."""
        deadline = request.extensions[DEADLINE] if self._has_deadline else self._begin(request)
        async with Until(deadline, request):
            response = await self._transport.handle_async_request(request)
            if answered := request.extensions.get(ON_HEADERS):
                answered(response)
            if request.extensions.get(WHOLE):
                await self._read(request, response)
                if _ENCODED not in response.headers:
                    return response
            limited = LimitedResponse(response, request, deadline, self._max_bytes)
            if request.extensions.get(WHOLE):  # it may be too large when it is decoded, or not decodable
                await limited.aread()
        return limited

    def _begin(self, request: httpx2.Request) -> float:
        timeouts = request.extensions.get("timeout") or {}
        seconds = request.extensions.get(SECONDS) or timeouts.get("read") or self._seconds
        waits = {"connect": timeouts.get("connect")}  # the others are covered by the total time
        deadline = asyncio.get_running_loop().time() + float(seconds)
        request.extensions = {**request.extensions, SECONDS: seconds, DEADLINE: deadline, "timeout": waits}
        return deadline

    async def _read(self, request: httpx2.Request, response: httpx2.Response) -> None:
        """Read the body, or replace the stream by the bytes that it has brought."""
        stream, headers = response.stream, response.headers
        assert isinstance(stream, httpx2.AsyncByteStream)
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) <= self._max_bytes and _ENCODED not in headers:  # the usual case, read once
            try:
                await response.aread()
            except BaseException:
                await response.aclose()
                raise
            return
        parts, size = [], 0
        try:
            async for part in stream:
                size += len(part)
                if size > self._max_bytes:
                    raise too_large(request, self._max_bytes)
                parts.append(part)
        finally:
            await stream.aclose()
        response.stream = httpx2.ByteStream(b"".join(parts))

    async def aclose(self) -> None:
        """Close the pool."""
        await self._transport.aclose()
