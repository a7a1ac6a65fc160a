"""The pages of the management port, as an ASGI application: probes, details and metrics."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Receive, Scope, Send

from ..failures import report
from ..security.headers import HEADERS
from .descriptors import Reserve
from .exposition import Exposition
from .health import PROBES, Health
from .worker import Worker

MAX_SCRAPES = 64  # scrapes that may wait at the same time
FOR_CLIENTS = 2  # descriptors of the reserve that scrapes may not use
METHODS = ("GET", "HEAD")
EFFECTS = ("POST",)
JSON = "application/health+json"
CONSOLE = "/console"


Content = bytes | Mapping[str, Any] | asyncio.Future[Mapping[str, Any]]


class Answer(NamedTuple):
    """A status and a body. A mapping is sent as JSON. A future is sent when it is done; the head is sent before."""

    status: int
    body: Content
    content_type: str = JSON
    headers: Mapping[str, str] = {}


Page = Callable[[Scope], Awaitable[Answer]]


class Table(NamedTuple):
    """Pages by path: `reads` for GET and HEAD, `effects` for POST."""

    reads: Mapping[str, Page] = MappingProxyType({})
    effects: Mapping[str, Page] = MappingProxyType({})


class Pages:
    """An ASGI application with a table of pages by path."""

    def __init__(self, table: Table, console: ASGIApp | None = None) -> None:
        """Serve the pages of `table`. `console` answers what is at or below `/console`, if it is there."""
        self._table = table
        self._console = console

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request. Its body is not read, unless it is for the console."""
        if self._console is not None and f"{scope['path']}/".startswith(f"{CONSOLE}/"):
            await self._console(scope, receive, send)
            return
        status, body, content_type, more = await self._answer(scope)
        content = None if isinstance(body, asyncio.Future) else _encoded(body)
        length = {} if content is None else {"Content-Length": str(len(content))}
        headers = {"Content-Type": content_type, **length, "Date": formatdate(usegmt=True), **HEADERS, **more}
        encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": encoded})
        if isinstance(body, asyncio.Future):
            content = await self._late(scope, body)
        await send({"type": "http.response.body", "body": content})

    async def _answer(self, scope: Scope) -> Answer:
        path = scope["path"]
        page = self._table.reads.get(path) or self._table.effects.get(path)
        if page is None:
            return document(404, {"paths": list(self._table.reads)})
        methods = METHODS if path in self._table.reads else EFFECTS
        if scope["method"] not in methods:
            return Answer(405, {"methods": methods}, JSON, {"Allow": ", ".join(methods)})
        try:
            return await page(scope)
        except Exception as error:  # noqa: BLE001 - the port must answer the next request
            report("request", "http.request_failed", error, http_route=scope["path"])
            return document(500, {"status": "fail"})

    async def _late(self, scope: Scope, body: asyncio.Future[Mapping[str, Any]]) -> bytes:
        try:
            return _encoded(await body)
        except Exception as error:  # noqa: BLE001 - the status has been sent
            report("request", "http.request_failed", error, http_route=scope["path"])
            return _encoded({"error": "The call failed."})


def _encoded(body: bytes | Mapping[str, Any]) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def document(status: int, content: Mapping[str, Any]) -> Answer:
    """A JSON response that no cache may store."""
    return Answer(status, content, JSON, {"Cache-Control": "no-store"})


def health_pages(health: Health, details: Mapping[str, Any]) -> Mapping[str, Page]:
    """The probes and `/health`, to which `details` are added."""
    pages = {path: _probe(probe, health) for path, probe in PROBES.items()}

    async def whole(_: Scope) -> Answer:
        return document(_status(health.ready()), {**health.details(), **details})

    return {**pages, "/health": whole}


def _probe(probe: Callable[[Health], bool], health: Health) -> Page:
    async def page(_: Scope) -> Answer:
        passes = probe(health)
        return document(_status(passes), {"status": "pass" if passes else "fail"})

    return page


def _status(passes: bool) -> int:  # noqa: FBT001 - its only argument
    return 200 if passes else 503


class MetricsPage:
    """`/metrics`. It is rendered in another thread, so that a slow collector of the team does not delay probes."""

    def __init__(self, exposition: Exposition, worker: Worker, reserve: Reserve, seconds: float) -> None:
        """A scrape frees one descriptor of `reserve`, because collectors read files. `seconds` limit one scrape."""
        self._seconds = seconds
        self._exposition = exposition
        self._worker = worker
        self._reserve = reserve
        self._waiting = 0

    async def __call__(self, scope: Scope) -> Answer:
        """The page, or 503 when rendering takes too long or too many scrapes wait."""
        if self._waiting >= MAX_SCRAPES:
            return document(503, {"status": "fail"})
        self._reserve.give(keep=FOR_CLIENTS)  # another thread may take it first
        self._waiting += 1
        try:
            # Not compressed: CPU costs more than bandwidth inside a cluster.
            async with asyncio.timeout(self._seconds):
                content, content_type = await self._worker.call(lambda: self._exposition.render(*_wanted(scope)))
            return Answer(200, content, content_type)
        except TimeoutError as error:
            self._exposition.failed(self._exposition.collecting, error)
            return document(503, {"status": "fail"})
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._reserve.take()


def _wanted(scope: Scope) -> tuple[str, list[str]]:
    accept = ",".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"accept")
    return accept, parse_qs(scope["query_string"].decode("latin-1")).get("name[]", [])
