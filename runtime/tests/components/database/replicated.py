"""A primary with two replicas, and clients that read from them."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from typing import Any, NamedTuple

from sqlalchemy import Integer, bindparam, func, insert, select

from firstlight import REGISTRY
from firstlight.components.database import Database, DatabaseUnavailableError, Read
from firstlight.components.database.request_statements import CURRENT, RequestStatements
from firstlight.testing.postgresql import PostgresqlReplica, PostgresqlServer

from .databases import ACCOUNTS, opened

BALANCE = Read(
    select(func.inet_server_port(type_=Integer).label("port"), ACCOUNTS.c.balance).where(
        ACCOUNTS.c.name == bindparam("name")
    )
)
READERS, WATCH_SECONDS, WAIT_SECONDS = 8, 0.2, 20.0
NAMES = count(1)


class Cluster(NamedTuple):
    """A primary and two replicas."""

    primary: PostgresqlServer
    replicas: tuple[PostgresqlReplica, PostgresqlReplica]

    @property
    def ports(self) -> set[int]:
        """Those of the replicas."""
        return {replica.port for replica in self.replicas}

    def is_caught_up(self) -> bool:
        """Whether the replicas have what the primary has written."""
        position = self.primary.sql("SELECT pg_current_wal_flush_lsn()")
        return all(each.sql(f"SELECT pg_last_wal_replay_lsn() >= '{position}'") == "t" for each in self.replicas)


@asynccontextmanager
async def replicated(
    cluster: Cluster, proxies: Mapping[int, int] | None = None, **settings: Any
) -> AsyncIterator[Database]:
    """A database with alice's account on all servers, and watched replicas. `proxies` are ports before others."""
    name = f"replicated_{next(NAMES)}"
    url = cluster.primary.create_database(name)
    replicas = [replica.url(name) for replica in cluster.replicas]
    for behind, before in (proxies or {}).items():
        replicas = [each.replace(f":{behind}/", f":{before}/") for each in replicas]
    async with opened(url, replica_urls=replicas, **settings) as database:
        async with database.transaction() as session:
            await session.execute(insert(ACCOUNTS).values(name="alice", balance=1))
        await until(cluster.is_caught_up)
        watching = asyncio.create_task(_watch(database))
        yield database
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _watch(database: Database) -> None:
    while True:
        await database.watch.look()
        await asyncio.sleep(WATCH_SECONDS)


def is_cut(replica: PostgresqlReplica) -> bool:
    """Whether it receives nothing from its primary."""
    return replica.sql("SELECT count(*) FROM pg_stat_wal_receiver") == "0"


async def until(condition: Callable[[], Any]) -> float:
    """Wait until it holds. Returns the seconds that it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < WAIT_SECONDS
        await asyncio.sleep(0.01)
    return time.monotonic() - began


@contextmanager
def request() -> Iterator[None]:
    """Where the middleware of the component has noted that a request began."""
    token = CURRENT.set(RequestStatements())
    yield
    CURRENT.reset(token)


async def port(database: Database) -> int:
    """The port of the server that answers the next read."""
    row = await database.read_one(BALANCE, name="alice")
    assert row is not None
    return int(row.port)


async def ports(database: Database, reads: int = 4) -> set[int]:
    """The servers that answer the next reads of a request."""
    with request():
        return {await port(database) for _ in range(reads)}


def usable(server: str) -> float | None:
    """The metric."""
    return REGISTRY.get_sample_value("database_replica_usable", {"server": server})


def lag(server: str) -> float | None:
    """The metric."""
    return REGISTRY.get_sample_value("database_replica_lag_seconds", {"server": server})


class Readers:
    """Clients that read without a pause, each read a request of its own."""

    def __init__(self, database: Database) -> None:
        """Of a database."""
        self.answers: Counter[int] = Counter()
        self.failures: list[Exception] = []
        self._turns = [0] * READERS
        self._database = database

    async def run(self) -> None:
        """Read until it is cancelled."""
        async with asyncio.TaskGroup() as readers:
            for number in range(READERS):
                readers.create_task(self._read(number))

    async def _read(self, number: int) -> None:
        while True:
            self._turns[number] += 1
            try:
                with request():
                    self.answers[await port(self._database)] += 1
            except DatabaseUnavailableError as error:
                self.failures.append(error)

    async def more(self, reads: int = 200) -> set[int]:
        """The servers that answer the reads that begin from now on."""
        turns = list(self._turns)
        await until(lambda: all(now > then for now, then in zip(self._turns, turns, strict=True)))
        before = self.answers.copy()
        await until(lambda: self.answers.total() >= before.total() + reads)
        return set(self.answers - before)


@asynccontextmanager
async def reading(database: Database) -> AsyncIterator[Readers]:
    """Readers beside the block."""
    readers = Readers(database)
    task = asyncio.create_task(readers.run())
    yield readers
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
