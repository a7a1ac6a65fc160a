"""Ways in which a dependency of the component `http_client` behaves, for `with_dependency`.

    with_dependency(service, "screening", refusing)
    with_dependency(service, "screening", slow(httpx2.Response(200, json={"verdict": "fine"}), seconds=3))
    with_dependency(service, "screening", in_turn(broken(), httpx2.Response(200)))

Retries, deadlines, circuit breaker and fallback are those of a real call.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, NoReturn

import httpx2

Behaviour = Callable[[httpx2.Request], Any]
Step = httpx2.Response | Exception | Behaviour


def refusing(request: httpx2.Request) -> NoReturn:
    """Nobody listens. Raises `ConnectError` of httpx2."""
    msg = "connection refused"
    raise httpx2.ConnectError(msg, request=request)


async def hanging(_: httpx2.Request) -> httpx2.Response:
    """It accepts the request and never answers: the call ends at its deadline."""
    never: asyncio.Future[httpx2.Response] = asyncio.get_running_loop().create_future()
    return await never


def slow(answer: Step, *, seconds: float) -> Callable[[httpx2.Request], Coroutine[None, None, httpx2.Response]]:
    """It answers after some seconds."""

    async def behave(request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(seconds)
        return await _take(answer, request)

    return behave


def broken(sent: bytes = b"{", status: int = 200) -> Behaviour:
    """It is lost after the headers and the bytes `sent`: the call raises `httpx2.ReadError`."""
    return lambda request: httpx2.Response(status, stream=_Broken(sent, request))


def in_turn(*answers: Step) -> Callable[[httpx2.Request], Coroutine[None, None, httpx2.Response]]:
    """It behaves so, each for one attempt; the last goes on. An exception is raised."""
    left = list(answers)

    async def behave(request: httpx2.Request) -> httpx2.Response:
        return await _take(left.pop(0) if len(left) > 1 else left[0], request)

    return behave


async def _take(answer: Step, request: httpx2.Request) -> httpx2.Response:
    if isinstance(answer, Exception):
        raise answer
    if isinstance(answer, httpx2.Response):  # a new one for each call: a body is read once
        return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)
    given = answer(request)
    response = await given if inspect.isawaitable(given) else given
    assert isinstance(response, httpx2.Response)
    return response


class _Broken(httpx2.AsyncByteStream):
    def __init__(self, sent: bytes, request: httpx2.Request) -> None:
        self._sent, self._request = sent, request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._sent
        msg = "connection lost"
        raise httpx2.ReadError(msg, request=self._request)
