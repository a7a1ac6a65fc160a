"""Transactions on the primary: commit on success, roll back otherwise, savepoints inside, a limit of time around."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from sqlalchemy import exc
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


def leave() -> None:
    """Let the rest of this task begin transactions of its own: the one in progress belongs to others from now on."""
    CURRENT.set(None)


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
        # Used after its block, it would begin a transaction that nobody ends.
        session = AsyncSession(self._server.engine, expire_on_commit=False, close_resets_only=False)
        token = CURRENT.set(Open(session, self, asyncio.current_task()))
        limit = asyncio.timeout(self._seconds if seconds is None else seconds)
        outcome = "committed"
        try:
            async with limit:
                yield session
                await session.commit()
        except BaseException as error:
            outcome = _outcome(error, limit)
            raised = self._raised(error, limit, retryable=retryable)
            if raised is error:
                raise
            raise raised from error
        finally:
            CURRENT.reset(token)
            _COUNTS[outcome].inc()
            await _closed(session)  # which rolls back what is not committed

    def _raised(self, error: BaseException, limit: asyncio.Timeout, *, retryable: bool) -> BaseException:
        """What the caller gets of an error."""
        reason = failures.retry_reason(error) if _is_of_the_database(error) else None
        if reason == DEADLOCK:
            DEADLOCKS.inc()
        if not isinstance(error, Exception) or (retryable and reason):
            return error
        raised = _translated(error, limit)
        if isinstance(raised, DatabaseUnavailableError):
            self._server.failures.write(error)
        return raised


def _is_of_the_database(error: BaseException) -> bool:
    """Whether SQLAlchemy has raised it. Any other error is of the block, also one of another connection."""
    return isinstance(error, exc.DBAPIError | exc.TimeoutError)


def _translated(error: Exception, limit: asyncio.Timeout) -> Exception:
    if limit.expired():
        return DatabaseUnavailableError("A transaction took too long, and was rolled back.")
    return failures.translated(error) if _is_of_the_database(error) else error


def _outcome(error: BaseException, limit: asyncio.Timeout) -> str:
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    if limit.expired() or failures.sqlstate(error) == failures.QUERY_CANCELED:
        return "timed_out"
    if isinstance(error, DatabaseUnavailableError):
        return "failed"
    failed = _is_of_the_database(error) and (failures.is_unavailable(error) or failures.retry_reason(error))
    return "failed" if failed else "rolled_back"


async def _closed(session: AsyncSession) -> None:
    """Close a session also when its task is cancelled meanwhile. Its own errors concern a connection that is gone."""
    if not session.in_transaction():  # after a commit it has no connection: there is nothing to wait for
        session.sync_session.close()
        return
    try:
        await asyncio.shield(asyncio.ensure_future(session.close()))
    except Exception as error:
        if not failures.is_unavailable(error):
            raise
