"""The middleware around an operation that honours keys: reserves the key, then runs the handler or replays."""

from starlette.types import ASGIApp, Receive, Scope, Send

from .. import caller
from ..operations.operation import Operation
from ..problems import BadRequestError
from ..requests.handler import is_plain_function
from . import key, refusals, request
from .outcomes import COUNTS
from .run import Reservation, Run
from .store import AnyStore, FullError, Name, Record, Records, StoredResponse, TransactionalStore

COMPONENT = "idempotency"
REPLAYED_HEADER = "Idempotent-Replayed"
RESERVED_SECONDS = 600.0  # longer than any handler runs: a request that is answered ends its reservation itself
_REPLAYED = (REPLAYED_HEADER.lower().encode(), b"true")


def honoured(app: ASGIApp, operation: Operation | None) -> ASGIApp:
    """The application of an operation that honours keys; any other application unchanged."""
    return app if operation is None or not operation.idempotent else _Honoured(app, operation)


class _Honoured:
    """The application of one operation."""

    def __init__(self, app: ASGIApp, operation: Operation) -> None:
        self._app = app
        self._operation = operation.id
        self._required = operation.idempotency_required
        self._seconds = operation.idempotency_seconds
        self._reserved_seconds = max(RESERVED_SECONDS, operation.deadline_seconds or 0)
        self._outlives = is_plain_function(operation.handler)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = self._name(scope)
        if name is None:
            await self._app(scope, receive, send)
            return
        # The body comes first: a client that never sends it reserves nothing.
        body = await request.read(receive)
        again = request.ReadBody(body, receive).receive
        fingerprint = request.fingerprint(scope, body)
        store: AnyStore = scope["state"][COMPONENT]
        if isinstance(store, TransactionalStore):
            async with store.transaction() as records:
                replayed = await self._run(records, name, fingerprint, scope, again, send, holds=True)
        else:
            replayed = await self._run(store, name, fingerprint, scope, again, send)
        if replayed is not None:
            await _replay(replayed, send)

    async def _run(  # noqa: PLR0913, PLR0917 - one request in the words of ASGI, and its name
        self,
        records: Records,
        name: Name,
        fingerprint: bytes,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        holds: bool = False,
    ) -> StoredResponse | None:
        """Run the handler, or return the stored response."""
        found = await self._reserved(records, name, fingerprint)
        if isinstance(found, Record):
            return self._replayable(found, fingerprint)
        settings = scope["state"]["settings"]
        seconds = settings.idempotency_seconds if self._seconds is None else self._seconds
        limit = settings.idempotency_max_response_bytes
        reservation = Reservation(records, name, found, seconds, limit, self._outlives, holds)
        run = Run(reservation, scope, send)
        try:
            await self._app(scope, receive, run.send)
        except BaseException as error:
            await run.failed(error)
            raise
        if not run.ended:
            await run.returned()
        return None

    def _name(self, scope: Scope) -> Name | None:
        """The key of the caller, or None for a request without one. Raises `BadRequestError`."""
        try:
            value = key.find(scope["headers"])
            if value is not None:
                return Name(caller.name_of(scope), key.parse(value))
            if self._required:
                raise key.missing()
        except BadRequestError:
            COUNTS["refused"].inc()
            raise
        return None

    async def _reserved(self, records: Records, name: Name, fingerprint: bytes) -> str | Record:
        try:
            return await records.reserve(name, fingerprint, self._reserved_seconds)
        except FullError as error:
            raise refusals.full(error) from None
        except Exception as error:
            raise refusals.unavailable() from error

    def _replayable(self, record: Record, fingerprint: bytes) -> StoredResponse:
        """The stored response, if it is the one to this request."""
        if record.fingerprint != fingerprint:
            raise refusals.reused(self._operation)
        if record.response is None:
            raise refusals.in_flight()
        if record.response.body is None:
            raise refusals.not_replayed(record.response.status)
        COUNTS["replayed"].inc()
        return record.response


async def _replay(response: StoredResponse, send: Send) -> None:
    headers = [*response.headers, _REPLAYED]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body, "more_body": False})
