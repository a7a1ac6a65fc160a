"""Transactions on the primary: commit on success, roll back otherwise, savepoints inside, a limit of time around."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from . import failures
from .failures import DEADLOCK, DatabaseUnavailableError
from .metrics import DEADLOCKS, OUTCOMES, TRANSACTIONS
from .servers import Server

_COUNTS = {name: TRANSACTIONS.labels(name) for name in OUTCOMES}


class Open(NamedTuple):
    """The transaction in progress: its session, its owner, and the task that has begun it."""

    session: AsyncSession
    owner: object
    task: asyncio.Task[Any] | None


CURRENT: ContextVar[Open | None] = ContextVar("transaction", default=None)


class Transactions:
    """Begins the transactions of one server."""

    def __init__(self, server: Server, seconds: float) -> None:
        """A transaction may take `seconds`."""
        self._server, self._seconds = server, seconds

    @property
    def session(self) -> AsyncSession | None:
        """The session of the transaction that this task has begun, or None."""
        found = CURRENT.get()
        mine = found is not None and found.owner is self and found.task is asyncio.current_task()
        return found.session if found is not None and mine else None

    @asynccontextmanager
    async def begin(self, seconds: float | None = None, *, retryable: bool = False) -> AsyncIterator[AsyncSession]:
        """A transaction; inside another one of the same task, a savepoint.

        With `retryable`, serialization failures and deadlocks are raised as they are. Raises `DatabaseUnavailableError`
        where the database, and not the block, is the cause.
        """
        outer = self.session
        if outer is not None:
            async with outer.begin_nested():
                yield outer
            return
        session = AsyncSession(self._server.engine, expire_on_commit=False)
        token = CURRENT.set(Open(session, self, asyncio.current_task()))
        try:
            limit = asyncio.timeout(self._seconds if seconds is None else seconds)
            async with self._ended(session, retryable=retryable), limit:
                yield session
                await session.commit()
        finally:
            CURRENT.reset(token)

    @asynccontextmanager
    async def _ended(self, session: AsyncSession, *, retryable: bool) -> AsyncIterator[None]:
        """Close the session, which rolls back what is not committed, and count the outcome."""
        outcome = "committed"
        try:
            yield
        except BaseException as error:
            outcome = _outcome(error)
            if failures.retry_reason(error) == DEADLOCK:
                DEADLOCKS.inc()
            if not isinstance(error, Exception) or (retryable and failures.retry_reason(error)):
                raise
            raised = _translated(error, outcome)
            if raised is error:
                raise
            self._server.failures.write(event_of(raised), error)
            raise raised from error
        finally:
            await _closed(session)
            _COUNTS[outcome].inc()


def event_of(error: BaseException) -> str:
    """The event that reports why the database could not be used."""
    exhausted = isinstance(error, failures.PoolExhaustedError)
    return "database.pool_exhausted" if exhausted else "database.connection_failed"


def _translated(error: Exception, outcome: str) -> Exception:
    if outcome == "timed_out" and not isinstance(error, DatabaseUnavailableError):
        return DatabaseUnavailableError("A transaction took too long, and was rolled back.")
    return failures.translated(error)


def _outcome(error: BaseException) -> str:
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    if isinstance(error, TimeoutError):
        return "timed_out"
    if failures.sqlstate(error) == "57014":  # PostgreSQL: query_canceled, by statement_timeout
        return "timed_out"
    failed = failures.is_unavailable(error) or failures.retry_reason(error) is not None
    return "failed" if failed else "rolled_back"


async def _closed(session: AsyncSession) -> None:
    """Close a session also when its task is cancelled meanwhile. Its own errors concern a connection that is gone."""
    try:
        await asyncio.shield(asyncio.ensure_future(session.close()))
    except Exception as error:
        if not failures.is_unavailable(error):
            raise
