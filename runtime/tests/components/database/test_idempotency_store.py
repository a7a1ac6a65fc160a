"""Idempotency keys in the database: one record per name, in the transaction of the handler."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select, update

from firstlight.components.database import Database
from firstlight.components.database.idempotency import DatabaseStore, idempotency_table
from firstlight.idempotency import Completion, FullError, Limits, Name, Record, StoredResponse

from .stores import create_tables, opened

METADATA = MetaData()
KEYS = idempotency_table(METADATA)
PARCELS = Table("parcels", METADATA, Column("id", Integer, primary_key=True))
ANN, BOB = Name("name:ann", "1"), Name("name:b\0b\ud800", "1")
CREATED = StoredResponse(201, ((b"location", b"/1"), (b"x-name", b"\xe9")), b"{}\0")
Test = Callable[[Database, DatabaseStore], Awaitable[None]]


@pytest.fixture
def url(url: str) -> str:
    """A database with the tables."""
    create_tables(url, METADATA)
    return url


def run(url: str, test: Test, limits: Limits | None = None) -> None:
    """Run a test with a store."""

    async def main() -> None:
        async with opened(url, statement_seconds=2) as database:
            await test(database, DatabaseStore(database, limits or Limits()))

    asyncio.run(main())


def token(found: str | Record) -> str:
    """The token of a reservation."""
    assert isinstance(found, str)
    return found


async def stored(store: DatabaseStore, name: Name, response: StoredResponse = CREATED, seconds: float = 10) -> None:
    """Reserve a name and store a response."""
    async with store.transaction() as records:
        reserved = token(await records.reserve(name, b"a", 600))
        assert await records.complete(name, reserved, response, seconds) is Completion.STORED


async def found(store: DatabaseStore, name: Name) -> str | Record:
    """What a request finds that then fails."""
    async with store.transaction() as records:
        answer = await records.reserve(name, b"b", 600)
        if isinstance(answer, str):
            await records.release(name, answer)
        return answer


async def aged(database: Database, seconds: float) -> None:
    """Let all records become older."""
    async with database.transaction() as session:
        await session.execute(update(KEYS).values(expires=KEYS.c.expires - seconds))


async def count(database: Database, table: Table) -> int:
    """The number of rows."""
    async with database.transaction() as session:
        return int((await session.execute(select(func.count()).select_from(table))).scalar_one())


async def write(database: Database) -> None:
    """Do what a handler does."""
    async with database.transaction() as session:
        await session.execute(insert(PARCELS).values())


def test_a_response_is_stored_until_it_expires(url: str) -> None:
    """For its caller only, whatever bytes it has."""

    async def test(database: Database, store: DatabaseStore) -> None:
        await stored(store, ANN)
        assert await found(store, ANN) == Record(b"a", CREATED)
        await stored(store, BOB)
        await aged(database, 9)
        assert await found(store, ANN) == Record(b"a", CREATED)
        await aged(database, 2)
        await stored(store, ANN, StoredResponse(200, (), None))
        assert await found(store, ANN) == Record(b"a", StoredResponse(200, (), None))

    run(url, test)


def test_what_the_handler_writes_is_committed_with_its_response(url: str) -> None:
    """Its own transaction is a savepoint. What comes after the response is a transaction of its own."""

    async def test(database: Database, store: DatabaseStore) -> None:
        async with store.transaction() as records:
            reserved = token(await records.reserve(ANN, b"a", 600))
            await write(database)
            await records.complete(ANN, reserved, CREATED, 10)
            assert await count(database, PARCELS) == 1
            await write(database)
            assert await count(database, PARCELS) == 2

    run(url, test)


@pytest.mark.parametrize("end", ["release", "raise", "cancel", "disconnect"])
def test_what_does_not_end_well_leaves_nothing(url: str, end: str) -> None:
    """Neither a record nor what the handler has written; the next request runs."""

    async def request(database: Database, store: DatabaseStore) -> None:
        async with store.transaction() as records:
            reserved = token(await records.reserve(ANN, b"a", 600))
            await write(database)
            if end == "release":
                await records.release(ANN, reserved)
                return
            if end == "cancel":
                raise asyncio.CancelledError
            if end == "disconnect":  # as the kernel does when the process is killed
                async with database.transaction() as session:
                    connection = await (await session.connection()).get_raw_connection()
                    driver = connection.driver_connection
                    assert driver is not None
                    await (driver.close() if database.primary.dialect_name == "sqlite" else _aborted(driver))
            raise LookupError

    async def test(database: Database, store: DatabaseStore) -> None:
        await asyncio.gather(asyncio.create_task(request(database, store)), return_exceptions=True)
        assert (await count(database, PARCELS), await count(database, KEYS)) == (0, 0)
        await stored(store, ANN)

    run(url, test)


async def _aborted(driver: object) -> None:
    driver.terminate()  # type: ignore[attr-defined] # of asyncpg


def test_only_the_owner_ends_a_reservation(url: str) -> None:
    """An old token changes nothing, and neither does one that has been used."""

    async def test(_: Database, store: DatabaseStore) -> None:
        async with store.transaction() as records:
            assert await records.complete(ANN, "1", CREATED, 10) is Completion.EXPIRED
            reserved = token(await records.reserve(ANN, b"a", 600))
            await records.release(ANN, "1")
            assert await records.complete(BOB, reserved, CREATED, 10) is Completion.EXPIRED
            assert await records.complete(ANN, reserved, CREATED, 10) is Completion.STORED
            await records.release(ANN, reserved)
        assert await found(store, ANN) == Record(b"a", CREATED)

    run(url, test)


def test_the_same_process_knows_what_runs(url: str) -> None:
    """With its fingerprint, so that another request is told from a repeated one."""

    async def test(_: Database, store: DatabaseStore) -> None:
        async with store.transaction() as records:
            reserved = token(await records.reserve(ANN, b"a", 600))
            assert await asyncio.create_task(found(store, ANN)) == Record(b"a", None)
            await records.complete(ANN, reserved, CREATED, 10)
            assert await asyncio.create_task(found(store, ANN)) == Record(b"a", CREATED)

    run(url, test)


def test_the_limits_count_for_all_instances(url: str) -> None:
    """From one count to the next. What is stored stays, and expiry makes space."""
    limits = Limits(keys=4, caller_share=0.5)

    async def refused(store: DatabaseStore, name: Name) -> bool:
        with pytest.raises(FullError) as error:
            await found(store, name)
        assert 0 < error.value.seconds <= 10
        return error.value.for_all

    async def test(database: Database, store: DatabaseStore) -> None:
        other = DatabaseStore(database, limits)
        for key in ("1", "2"):
            await stored(other, Name("a", key))
        await store.remove_expired()
        assert store.keys == 2
        assert store.bytes > 2 * len(CREATED.body or b"")
        assert not await refused(store, Name("a", "3"))
        assert await found(store, Name("a", "1")) == Record(b"a", CREATED)
        for key in ("1", "2"):
            await stored(store, Name("b", key))
        await store.remove_expired()
        assert await refused(store, Name("c", "1"))
        await aged(database, 10)
        await store.remove_expired()
        assert (store.keys, store.bytes, await count(database, KEYS)) == (0, 0, 0)
        token(await found(store, Name("c", "1")))

    run(url, test, limits)


def test_more_than_a_batch_is_removed(url: str) -> None:
    """In one run of the background task."""

    async def test(database: Database, store: DatabaseStore) -> None:
        row = {"caller": b"1", "fingerprint": b"", "status": 200, "size": 1, "expires": 0.0}
        async with database.transaction() as session:
            await session.execute(insert(KEYS), [{**row, "key": str(number)} for number in range(2500)])
        await stored(store, ANN)
        await store.remove_expired()
        assert await count(database, KEYS) == store.keys == 1

    run(url, test)


def test_another_process_does_not_wait_for_the_first_request(postgresql_url: str) -> None:
    """It is told at once that one runs; when its connection is lost, the next one runs."""
    create_tables(postgresql_url, METADATA)

    async def lost(store: DatabaseStore) -> None:
        async with opened(postgresql_url) as other, DatabaseStore(other, Limits()).transaction() as records:
            token(await records.reserve(ANN, b"a", 600))
            assert await asyncio.wait_for(asyncio.create_task(found(store, ANN)), 1) == Record(b"b", None)
            raise LookupError

    async def test(database: Database, store: DatabaseStore) -> None:
        with pytest.raises(LookupError):
            await lost(store)
        await stored(store, ANN)
        assert await count(database, KEYS) == 1

    run(postgresql_url, test)


def test_many_requests_with_one_key_run_once(postgresql_url: str) -> None:
    """Of twenty at once, in several processes, one writes; the others are refused or get its response."""
    create_tables(postgresql_url, METADATA)

    async def request(database: Database, store: DatabaseStore) -> str:
        async with store.transaction() as records:
            answer = await records.reserve(ANN, b"a", 600)
            if isinstance(answer, Record):
                return "replayed" if answer.response else "refused"
            await write(database)
            await records.complete(ANN, answer, CREATED, 10)
            return "ran"

    async def test(database: Database, _: DatabaseStore) -> None:
        requests = [request(database, DatabaseStore(database, Limits())) for _ in range(20)]
        outcomes = await asyncio.gather(*(asyncio.create_task(each) for each in requests))
        assert outcomes.count("ran") == 1
        assert await count(database, PARCELS) == 1

    run(postgresql_url, test)
