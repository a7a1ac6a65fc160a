"""The store of idempotency keys, as a port. Memory is one; a database or a cache can be another."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import NamedTuple, Protocol

from ..management.check import Check

Headers = tuple[tuple[bytes, bytes], ...]


class Name(NamedTuple):
    """A key and the caller that it belongs to. Two callers may use the same key."""

    caller: str
    key: str


class StoredResponse(NamedTuple):
    """A response as it is stored. `body` is None if it was too large, or if the handler outlived its deadline (504)."""

    status: int
    headers: Headers
    body: bytes | None

    def without_body(self) -> "StoredResponse":
        """What is left when there is no space for the response: the fact that there was one, and its status."""
        return StoredResponse(self.status, (), None)


class Record(NamedTuple):
    """What the store has for a name: the fingerprint of the first request, and its response once there is one."""

    fingerprint: bytes
    response: StoredResponse | None


class Completion(Enum):
    """What became of a response that was given to the store."""

    STORED = "stored"
    SHORTENED = "shortened"
    """There was no space: only the status is stored."""
    EXPIRED = "expired"
    """The reservation has expired, and the name may belong to another request: nothing is stored."""


class FullError(Exception):
    """The store accepts no more keys, from this caller or from any."""

    def __init__(self, *, for_all: bool, seconds: float) -> None:
        """`for_all`: the limit is that of all callers. `seconds`: until the next key expires."""
        super().__init__("the limit of stored idempotency keys is reached")
        self.for_all = for_all
        self.seconds = seconds


class Records(Protocol):
    """One record for each name. Each method is one atomic step, also between processes.

    A method raises any exception when the store cannot be reached: the request is then refused with 503 if its handler
    has not run yet. A store never drops a record before its time: it refuses new names instead, with `FullError`.
    """

    async def reserve(self, name: Name, fingerprint: bytes, seconds: float) -> str | Record:
        """Reserve a name for one request, unless there is a record for it that has not expired. Raises `FullError`.

        Returns the token of the reservation, or the record. The reservation expires after `seconds`, so that a process
        that was killed does not hold it for ever.
        """

    async def complete(self, name: Name, token: str, response: StoredResponse, seconds: float) -> Completion:
        """Store the response for `seconds`, if the reservation with this token is still the record of the name."""

    async def release(self, name: Name, token: str) -> None:
        """Remove the reservation with this token, so that the next request runs. Does nothing for another token."""


class Store(Records, Protocol):
    """A store that knows nothing of what handlers write."""

    def checks(self) -> Sequence[Check]:
        """The health checks of the store's server; none for a store without a server."""


class TransactionalStore(ABC):
    """A store in the database in which handlers write."""

    @abstractmethod
    def transaction(self) -> AbstractAsyncContextManager[Records]:
        """The transaction of one request, in which its handler runs: what it writes belongs to the same transaction.

        `complete` commits both, `release` and an exception roll both back. The response is sent after the commit, so a
        process that is killed leaves either nothing, or all that was written with the response to it. An error of
        `complete` is therefore the answer to the request.
        """

    def checks(self) -> Sequence[Check]:
        """None: the database has its own."""
        return ()


AnyStore = Store | TransactionalStore
