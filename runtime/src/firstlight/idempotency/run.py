"""One run of a handler under a reservation. Its response is stored before the last part is sent."""

import asyncio
from collections.abc import Awaitable, Iterable
from http import HTTPStatus
from typing import NamedTuple, TypeVar

import anyio
from starlette.types import Message, Scope, Send

from .. import failures
from ..requests.observed_request import ANSWERED
from ..requests.response_start import listed
from ..security.headers import REQUEST_ID
from .outcomes import COUNTS
from .store import Completion, Headers, Name, Records, StoredResponse

RELEASE_SECONDS = 2.0  # how long a request that was cancelled may take to release its key
_OUTCOMES = {Completion.STORED: "new", Completion.SHORTENED: "not_stored", Completion.EXPIRED: "expired"}
# They belong to one response or one connection, or are a secret.
_NOT_REPEATED = frozenset(
    {
        b"connection",
        b"date",
        b"keep-alive",
        b"server-timing",
        b"set-cookie",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        REQUEST_ID,
    }
)
_BEFORE_OR_AFTER = frozenset({"http.response.early_hint", "http.response.trailers", "http.response.debug"})

ResultT = TypeVar("ResultT")


class Reservation(NamedTuple):
    """A reserved name. `seconds` is how long the response is stored, `max_bytes` the limit for headers and body."""

    records: Records
    name: Name
    token: str
    seconds: float
    max_bytes: int
    outlives: bool
    """Whether the handler may still run after its request was cancelled, as one in a thread does."""
    holds: bool
    """Whether the response is sent only when it is stored, because it is stored in the transaction of the handler."""


class Run:
    """Passes the response to the client, and gives a copy to the store.

    A response with a status of 400 or more is not stored: the key is released before the client has the response. So
    is the key of a handler that raised, was cancelled, or did not finish its response.
    """

    __slots__ = ("_body", "_headers", "_held", "_late", "_reservation", "_scope", "_send", "_size", "_status", "ended")

    def __init__(self, reservation: Reservation, scope: Scope, send: Send) -> None:
        """The handler has not answered yet."""
        self._reservation = reservation
        self._scope, self._send = scope, send
        self._status = self._size = 0
        self._headers: Headers = ()
        self._body: list[bytes] = []
        self._held: list[Message] = []
        self._late = False  # the client has a 504, and the handler still runs
        self.ended = False
        """Whether the response is stored, or the key is released."""

    async def send(self, message: Message) -> None:
        """Pass a message of the response. What the client has received, a repeated request gets as well."""
        if self.ended or self._late:
            await self._send(message)
            return
        kind = message["type"]
        if kind == "http.response.body":
            await self._take(message)
        elif kind == "http.response.start":
            message = listed(message)
            self._status = message["status"]
            if self._status >= HTTPStatus.BAD_REQUEST:
                await self._refused()
            else:
                self._keep(message["headers"])
        elif kind in _BEFORE_OR_AFTER:
            await self._send(message)
            return
        else:  # the server sends a file itself
            await self._complete(None)
        self._held.append(message)
        if self.ended or self._late or not self._reservation.holds:
            await self._pass_on()

    async def _take(self, message: Message) -> None:
        """Keep a part of the body. Store the response with the last part, or when it becomes too large."""
        part = message.get("body", b"")
        self._size += len(part)
        self._body.append(part)
        if self._size > self._reservation.max_bytes:
            await self._complete(None)
        elif not message.get("more_body", False):
            await self._complete(b"".join(self._body))

    async def _pass_on(self) -> None:
        held, self._held = self._held, []
        for message in held:
            await self._send(message)

    async def failed(self, error: BaseException) -> None:
        """The handler has raised. One in a thread may still run after its request was cancelled: its key is kept."""
        if self.ended:
            return
        outlived = self._reservation.outlives and isinstance(error, asyncio.CancelledError)
        if outlived and not self._reservation.holds:
            return
        with anyio.move_on_after(RELEASE_SECONDS, shield=True):
            if outlived:  # the transaction ends with the request: what is left is that the outcome is not known
                self._status = HTTPStatus.GATEWAY_TIMEOUT
                await _reported(self._complete(None))
            else:
                await self._release()

    async def returned(self) -> None:
        """The handler has returned without a whole response, or after its client got a 504."""
        if self._late:
            await self._complete(None)
        else:
            await self._release()
        await self._pass_on()

    async def _refused(self) -> None:
        if ANSWERED in self._scope:
            self._late = True
        else:
            await self._release()

    def _keep(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        kept = []
        for field in headers:
            if field[0].lower() not in _NOT_REPEATED:
                kept.append(field)
                self._size += len(field[0]) + len(field[1])
        self._headers = tuple(kept)

    async def _complete(self, body: bytes | None) -> None:
        """Store the response; without its body if that is None."""
        self.ended = True
        reservation = self._reservation
        response = StoredResponse(self._status, () if body is None else self._headers, body)
        records, name, token = reservation.records, reservation.name, reservation.token
        step = records.complete(name, token, response, reservation.seconds)
        try:
            completion = await (step if reservation.holds else _reported(step))
        except Exception:
            COUNTS["unavailable"].inc()
            raise
        outcome = "unavailable" if completion is None else _OUTCOMES[completion]
        COUNTS["not_stored" if outcome == "new" and body is None else outcome].inc()
        self._body = []

    async def _release(self) -> None:
        self.ended = True
        COUNTS["released"].inc()
        await _reported(self._reservation.records.release(self._reservation.name, self._reservation.token))


async def _reported(step: Awaitable[ResultT]) -> ResultT | None:
    """The result of a step of the store. An error is logged and counted: it must not cost the client its response.

    The key stays reserved then, and repeated requests are refused until the reservation expires.
    """
    try:
        return await step
    except Exception as error:  # noqa: BLE001 - of any store
        failures.report("request", "idempotency.store_failed", error)
        return None
