"""`database.transaction()` and `database.retried()`, on SQLite and PostgreSQL."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession

from firstlight.components.database import Database, DatabaseUnavailableError
from firstlight.metrics.instruments import REGISTRY
from firstlight.problems import InvalidError

from .databases import ACCOUNTS, balance, opened

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

pytestmark = pytest.mark.anyio


def _outcomes() -> Mapping[str, float]:
    """How many transactions have ended, by outcome."""
    samples: list[Sample] = [sample for metric in REGISTRY.collect() for sample in metric.samples]
    return {s.labels["outcome"]: s.value for s in samples if s.name == "database_transactions_total"}


async def _add(session: AsyncSession, name: str, amount: int = 0) -> None:
    await session.execute(insert(ACCOUNTS).values(name=name, balance=amount))


async def _take(database: Database, name: str, amount: int) -> None:
    async with database.transaction() as session:
        await session.execute(
            update(ACCOUNTS).where(ACCOUNTS.c.name == name).values(balance=ACCOUNTS.c.balance - amount)
        )


class DeclinedError(Exception):
    """An error of the block itself."""


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
async def test_a_limit_that_is_none_is_refused(url: str, seconds: float) -> None:
    """NaN would never end, and 0 would look like a database that is down."""
    async with opened(url) as database:
        with pytest.raises(ValueError, match=f"above 0 s and below infinity, not {seconds}"):
            database.transaction(seconds=seconds)


async def test_a_block_that_ends_is_committed(url: str) -> None:
    """A block that ends is committed."""
    async with opened(url) as database:
        before = _outcomes()
        async with database.transaction() as session:
            await _add(session, "alice", 5)

        assert await balance(database, "alice") == 5
        assert _outcomes()["committed"] == before["committed"] + 1


@pytest.mark.parametrize("error", [DeclinedError, ConnectionResetError, TimeoutError])
async def test_an_error_of_the_block_rolls_back_and_passes_unchanged(url: str, error: type[Exception]) -> None:
    """An error of the block rolls back and passes unchanged."""
    async with opened(url) as database:
        before = _outcomes()
        with pytest.raises(error):
            async with database.transaction() as session:
                await _add(session, "alice")
                raise error

        assert await balance(database, "alice") is None
        assert _outcomes()["rolled_back"] == before["rolled_back"] + 1


async def test_a_cancelled_block_is_rolled_back(url: str) -> None:
    """A cancelled block is rolled back."""
    async with opened(url) as database:
        began = asyncio.Event()

        async def work() -> None:
            async with database.transaction() as session:
                await _add(session, "alice")
                began.set()
                await asyncio.Event().wait()

        before, task = _outcomes(), asyncio.create_task(work())
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert await balance(database, "alice") is None
        assert _outcomes()["cancelled"] == before["cancelled"] + 1
        assert database.primary.pool.checkedout() == 0


async def test_a_transaction_in_another_one_is_a_savepoint(url: str) -> None:
    """A transaction in another one is a savepoint."""
    async with opened(url) as database:
        async with database.transaction() as session:
            await _add(session, "alice")
            with pytest.raises(DeclinedError):
                async with database.transaction() as inner:
                    await _add(inner, "bob")
                    raise DeclinedError
            async with database.transaction() as inner:
                await _add(inner, "carol")

        assert [await balance(database, name) for name in ("alice", "bob", "carol")] == [0, None, 0]


async def test_a_task_has_a_transaction_of_its_own(postgresql_url: str) -> None:
    """A task has a transaction of its own."""
    async with opened(postgresql_url) as database:
        with pytest.raises(DeclinedError):
            async with database.transaction() as session:
                await _add(session, "alice")

                async def other() -> None:
                    async with database.transaction() as own:
                        await _add(own, "bob")

                await asyncio.create_task(other())
                raise DeclinedError

        assert [await balance(database, name) for name in ("alice", "bob")] == [None, 0]


async def test_a_session_ends_with_its_block(url: str) -> None:
    """Used later, it would begin a transaction that nobody commits, and keep its connection."""
    async with opened(url, pool_size=1) as database:
        async with database.transaction() as session:
            await _add(session, "alice")
        with pytest.raises(InvalidRequestError, match="closed"):
            await _add(session, "bob")
        with pytest.raises(DeclinedError):
            async with database.transaction() as session:
                raise DeclinedError
        with pytest.raises(InvalidRequestError, match="closed"):
            await _add(session, "bob")

        assert database.primary.pool.checkedout() == 0


async def test_a_read_in_a_transaction_sees_its_changes(url: str) -> None:
    """A read in a transaction sees its changes."""
    async with opened(url) as database, database.transaction() as session:
        await _add(session, "alice", 7)

        assert await balance(database, "alice") == 7


async def test_a_transaction_ends_after_its_time(url: str) -> None:
    """A transaction ends after its time."""
    async with opened(url) as database:
        before = _outcomes()
        with pytest.raises(DatabaseUnavailableError, match="took too long"):
            async with database.transaction(seconds=0.05) as session:
                await _add(session, "alice")
                await asyncio.Event().wait()

        assert await balance(database, "alice") is None
        assert _outcomes()["timed_out"] == before["timed_out"] + 1


async def test_a_violated_constraint_is_the_business_of_the_caller(url: str) -> None:
    """A violated constraint is the business of the caller."""
    async with opened(url) as database:
        async with database.transaction() as session:
            await _add(session, "alice")
        with pytest.raises(IntegrityError):
            async with database.transaction() as session:
                await _add(session, "alice")


async def test_a_wrong_statement_is_no_failure_of_the_database(url: str) -> None:
    """A wrong statement is no failure of the database."""
    async with opened(url) as database:
        with pytest.raises(DBAPIError, match="nowhere"):
            async with database.transaction() as session:
                await session.execute(text("SELECT * FROM nowhere"))


async def test_a_text_that_cannot_be_stored_is_the_clients(postgresql_url: str) -> None:
    """422, whether it is written, looked for, or a part of a list's filter. Nothing is stored."""
    async with opened(postgresql_url) as database:
        with pytest.raises(InvalidError, match="has a character that cannot be stored, such as NUL"):
            async with database.transaction() as session:
                await _add(session, "a\0b")
        with pytest.raises(InvalidError):
            await balance(database, "a\0b")
        with pytest.raises(InvalidError):
            await database.select(select(ACCOUNTS).where(ACCOUNTS.c.name == "a\0b"))

        assert await database.select(select(ACCOUNTS)) == []


