"""Reads on replicas of a real server: balanced, moved when a replica is lost, and true after a write."""

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Integer, bindparam, column, func, select, text

from firstlight.components.database import Database, Read
from firstlight.testing.postgresql import PostgresqlReplica, PostgresqlServer

from .databases import ACCOUNTS, METADATA, capture_logs
from .replicated import BALANCE, Cluster, is_cut, lag, port, ports, reading, replicated, request, until, usable
from .stalling_proxy import StallingProxy

pytestmark = pytest.mark.anyio

SLOW = Read(
    select(func.inet_server_port(type_=Integer).label("port"), func.pg_sleep(bindparam("seconds")).label("slept"))
    .select_from(ACCOUNTS)
    .where(ACCOUNTS.c.name == "alice")
)


@pytest.fixture(scope="module")
def cluster(postgresql: PostgresqlServer) -> Iterator[Cluster]:
    """The server of all tests, and two replicas of it."""
    with PostgresqlReplica(postgresql, max_standby_streaming_delay=0) as first, PostgresqlReplica(postgresql) as second:
        yield Cluster(postgresql, (first, second))


async def test_reads_of_a_request_use_all_replicas(cluster: Cluster) -> None:
    """Those outside of a request do not: nobody knows what was written before."""
    async with replicated(cluster) as database:
        assert await ports(database) == cluster.ports
        assert await port(database) == cluster.primary.port


async def test_a_request_reads_what_it_has_written(cluster: Cluster) -> None:
    """After a write, also one of a task that it started, the primary answers. The next request is another one."""

    async def write(database: Database) -> None:
        async with database.transaction() as session:
            await session.execute(ACCOUNTS.update().values(balance=2))

    async with replicated(cluster) as database:
        with request():
            before = await port(database)
            await asyncio.create_task(write(database))
            row = await database.read_one(BALANCE, name="alice")

        assert before in cluster.ports
        assert row is not None
        assert (row.port, row.balance) == (cluster.primary.port, 2)
        assert await ports(database) == cluster.ports


async def test_no_read_fails_when_a_replica_is_killed(cluster: Cluster) -> None:
    """The other one answers. After its return it is used again within two seconds. One event for each."""
    killed, other = cluster.replicas
    async with replicated(cluster) as database, reading(database) as readers:
        await readers.more()
        with capture_logs() as events:
            killed.kill()
            await until(lambda: usable("replica_0") == 0)
            during = await readers.more()
            killed.start()
            seconds = await until(lambda: usable("replica_0"))
            after = await readers.more()

        assert readers.failures == []
        assert during == {other.port}
        assert seconds < 2
        assert after == cluster.ports
        names = [event["event"] for event in events if event.get("server") == "replica_0"]
        assert names == ["database.replica_lost", "database.replica_returned"]


async def test_the_primary_answers_without_replicas_and_they_without_it(cluster: Cluster) -> None:
    """All replicas stopped, then all started and the primary stopped: no read of a request fails."""
    async with replicated(cluster) as database, reading(database) as readers:
        for replica in cluster.replicas:
            replica.stop()
        await until(lambda: usable("replica_0") == usable("replica_1") == 0)
        without = await readers.more()
        for replica in cluster.replicas:
            replica.start()
        await until(lambda: usable("replica_0") == usable("replica_1") == 1)
        cluster.primary.stop()
        try:
            alone = await readers.more()
            lags = lag("replica_0"), lag("replica_1")
        finally:
            cluster.primary.start()

        assert readers.failures == []
        assert without == {cluster.primary.port}
        assert alone == cluster.ports
        assert lags == (None, None)


async def test_a_replica_that_is_cut_from_its_primary_falls_behind(cluster: Cluster) -> None:
    """It answers, and is not used: its lag grows with every second. An idle primary is no lag."""
    cut, other = cluster.replicas
    async with replicated(cluster, replica_lag_seconds=0.6) as database:
        await until(lambda: lag("replica_0") == lag("replica_1") == 0)
        cut.cut()
        await until(partial(is_cut, cut))
        idle = await ports(database)
        cluster.primary.sql("CREATE TABLE written (id int)", "postgres")
        with capture_logs() as events:
            await until(lambda: usable("replica_0") == 0)
        behind, during = lag("replica_0"), await ports(database)
        await until(lambda: (lag("replica_0") or 0) > (behind or 0) + 0.4)
        cut.connect()
        await until(lambda: usable("replica_0"))

        assert idle == cluster.ports
        assert during == {other.port}
        assert behind is not None
        assert 0.6 < behind < 5
        names = [event["event"] for event in events if event.get("server") == "replica_0"]
        assert names == ["database.replica_lost", "database.replica_returned"]
        assert "behind its primary; the limit is 0.6 s" in events[0]["reason"]
        assert lag("replica_0") == pytest.approx(0, abs=0.3)
        cluster.primary.sql("DROP TABLE written", "postgres")


async def test_a_table_that_a_replica_lacks_is_read_on_the_primary(cluster: Cluster) -> None:
    """A release can begin before its migration was replayed everywhere."""
    async with replicated(cluster) as database:
        for replica in cluster.replicas:
            replica.cut()
            await until(partial(is_cut, replica))
        async with database.primary.engine.begin() as connection:
            await connection.execute(text("ALTER TABLE accounts RENAME TO moved"))
            await connection.run_sync(METADATA.create_all)
            await connection.execute(text("INSERT INTO accounts VALUES ('bob', 7)"))
            await connection.execute(text("ALTER TABLE accounts ADD COLUMN owner text"))
        owner: Read[Any] = Read(select(column("owner")).select_from(ACCOUNTS))
        with request():
            rows = await database.read(owner)
        for replica in cluster.replicas:
            replica.connect()

        assert rows == [(None,)]
        assert usable("replica_0") == usable("replica_1") == 1


async def test_a_read_that_the_replay_cancels_is_answered_by_the_primary(cluster: Cluster) -> None:
    """The first replica replays a lock at once, and cancels the read. It is not lost by that."""
    cancelling = cluster.replicas[0]
    async with replicated(cluster) as database:
        while await ports(database, 1) != {cluster.replicas[1].port}:
            pass  # the next turn is that of the first replica
        with request():
            read = asyncio.create_task(database.read_one(SLOW, seconds=1.5))
            sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
            await until(lambda: cancelling.sql(sleeping) == "1")
            cluster.primary.sql("ALTER TABLE accounts ADD COLUMN kind text", str(database.primary.url.database))
            row = await read

        assert row is not None
        assert row.port == cluster.primary.port
        assert usable("replica_0") == 1


async def test_reads_leave_a_replica_that_does_not_answer(cluster: Cluster) -> None:
    """Its connections stay open, and nothing comes. Reads that wait for it are moved when the watch has seen that."""
    async with (
        StallingProxy(cluster.replicas[0].port) as proxy,
        replicated(cluster, {cluster.replicas[0].port: proxy.port}) as database,
        reading(database) as readers,
    ):
        await readers.more()
        proxy.stall()
        stalled = await until(lambda: usable("replica_0") == 0)
        during = await readers.more()
        proxy.go_on()
        await until(lambda: usable("replica_0"))
        after = await readers.more()

        assert stalled < 2
        assert readers.failures == []
        assert during == {cluster.replicas[1].port}
        assert after == cluster.ports
