"""The client of one dependency: an `httpx2.AsyncClient` that tells its transport which responses are read whole."""

from typing import Any

import httpx2

WHOLE = "firstlight.whole"  # extension of a request: the body is read before the response is returned


class DependencyClient(httpx2.AsyncClient):
    """Calls one dependency. A response that is not streamed is read where its call can still be repeated."""

    async def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:
        """Send a request, as `httpx2.AsyncClient.send` does."""
        request.extensions = {**request.extensions, WHOLE: not stream}
        response = await super().send(request, stream=stream, **options)
        if not stream:
            assert isinstance(response.stream, httpx2.AsyncByteStream)
            await response.stream.aclose()  # it measures `elapsed`; its body may have been read below it
        return response