async def test_a_deadlock_is_tried_again(postgresql_url: str) -> None:
    """Two transfers lock the same accounts in opposite order, each after the other has its first lock."""
    async with opened(postgresql_url) as database:
        async with database.transaction() as session:
            await _add(session, "alice", 10)
            await _add(session, "bob", 10)
        locked, attempts = [asyncio.Event(), asyncio.Event()], [0, 0]

        async def transfer(number: int, source: str, target: str) -> None:
            async def work(_: AsyncSession) -> None:
                attempts[number] += 1
                await _take(database, source, 1)
                locked[number].set()
                await locked[1 - number].wait()
                await _take(database, target, -1)

            await database.retried(work)

        await asyncio.gather(transfer(0, "alice", "bob"), transfer(1, "bob", "alice"))

        assert [await balance(database, name) for name in ("alice", "bob")] == [10, 10]
        assert sorted(attempts) == [1, 2]


async def test_conflicts_of_serializable_transactions_are_tried_again(postgresql_url: str) -> None:
    """Conflicts of serializable transactions are tried again."""
    async with opened(postgresql_url, attempts=10) as database:
        async with database.transaction() as session:
            await _add(session, "alice")

        async def work(session: AsyncSession) -> None:
            await session.connection(execution_options={"isolation_level": "SERIALIZABLE"})
            (row,) = (await session.execute(ACCOUNTS.select())).all()
            await session.execute(update(ACCOUNTS).values(balance=row.balance + 1))

        await asyncio.gather(*(database.retried(work) for _ in range(5)))

        assert await balance(database, "alice") == 5


async def test_attempts_are_limited(postgresql_url: str) -> None:
    """Attempts are limited."""
    async with opened(postgresql_url, attempts=2) as database:
        attempts = 0

        async def work(session: AsyncSession) -> None:
            nonlocal attempts
            attempts += 1
            await session.execute(text("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$"))

        with pytest.raises(DatabaseUnavailableError, match="Others change the same data"):
            await database.retried(work)

        assert attempts == 2


async def test_other_errors_are_not_tried_again(url: str) -> None:
    """Other errors are not tried again."""
    async with opened(url) as database:
        attempts = 0

        async def work(_: AsyncSession) -> None:
            nonlocal attempts
            attempts += 1
            raise DeclinedError

        with pytest.raises(DeclinedError):
            await database.retried(work)

        assert attempts == 1


async def test_writers_of_sqlite_wait_for_each_other(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Writers of sqlite wait for each other."""
    async with opened(f"sqlite:///{tmp_path_factory.mktemp('writers')}/test.sqlite3") as database:
        async with database.transaction() as session:
            await _add(session, "alice", 20)

        await asyncio.gather(*(_take(database, "alice", 1) for _ in range(20)))

        assert await balance(database, "alice") == 0
