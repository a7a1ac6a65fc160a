"""Instances and the server are killed while writes are queued and flushed: each accepted write takes effect once.

`LONG=1` kills 50 times in all, otherwise six times. `-rP` shows the figures.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping

import pytest
from sqlalchemy.dialects import postgresql as postgresql_dialect
from sqlalchemy.schema import CreateTable

from firstlight.testing.postgresql import PostgresqlServer
from firstlight.testing.redis import RedisProcess

from ....programs.parcel_office import KEPT, METADATA
from .delivering import Delivering

pytestmark = pytest.mark.anyio
OF_REDIS, OF_THE_DATABASE = (25, 25) if os.environ.get("LONG") else (4, 2)


@pytest.fixture
def durable_server(store_server: RedisProcess) -> Iterator[RedisProcess]:
    """A server that answers a write when it is on the disk."""
    del store_server  # skips or fails without Redis
    with RedisProcess(appendonly="yes", appendfsync="always") as server:
        yield server


async def test_accepted_writes_take_effect_once_in_redis(durable_server: RedisProcess) -> None:
    """Redis has the queue, and what the writes change."""

    def kept() -> Mapping[str, int]:
        words = durable_server.command("HGETALL", KEPT).split()
        return {name: int(times) for name, times in zip(words[::2], words[1::2], strict=True)}

    run = Delivering({"REDIS_URL": durable_server.url(), "DATABASE_URL": ""}, durable_server, kept)
    await run.run(OF_REDIS)
    sys.stdout.write(f"Redis: {run.figures}\n")
    assert run.wrong == {}


async def test_accepted_writes_take_effect_once_in_the_database(postgresql: PostgresqlServer) -> None:
    """PostgreSQL has the queue, and what the writes change. There is no Redis."""
    url = postgresql.create_database("office")
    dialect = postgresql_dialect.dialect()  # type: ignore[no-untyped-call]
    for table in METADATA.sorted_tables:
        postgresql.sql(str(CreateTable(table).compile(dialect=dialect)), "office")

    def kept() -> Mapping[str, int]:
        return Counter(postgresql.sql("SELECT name FROM parcels", "office").splitlines())

    run = Delivering({"DATABASE_URL": url, "REDIS_URL": ""}, postgresql, kept)
    await run.run(OF_THE_DATABASE)
    sys.stdout.write(f"PostgreSQL: {run.figures}\n")
    assert run.wrong == {}
