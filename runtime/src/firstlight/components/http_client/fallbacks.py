"""Answers in place of a dependency that has failed."""

import inspect
from http import HTTPStatus

import httpx2

from .dependency import Fallback, Outcome
from .metrics import FALLBACKS

_IS_FALLBACK = "firstlight.fallback"  # extension of a response


class FallbackTransport(httpx2.AsyncBaseTransport):
    """Asks the fallback of a dependency when a call has failed."""

    def __init__(self, dependency: str, fallback: Fallback, transport: httpx2.AsyncBaseTransport) -> None:
        """Send through `transport`, which has made all attempts when it fails."""
        self._fallback, self._transport = fallback, transport
        self._count = FALLBACKS.labels(dependency)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The response of the dependency, or of the fallback."""
        outcome: Outcome
        try:
            outcome = response = await self._transport.handle_async_request(request)
            if response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
                return response
        except httpx2.TransportError as error:
            outcome = error
        answer = self._fallback(request, outcome)
        answered = await answer if inspect.isawaitable(answer) else answer
        if answered is None:
            if isinstance(outcome, Exception):
                raise outcome
            return outcome
        if isinstance(outcome, httpx2.Response):
            await outcome.aclose()
        answered.extensions[_IS_FALLBACK] = True
        self._count.inc()
        return answered

    async def aclose(self) -> None:
        """Close the transport."""
        await self._transport.aclose()


def is_fallback(response: httpx2.Response) -> bool:
    """Whether a response came from the fallback of its dependency."""
    return bool(response.extensions.get(_IS_FALLBACK))
