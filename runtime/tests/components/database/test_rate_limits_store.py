"""Rate limits in the database: exact between processes, all or nothing, and quick to fail."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence

import pytest
from sqlalchemy import MetaData, func, select, update

from firstlight.components.database import Database, DatabaseUnavailableError
from firstlight.components.database.rate_limits import DatabaseStore, rate_limit_table
from firstlight.components.database.rate_limits.component import remove_all
from firstlight.components.database.rate_limits.policies import Policy, parse
from firstlight.components.database.rate_limits.store import REST_SECONDS, TAKE_SECONDS
from firstlight.rate_limits import Claim, Limit, MemoryStore
from firstlight.testing.postgresql import PostgresqlServer

from .stores import create_tables, opened

METADATA = MetaData()
STATES = rate_limit_table(METADATA)
ALGORITHMS = ("token_bucket", "leaky_bucket", "fixed_window", "sliding_window")
Test = Callable[[Database], Awaitable[None]]


@pytest.fixture
def url(url: str) -> str:
    """A database with the table."""
    create_tables(url, METADATA)
    return url


def run(url: str, test: Test, **settings: object) -> None:
    """Run a test with the database."""

    async def main() -> None:
        async with opened(url, **settings) as database:
            await test(database)

    asyncio.run(main())


def limit(name: str = "by_address", **fields: object) -> Limit:
    """Ten an hour, unless `fields` say something else."""
    return Limit(**{"name": name, "rate": "10/hour", **fields})  # type: ignore[arg-type] # what the test needs


async def passed(store: DatabaseStore, claims: Sequence[Claim]) -> bool:
    """Whether a request passes."""
    return not any(wait for wait, *_ in await store.take(claims))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_algorithms_are_those_of_the_process(url: str, algorithm: str) -> None:
    """The same standings as in memory, up to the time that passes between two requests."""
    policy = limit(algorithm=algorithm)

    async def test(database: Database) -> None:
        store, memory = DatabaseStore(database, [policy]), MemoryStore([policy])
        for cost in (1, 3, 4, 1, 1, 1) if algorithm != "leaky_bucket" else (1, 1):
            [ours], [other] = await store.take([(policy, "a", cost)]), memory.take([(policy, "a", cost)])
            assert (ours[0] > 0, ours[1]) == (other[0] > 0, other[1])
            # A sliding window counts in slots, which begin at different moments.
            assert ours[2] == pytest.approx(other[2], abs=130e9 if algorithm == "sliding_window" else 5e9)

    run(url, test)


def test_all_or_nothing(url: str) -> None:
    """A request that one limit refuses uses up nothing of the others; keys and limits do not share counters."""
    wide, narrow = limit("wide"), limit("narrow", rate="1/hour")

    async def test(database: Database) -> None:
        store = DatabaseStore(database, [wide, narrow])
        key = "a\0\ud800"
        assert await passed(store, [(wide, key, 1), (narrow, key, 1)])
        assert not await passed(store, [(wide, key, 1), (narrow, key, 1)])
        assert await passed(store, [(narrow, "b", 1)])
        assert (await store.take([(wide, key, 1)]))[0][1] == 8

    run(url, test)


def test_requests_at_once_share_a_transaction(url: str) -> None:
    """The limit holds within it, and one connection is enough."""
    policy = limit()

    async def test(database: Database) -> None:
        store = DatabaseStore(database, [policy])
        answers = await asyncio.gather(*(passed(store, [(policy, "a", 1)]) for _ in range(150)))
        assert answers == [True] * 10 + [False] * 140

    run(url, test, pool_size=1)


def test_a_changed_limit_begins_again(url: str) -> None:
    """A state of another algorithm could not be read."""
    before, after = limit(), limit(algorithm="sliding_window")

    async def test(database: Database) -> None:
        store = DatabaseStore(database, [before])
        while await passed(store, [(before, "a", 1)]):
            pass
        assert await passed(DatabaseStore(database, [after]), [(after, "a", 1)])

    run(url, test)


@pytest.mark.parametrize(("seconds", "passes"), [(60, False), (7200, True)])
def test_a_clock_that_is_set_back(url: str, seconds: int, *, passes: bool) -> None:
    """The time of a key stands still for as long as a state lasts; a state from later has no meaning."""
    policy = limit(algorithm="sliding_window")

    async def test(database: Database) -> None:
        store = DatabaseStore(database, [policy])
        while await passed(store, [(policy, "a", 1)]):
            pass
        async with database.transaction() as session:
            kept = parse((await session.execute(select(STATES.c.state))).scalar_one())
            assert kept is not None
            slot, counts = kept.state
            later = [kept.seen + seconds * 10**9, [slot + seconds // 120, counts]]
            await session.execute(update(STATES).values(state=json.dumps(later)))
        assert await passed(store, [(policy, "a", 1)]) is passes

    run(url, test)


def test_expired_states_are_removed(url: str) -> None:
    """Those that still count stay."""
    policies = [limit(), limit("of_a_second", rate="10/second")]

    async def test(database: Database) -> None:
        store = DatabaseStore(database, policies)
        for policy in policies:
            await store.take([(policy, "a", 1)])
        async with database.transaction() as session:
            await session.execute(update(STATES).values(expires=STATES.c.expires - 2))
        await remove_all(database)
        async with database.transaction() as session:
            assert (await session.execute(select(STATES.c.policy))).scalars().all() == ["by_address"]

    run(url, test)


def test_many_instances_never_allow_more_than_the_limit(postgresql_url: str) -> None:
    """Eight pools take from two limits as fast as they can, in both orders: no deadlock, and nothing too much."""
    create_tables(postgresql_url, METADATA)
    first, second = limit("first", rate="300/hour"), limit("second", rate="300/day")

    async def instance(*claims: Claim) -> list[bool]:
        answers = []
        async with opened(postgresql_url) as database:
            store = DatabaseStore(database, [first, second])
            for _ in range(10):
                answers += await asyncio.gather(*(passed(store, claims) for _ in range(10)))
        return answers

    async def all_instances() -> int:
        claims = [(first, "a", 1), (second, "b", 1)]
        instances = [instance(*claims[:: -1 if number % 2 else 1]) for number in range(8)]
        return sum(sum(answers) for answers in await asyncio.gather(*instances))

    assert asyncio.run(all_instances()) == 300


def test_a_server_that_is_down_costs_no_time(postgresql: PostgresqlServer, postgresql_url: str) -> None:
    """The first request raises, those after it are not asked for a second; then it works again."""
    create_tables(postgresql_url, METADATA)
    policy = limit()
    now = [0.0]

    async def test(database: Database) -> None:
        store = DatabaseStore(database, [policy], clock=lambda: now[0])
        assert await passed(store, [(policy, "a", 1)])
        postgresql.kill()
        try:
            with pytest.raises(Exception, match=r"connection|Connect"):
                await store.take([(policy, "a", 1)])
            with pytest.raises(DatabaseUnavailableError, match="has just failed"):
                await store.take([(policy, "a", 1)])
        finally:
            postgresql.start()
        now[0] += REST_SECONDS
        assert await passed(store, [(policy, "a", 1)])

    run(postgresql_url, test)


def test_a_locked_state_is_not_waited_for(postgresql_url: str) -> None:
    """The request gets its error within the limit of time."""
    create_tables(postgresql_url, METADATA)
    policy = limit()

    async def test(database: Database) -> None:
        store = DatabaseStore(database, [policy])
        await store.take([(policy, "a", 1)])
        async with database.transaction() as session:
            await session.execute(select(STATES).with_for_update())
            began = time.monotonic()
            with pytest.raises(TimeoutError):
                await store.take([(policy, "a", 1)])
            assert time.monotonic() - began < 2 * TAKE_SECONDS
        async with database.transaction() as session:
            assert (await session.execute(select(func.count()).select_from(STATES))).scalar_one() == 1

    run(postgresql_url, test)


def test_the_key_of_a_row_depends_on_the_numbers() -> None:
    """And tells nobody's address."""
    keys = {Policy(limit(**fields)).key_of("192.0.2.1") for fields in ({}, {"burst": 3}, {"rate": "9/hour"})}
    assert len(keys) == 3
    assert {len(key) for key in keys} == {32}
