"""Replicas: which of them may answer a read, and what happens to a read whose replica is lost."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, NoReturn, Protocol, TypeVar

import structlog
from sqlalchemy import exc

from ...balancing import Balancing, Load
from . import failures
from .metrics import REPLICA_USABLE

log = structlog.get_logger()

# A replay that removes rows which a read needs; a table or a column of a migration that was not replayed yet.
ONLY_THE_PRIMARY = frozenset({"40001", "42P01", "42703"})


class Named(Protocol):
    """A server."""

    @property
    def name(self) -> str:
        """Its name in metrics and events."""
        ...


ServerT = TypeVar("ServerT", bound=Named)
ResultT = TypeVar("ResultT")


class NoReplicaError(Exception):
    """No replica could answer: the primary must."""


class Replica(Generic[ServerT]):
    """A replica, and the reads that it is answering."""

    weight = 1.0  # replicas are equal; `fastest` finds out which are not

    def __init__(self, server: ServerT) -> None:
        """It is used until something speaks against it."""
        self.server = server
        self.load = Load()
        self.usable = True
        self._running: set[asyncio.Timeout] = set()
        self._losses = 0
        self._lost_at = 0.0
        REPLICA_USABLE.labels(server.name).set(1)

    @property
    def name(self) -> str:
        """Its name in metrics and events."""
        return self.server.name

    async def run(self, read: Callable[[ServerT], Awaitable[ResultT]]) -> ResultT:
        """The result of `read`. Raises `NoReplicaError` once the replica is lost, also while it does not answer."""
        losses, began = self._losses, time.perf_counter()
        self.load.in_use += 1
        limit = asyncio.timeout(None)
        try:
            async with limit:
                self._running.add(limit)
                try:
                    result = await read(self.server)
                finally:
                    self._running.discard(limit)  # a finished timeout cannot be changed
        except Exception as error:
            if limit.expired():
                raise NoReplicaError from error
            if is_lost(error):
                if losses == self._losses:  # else it has returned since, and this is news of before
                    self.lost_by(error)
                raise NoReplicaError from error
            raise
        finally:
            self.load.in_use -= 1
        self.load.observe(time.perf_counter() - began)
        return result

    def lost_by(self, error: BaseException) -> None:
        """Use it no more, because of an error."""
        self.lost(failures.reason(error), failures.kind_of(error))

    def lost(self, reason: str, error_type: str = "") -> None:
        """Use it no more, and move its reads elsewhere. Does nothing when it is lost already."""
        if not self.usable:
            return
        self.usable = False
        self._losses += 1
        self._lost_at = time.monotonic()
        REPLICA_USABLE.labels(self.server.name).set(0)
        log.warning("database.replica_lost", server=self.server.name, reason=reason, error_type=error_type)
        now = asyncio.get_running_loop().time()
        for limit in self._running:
            limit.reschedule(now)

    def returned(self) -> None:
        """Use it again. Does nothing when it is in use."""
        if self.usable:
            return
        self.usable = True
        REPLICA_USABLE.labels(self.server.name).set(1)
        seconds = round(time.monotonic() - self._lost_at, 3)
        log.info("database.replica_returned", server=self.server.name, lost_seconds=seconds)


class Replicas(Generic[ServerT]):
    """The replicas of one primary."""

    def __init__(
        self, servers: Sequence[ServerT], choose: Balancing, raise_reported: Callable[[ServerT, Exception], NoReturn]
    ) -> None:
        """`choose` is the algorithm. `raise_reported` raises what the caller gets for an error that is no loss."""
        self.all = [Replica(server) for server in servers]
        self._choose = choose
        self._raise_reported = raise_reported

    async def run(self, read: Callable[[ServerT], Awaitable[ResultT]]) -> ResultT:
        """The result of `read` on one replica, or on another one when the first is lost meanwhile.

        Raises `NoReplicaError` when the primary must answer, and otherwise what `raise_reported` raises.
        """
        left = [replica for replica in self.all if replica.usable]
        while left:
            replica = self._choose(left)
            try:
                return await replica.run(read)
            except NoReplicaError:
                left = [other for other in left if other.usable and other is not replica]
            except Exception as error:
                if failures.sqlstate(error) in ONLY_THE_PRIMARY:
                    raise NoReplicaError from error
                self._raise_reported(replica.server, error)
        raise NoReplicaError


def is_lost(error: BaseException) -> bool:
    """Whether an error speaks against its server, and not against the statement, and not against a full pool."""
    state = failures.sqlstate(error)
    if isinstance(error, exc.TimeoutError) or state == failures.QUERY_CANCELED or state in ONLY_THE_PRIMARY:
        return False
    return failures.is_unavailable(error)
