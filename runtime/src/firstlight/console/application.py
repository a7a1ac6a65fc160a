"""The console as an ASGI application on the management port: the page, the login, and the twins of the page in JSON."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from typing import Any, NamedTuple

from starlette.types import Receive, Scope, Send

from ..diagnostics.guard import SOON_SECONDS
from ..failures import report
from ..management.pages import CONSOLE
from ..media_type import JSON
from ..problem_document import encoded
from ..security.headers import HEADERS
from . import guards
from .api import Api, BusyError, Effect
from .guards import NO_EFFECT, NO_TOKEN, Guards, Refusal
from .queries import BadQueryError, NotFoundError, Query

API = f"{CONSOLE}/api/v1/"
BODY_BYTES = 4096
BODY_SECONDS = 2.0
_OF_PAGES = re.compile(rf"{CONSOLE}(?:/[a-z-]{{1,32}}(?:/[0-9A-Za-z_.-]{{1,64}})?)?/?")
_READS = ("GET", "HEAD")


class Page(NamedTuple):
    """The document, and the content security policy that it is served with."""

    document: bytes
    policy: str


class Reply(NamedTuple):
    """A status, a body and headers. A body that is not known yet is sent when it is."""

    status: int
    body: bytes | Awaitable[bytes]
    headers: Mapping[str, str]


class Application:
    """Answers every path at and below `/console`. All of it runs in the thread of the management port."""

    def __init__(self, token: str, api: Api, page: Page) -> None:
        """Only who has `token` gets anything but a refusal."""
        self._guards = Guards(token)
        self._api = api
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            reply = await self._reply(scope, receive)
        except BadQueryError as error:
            reply = _refused(Refusal(400, str(error)))
        except NotFoundError as error:
            reply = _refused(Refusal(404, str(error)))
        except BusyError as error:
            reply = _refused(Refusal(409, str(error)))
        except Exception as error:  # noqa: BLE001 - the port must answer the next request
            report("request", "http.request_failed", error, http_route=CONSOLE)
            reply = _refused(Refusal(500, "The console failed; the log of the service says why."))
        await _sent(reply, send, head=scope["method"] == "HEAD")

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        path, method = scope["path"], scope["method"]
        path = API if path == API.rstrip("/") else path
        is_page = not path.startswith(API)
        if refusal := self._guards.refusal(scope, page=is_page):
            return _refused(refusal)
        if path == f"{CONSOLE}/login":
            return self._login(scope) if method in _READS else _not_allowed(*_READS)
        if not self._guards.knows(scope):
            return _refused(NO_TOKEN)
        if is_page:
            if _OF_PAGES.fullmatch(path) is None:
                return _refused(Refusal(404, "The console has no such page."))
            return self._shown() if method in _READS else _not_allowed(*_READS)
        return await self._twin(path.removeprefix(API), scope, receive)

    def _login(self, scope: Scope) -> Reply:
        if not self._guards.opens(Query.parsed(scope["query_string"]).text("token")):
            return _refused(NO_TOKEN)
        cookie = self._guards.cookie(guards.port_of(scope))
        return Reply(303, b"", {"Location": CONSOLE, "Set-Cookie": cookie})

    def _shown(self) -> Reply:
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": self._page.policy}
        return Reply(200, self._page.document, headers)

    async def _twin(self, name: str, scope: Scope, receive: Receive) -> Reply:
        effect = self._api.effect(name)
        if effect is None:
            if scope["method"] not in _READS:
                return _not_allowed(*_READS)
            found = await self._api.read(name, Query.parsed(scope["query_string"]))
            return Reply(200, encoded(found), {"Content-Type": JSON})
        if scope["method"] != "POST":
            return _not_allowed("POST")
        if not self._guards.may_act(scope):
            return _refused(NO_EFFECT)
        return await _done(effect, Query.of_body(await _body(receive)))


async def _done(effect: Effect, query: Query) -> Reply:
    running = asyncio.ensure_future(effect(query))
    await asyncio.wait({running}, timeout=SOON_SECONDS)
    return Reply(200, encoded(running.result()) if running.done() else _later(running), {"Content-Type": JSON})


async def _later(running: "asyncio.Future[Mapping[str, Any]]") -> bytes:
    return encoded(await running)


async def _body(receive: Receive) -> bytes:
    """The whole body. Raises `BadQueryError` if it is too large or does not arrive."""
    body, more = b"", True
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while more and len(body) <= BODY_BYTES:
                message = await receive()
                body += message.get("body", b"")
                more = message.get("more_body", False)
    except TimeoutError:
        more = True
    if more or len(body) > BODY_BYTES:
        msg = f"The body must arrive within {BODY_SECONDS:g} s and have at most {BODY_BYTES} bytes."
        raise BadQueryError(msg)
    return body


def _refused(refusal: Refusal) -> Reply:
    return Reply(refusal.status, encoded({"error": refusal.reason}), {"Content-Type": JSON})


def _not_allowed(*methods: str) -> Reply:
    reply = _refused(Refusal(405, f"Only {' and '.join(methods)} can be answered."))
    return reply._replace(headers={**reply.headers, "Allow": ", ".join(methods)})


async def _sent(reply: Reply, send: Callable[[Any], Awaitable[None]], *, head: bool) -> None:
    known = isinstance(reply.body, bytes)
    headers = {
        "Date": formatdate(usegmt=True),
        "Cache-Control": "no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
        **HEADERS,
        **({"Content-Length": str(len(reply.body))} if isinstance(reply.body, bytes) else {}),
        **reply.headers,
    }
    fields = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": fields})
    if not known:
        await send({"type": "http.response.body", "body": b"", "more_body": True})
    body = reply.body if isinstance(reply.body, bytes) else await reply.body
    await send({"type": "http.response.body", "body": b"" if head else body})
