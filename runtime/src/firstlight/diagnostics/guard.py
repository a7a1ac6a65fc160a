"""What stands before the diagnostics: a token, one call at a time, and one event for each call."""

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs

import structlog
from pydantic import SecretStr
from starlette.types import Scope

from ..errors import UsageError
from ..management.pages import Answer, Content, Page
from ..management.worker import Worker
from ..security.events import SecurityEvents
from ..text import visible

SOON_SECONDS = 1.0  # an answer that takes longer begins before it is complete, so that no deadline ends it

log = structlog.get_logger()
Query = Mapping[str, str]
Job = Callable[[], Mapping[str, Any]]
Call = Callable[[Query], Job]


class Guard:
    """Makes pages of calls. The thread of the management port uses it."""

    def __init__(self, token: SecretStr, worker: Worker, events: SecurityEvents) -> None:
        """Require `token`. Calls run in the thread of `worker`; `events` count and log who has another token."""
        self._token = _digest(f"Bearer {token.get_secret_value()}".encode())
        self._worker = worker
        self._events = events
        self._running: asyncio.Future[Mapping[str, Any]] | None = None

    def page(self, name: str, call: Call, *arguments: str) -> Page:
        """The page of a call. `call` gets the query, and raises `UsageError` with a sentence for a bad one.

        `arguments` are all that the query may have.
        """

        async def page(scope: Scope) -> Answer:
            client = str((scope.get("client") or ("",))[0])
            if not self._knows(scope):
                self._events.record("access_refused", client_address=client, call=name)
                return _json(401, {"error": "Bearer token needed."}, {"WWW-Authenticate": "Bearer"})
            if self._running is not None and not self._running.done():
                log.warning("diagnostics.called", call=name, client_address=client, outcome="busy")
                return _json(409, {"error": "Another call is running. There is one at a time."})
            try:
                query = _query(scope["query_string"], arguments)
                job = call(query)
            except UsageError as error:
                log.warning("diagnostics.called", call=name, client_address=client, outcome="refused")
                return _json(400, {"error": str(error)})
            log.warning("diagnostics.called", call=name, client_address=client, outcome="accepted", **_asked(query))
            return await self._answer(job)

        return page

    def _knows(self, scope: Scope) -> bool:
        """Compare in constant time: the digests have one length, and two headers are none."""
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        return hmac.compare_digest(_digest(given[0] if len(given) == 1 else b""), self._token)

    async def _answer(self, job: Job) -> Answer:
        self._running = running = asyncio.ensure_future(self._worker.call(job))
        await asyncio.wait({running}, timeout=SOON_SECONDS)
        return _json(200, running.result() if running.done() else running)


def _query(query_string: bytes, known: Sequence[str]) -> Query:
    """The arguments. Raises `UsageError` for one that is not known, as it may be misspelt, and for one given twice."""
    given = parse_qs(query_string.decode("latin-1"))
    if others := given.keys() - set(known):
        arguments = f"the arguments are {', '.join(known)}" if known else "there are no arguments"
        msg = f"{visible(min(others))} is no argument here: {arguments}."
        raise UsageError(msg)
    if any(len(values) > 1 for values in given.values()):
        msg = "Each argument may be given once."
        raise UsageError(msg)
    return {name: value for name, (value,) in given.items()}


def _asked(query: Query) -> Mapping[str, str]:
    """What the event says about the arguments. A field called `level` would be taken for that of the line."""
    return {f"asked_{name}": query[name] for name in ("level", "seconds") if name in query}


def _json(status: int, body: Content, headers: Mapping[str, str] = MappingProxyType({})) -> Answer:
    return Answer(status, body, "application/json", {"Cache-Control": "no-store", **headers})


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()
