"""The client of one dependency: an `httpx2.AsyncClient` that tells its transport which responses are read whole."""

from collections.abc import Sequence
from typing import Any

import httpx2

from .errors import ForeignOriginError

WHOLE = "firstlight.whole"  # extension of a request: the body is read before the response is returned


class DependencyClient(httpx2.AsyncClient):
    """Calls one dependency. A response that is not streamed is read where its call can still be repeated."""

    def __init__(self, name: str, servers: Sequence[str], **options: Any) -> None:
        """Call the dependency `name`, which is at these URLs, and nobody else, by redirects neither."""
        super().__init__(event_hooks={"request": [self._require_server]}, **options)
        self._name, self._origins = name, frozenset(_origin(httpx2.URL(url)) for url in servers)

    async def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:
        """Send a request, as `httpx2.AsyncClient.send` does."""
        request.extensions = {**request.extensions, WHOLE: not stream}
        response = await super().send(request, stream=stream, **options)
        if not stream:
            assert isinstance(response.stream, httpx2.AsyncByteStream)
            await response.stream.aclose()  # it measures `elapsed`; its body may have been read below it
        return response

    async def _require_server(self, request: httpx2.Request) -> None:
        """Another server would get ids, the certificate of this service, and baggage that is meant for this one."""
        origin = _origin(request.url)
        if origin not in self._origins:
            raise ForeignOriginError(self._name, f"{origin[0]}://{origin[1].decode('ascii')}")


def _origin(url: httpx2.URL) -> tuple[str, bytes]:
    return url.scheme, url.netloc
