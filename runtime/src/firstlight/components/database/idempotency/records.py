"""The records of one request, in the transaction in which its handler writes."""

from hashlib import blake2b
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from ....idempotency import Completion, Name, Record, StoredResponse
from .. import transactions
from . import statements
from .tables import CALLER_BYTES
from .usage import Usage

ROW_BYTES = 128  # of a row and its places in the indexes, besides its values


class Identity(NamedTuple):
    """A name as the table has it."""

    caller: bytes
    key: str
    lock: int

    @classmethod
    def of(cls, name: Name) -> "Identity":
        """The identity of a name."""
        caller = blake2b(name.caller.encode("utf-8", "surrogatepass"), digest_size=CALLER_BYTES).digest()
        lock = blake2b(caller + name.key.encode(), digest_size=8).digest()
        return cls(caller, name.key, int.from_bytes(lock, signed=True))

    @property
    def where(self) -> dict[str, Any]:
        """The parameters that find its row."""
        return {"of_caller": self.caller, "of_key": self.key}


class TransactionRecords:
    """Reserves, completes and releases one name. `complete` and `release` end the transaction."""

    def __init__(self, session: AsyncSession, dialect: str, usage: Usage, running: dict[Name, bytes]) -> None:
        """`running` are the names that this process has reserved, with their fingerprints."""
        self._session, self._usage, self._running = session, usage, running
        self._reserve = statements.reserve(dialect)
        self._reserved: tuple[Name, str] | None = None

    async def reserve(self, name: Name, fingerprint: bytes, seconds: float) -> str | Record:
        """Reserve a name, or return its record. Raises `FullError`."""
        if (running := self._running.get(name)) is not None:
            return Record(running, None)
        identity = Identity.of(name)
        if (refusal := self._usage.refusal(identity.caller)) is not None:
            known = await self._known(identity)
            if known is None:
                raise refusal
            return known
        size = ROW_BYTES + CALLER_BYTES + len(fingerprint) + len(name.key)
        values = {**identity._asdict(), "fingerprint": fingerprint, "size": size, "seconds": seconds}
        if (await self._session.execute(self._reserve, values)).first() is None:
            # The first request is not answered yet, if it has not been in the meantime. Its fingerprint is not known.
            return await self._known(identity) or Record(fingerprint, None)
        self._running[name] = fingerprint
        token = format(identity.lock, "x")
        self._reserved = name, token
        return token

    async def complete(self, name: Name, token: str, response: StoredResponse, seconds: float) -> Completion:
        """Store the response, and commit it with what the handler has written."""
        if self._reserved != (name, token):
            return Completion.EXPIRED
        headers = [[field.decode("latin-1"), value.decode("latin-1")] for field, value in response.headers]
        added = len(response.body or b"") + sum(len(field) + len(value) for field, value in response.headers)
        values: dict[str, Any] = {"new_status": response.status, "new_headers": headers, "new_body": response.body}
        values |= {"added": added, "seconds": seconds, **Identity.of(name).where}
        await self._session.execute(statements.COMPLETE, values)
        await self._session.commit()
        self.end()
        return Completion.STORED

    async def release(self, name: Name, token: str) -> None:
        """Roll back what the handler has written, and the reservation with it."""
        if self._reserved == (name, token):
            await self._session.rollback()
            self.end()

    def end(self) -> None:
        """Forget the reservation. What runs after the response begins transactions of its own."""
        if self._reserved is not None:
            self._running.pop(self._reserved[0], None)
            self._reserved = None
            transactions.leave()

    async def _known(self, identity: Identity) -> Record | None:
        row = (await self._session.execute(statements.FIND, identity.where)).first()
        return None if row is None else _record(*row)


def _record(fingerprint: bytes, status: int | None, headers: list[list[str]] | None, body: bytes | None) -> Record:
    if status is None:
        return Record(fingerprint, None)
    fields = tuple((field.encode("latin-1"), value.encode("latin-1")) for field, value in headers or ())
    return Record(fingerprint, StoredResponse(status, fields, body))
