"""The database of a service: transactions on its primary, reads without a transaction."""

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, TypeVar, TypeVarTuple

import structlog
from sqlalchemy import Row as SelectedRow
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from ...balancing import ALGORITHMS
from . import failures, request_statements
from .execution import fetched, raise_reported, selected
from .failures import DatabaseUnavailableError
from .metrics import RETRIES
from .reads import Read, Row
from .replicas import NoReplicaError, Replicas
from .schema import Schema
from .servers import Server
from .settings import DatabaseSettings
from .transactions import Transactions
from .watch import Watch

log = structlog.get_logger()

ResultT = TypeVar("ResultT")
Columns = TypeVarTuple("Columns")
FIRST_PAUSE_SECONDS = 0.02  # before the second attempt of a transaction; doubled before each later one


class Database:
    """The resource of the component. `DATABASE.of(request)` returns it."""

    def __init__(
        self, settings: DatabaseSettings, primary: Server, replicas: Sequence[Server] = (), schema: Schema | None = None
    ) -> None:
        """Nothing is connected yet."""
        self.settings, self.primary, self.replicas = settings, primary, replicas
        self._balanced = Replicas(replicas, ALGORITHMS[settings.balancing](), raise_reported)
        self.watch = Watch(primary, self._balanced.all, settings.replica_lag_seconds)
        self.schema = schema
        self._transactions = Transactions(primary, settings.transaction_seconds)

    def transaction(self, *, seconds: float | None = None) -> AbstractAsyncContextManager[AsyncSession]:
        """A session whose changes are committed when the block ends, and rolled back when it raises or is cancelled.

        Inside another transaction of the same task it is a savepoint. The block has `DATABASE_TRANSACTION_SECONDS`, or
        `seconds`. Return a response only after the block: then a client never reads of a change that was not committed.
        Raises `DatabaseUnavailableError` (503) where the database is the cause, and `ValueError` for `seconds`
        that are not above 0 and finite.
        """
        if seconds is not None and not 0 < seconds < math.inf:
            msg = f"a transaction needs a limit above 0 s and below infinity, not {seconds}"
            raise ValueError(msg)
        return self._transactions.begin(seconds)

    async def retried(self, work: Callable[[AsyncSession], Awaitable[ResultT]]) -> ResultT:
        """The result of `work(session)` in a transaction of its own, with `DATABASE_ATTEMPTS` attempts in all.

        Only serialization failures and deadlocks are tried again: the server has rolled back, so `work` must not have
        any other effect. Inside another transaction there is one attempt, because the outer one is lost as well.
        Raises `DatabaseUnavailableError` (503) after the last attempt.
        """
        attempts, attempt = 1 if self._transactions.session is not None else self.settings.attempts, 1
        while True:
            try:
                async with self._transactions.begin(retryable=True) as session:
                    return await work(session)
            except Exception as error:
                reason = failures.retry_reason(error)
                if reason is None or isinstance(error, DatabaseUnavailableError):
                    raise
                if attempt == attempts:
                    msg = "Others change the same data at the same time."
                    raise DatabaseUnavailableError(msg) from error
                RETRIES.labels(reason).inc()
                log.info("database.transaction_retried", reason=reason, attempt=attempt)
            await asyncio.sleep(FIRST_PAUSE_SECONDS * 2**attempt * random.random())  # noqa: S311 - no secret
            attempt += 1

    async def read(self, read: Read[*Columns], **parameters: Any) -> list[Row[*Columns]]:
        """The rows of a select, without a transaction. Inside `transaction()` it sees the changes of that transaction.

        Raises `DatabaseUnavailableError` (503) where the database is the cause, `TypeError` for a missing or an unknown
        parameter.
        """
        session = self._transactions.session
        if session is not None:
            read.compiled(self.primary.engine.dialect).verify(parameters)
            result = await session.execute(read.statement, parameters)
            return [read.row(tuple(row)) for row in result]
        return await self._anywhere(lambda server: fetched(server, read, parameters))

    async def read_one(self, read: Read[*Columns], **parameters: Any) -> Row[*Columns] | None:
        """The first row, or None. Raises what `read` raises."""
        rows = await self.read(read, **parameters)
        return rows[0] if rows else None

    async def select(self, statement: Select[*Columns]) -> Sequence[SelectedRow[*Columns]]:
        """The rows of a select that is made for this call, such as that of a list with filters. Otherwise as `read`."""
        session = self._transactions.session
        if session is not None:
            return (await session.execute(statement)).all()
        return await self._anywhere(lambda server: selected(server, statement))

    async def _anywhere(self, run: Callable[[Server], Awaitable[ResultT]]) -> ResultT:
        """The result of a read on a replica, else on the primary: there twice, if a connection is lost."""
        if self.replicas and request_statements.has_only_read():
            with suppress(NoReplicaError):
                return await self._balanced.run(run)
        try:
            return await run(self.primary)
        except Exception as error:  # noqa: BLE001 - `raise_reported` raises
            if not failures.is_lost(error):
                raise_reported(self.primary, error)
        try:
            return await run(self.primary)
        except Exception as error:  # noqa: BLE001 - `raise_reported` raises
            raise_reported(self.primary, error)

    async def ping(self) -> None:
        """Ask the primary for nothing. Raises the error of the driver, which says more than that of a request."""
        failed: BaseException | None = None
        try:
            async with self.primary.engine.connect() as connection:
                await connection.exec_driver_sql("SELECT 1")
        except DatabaseUnavailableError as error:
            failed = error.__cause__ or error
        if failed is not None:  # here it does not have the error for clients as its context
            raise failed

    async def close(self) -> None:
        """Close all connections."""
        self.watch.close()
        for server in (self.primary, *self.replicas):
            await server.close()
