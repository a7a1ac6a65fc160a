"""Sends each call to one instance of a dependency."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from typing import Protocol
from weakref import WeakKeyDictionary

import httpx2

from ..deadlines import DEADLINE, HURRIED
from ..proxies import CALLED
from .ejection import FAILED_SECONDS, Member
from .members import Members

TRIED = "firstlight.tried"  # extension of a request: its URL, and the instances that it was sent to
AFFINITY = "firstlight.affinity"  # extension of a request: the key that the algorithm `hash` keeps on one instance
REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
_NOT_OF_THE_INSTANCE = frozenset({501, 505})  # every instance would answer so
# Errors that were raised before anything was sent, for reasons of this process.
_OWN = (httpx2.PoolTimeout, httpx2.LocalProtocolError, httpx2.UnsupportedProtocol)


class NoInstanceError(httpx2.ConnectError):
    """No instance of the dependency is known. Nothing was sent."""


class Knowledge(Protocol):
    """What is known about where the instances are."""

    @property
    def reason(self) -> str:
        """Why there is no instance, if there is none."""
        ...

    async def known(self) -> None:
        """Wait for the end of the first lookup."""
        ...


class BalancedTransport(httpx2.AsyncBaseTransport):
    """Chooses an instance for each request. A request that is sent again goes to another one.

    Requests to the URL of one instance, such as after a redirect, are sent unchanged.
    """

    def __init__(
        self, url: httpx2.URL, members: Members, knowledge: Knowledge, pool: httpx2.AsyncBaseTransport
    ) -> None:
        """Balance the requests to the host of `url` over `members`, through `pool`."""
        self._origin = _origin(url)
        self._members = members
        self._knowledge = knowledge
        self._pool = pool
        self._urls = WeakKeyDictionary[Member, httpx2.URL]()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request. Raises `NoInstanceError` if there is no instance."""
        if _origin(request.url) != self._origin:
            return await self._pool.handle_async_request(request)
        await self._knowledge.known()
        if not len(self._members):
            raise NoInstanceError(self._knowledge.reason, request=request)
        tried = _tried(request)
        key = str(request.extensions.get(AFFINITY, ""))
        member = self._members.choose(tried, key, repeatable=request.method in REPEATABLE)
        call = _Call(self._members, member, request)
        request.extensions = {**request.extensions, TRIED: (request.url, (*tried, member.name))}
        try:
            response = await self._send(request, member)
        except BaseException as error:
            call.end(error)
            raise
        call.answered(response.status_code)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _CountedStream(response.stream, call)
        return response

    async def _send(self, request: httpx2.Request, member: Member) -> httpx2.Response:
        url, extensions = request.url, request.extensions
        request.url = self._url_of(member)
        # Path and query: to write them into the other URL would take 50 us.
        target = {"target": url.raw_path, CALLED: url}
        if member.instance.has_own_name:
            request.headers["Host"] = request.url.netloc.decode("ascii")
            request.extensions = {**extensions, **target}
        else:
            request.extensions = {**extensions, **target, "sni_hostname": url.host}
        try:
            return await self._pool.handle_async_request(request)
        finally:
            request.url, request.extensions = url, extensions  # what redirects are relative to, and what is logged

    def _url_of(self, member: Member) -> httpx2.URL:
        """Scheme, host and port of an instance."""
        if (url := self._urls.get(member)) is None:
            url = self._urls[member] = httpx2.URL(f"{self._origin[0]}://{member.name}/")
        return url

    async def aclose(self) -> None:
        """Close the pool."""
        await self._pool.aclose()


class _Call:
    """One call of an instance. Only the first call of `end` counts."""

    def __init__(self, members: Members, member: Member, request: httpx2.Request) -> None:
        self._members, self._member, self._request = members, member, request
        self._began = time.perf_counter()
        self._seconds: float | None = None
        self._failed = False
        self._ended = False
        member.load.in_use += 1

    def answered(self, status: int) -> None:
        self._seconds = time.perf_counter() - self._began
        self._failed = status >= HTTPStatus.INTERNAL_SERVER_ERROR and status not in _NOT_OF_THE_INSTANCE

    def end(self, error: BaseException | None = None) -> None:
        if self._ended:
            return
        self._ended = True
        self._member.load.in_use -= 1
        failed = self._failed if error is None else self._speaks_against(error)
        if failed is not None:
            seconds = self._seconds or time.perf_counter() - self._began
            self._member.load.observe(max(seconds, FAILED_SECONDS) if failed else seconds)
        self._members.ended(self._member, failed=failed)

    def _speaks_against(self, error: BaseException) -> bool | None:
        """Whether an error speaks against the instance. None: it says nothing about it."""
        if isinstance(error, asyncio.CancelledError):
            deadline = self._request.extensions.get(DEADLINE)
            late = deadline is not None and asyncio.get_running_loop().time() >= deadline
            late = late and not self._request.extensions.get(HURRIED)  # it had less time than it should have
            return True if late or self._failed else None
        if isinstance(error, httpx2.TransportError) and not isinstance(error, _OWN):
            return True
        return None


class _CountedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, call: _Call) -> None:
        self._stream = stream
        self._call = call

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._stream:
                yield part
        except GeneratorExit:  # the caller has stopped reading
            raise
        except BaseException as error:
            self._call.end(error)
            raise
        self._call.end()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self._call.end()


def _origin(url: httpx2.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


def _tried(request: httpx2.Request) -> Sequence[str]:
    """The instances that this request was sent to. A redirect inherits the extensions of the request before it."""
    url, tried = request.extensions.get(TRIED, (None, ()))
    return tried if url == request.url else ()
