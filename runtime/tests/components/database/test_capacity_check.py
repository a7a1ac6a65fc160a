"""The comparison of the pools with a real server."""

from collections.abc import Iterator

import pytest

from firstlight import REGISTRY
from firstlight.components.database.capacity_check import compare, limits_of
from firstlight.testing.postgresql import PostgresqlServer

from .databases import capture_logs, opened

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    """A server with 20 connections, 3 of them for superusers, and a role that may open 5 of them."""
    with PostgresqlServer(max_connections=20) as server:
        server.sql("CREATE ROLE limited LOGIN CONNECTION LIMIT 5")
        yield server


@pytest.mark.parametrize(("instances", "exceeded"), [(1, False), (2, True)])
async def test_pools_are_compared_with_the_server(server: PostgresqlServer, instances: int, *, exceeded: bool) -> None:
    """One event with the numbers and what to change; two metrics in any case."""
    async with opened(server.url(), create=False, pool_size=10, instances=instances) as database:
        with capture_logs() as events:
            await compare([database.primary], database.settings)

    assert REGISTRY.get_sample_value("database_server_connections_max", {"server": "primary"}) == 17
    assert REGISTRY.get_sample_value("database_pools_connections_max", {"server": "primary"}) == 10 * instances + 1
    assert [event["event"] for event in events] == ["database.pools_exceeded_server"] * exceeded
    if exceeded:
        assert events[0]["reason"] == (
            "2 x 10 connections and 1 of `migrate` are 21, more than the 17 that the server has "
            "(max_connections 20 less 3 reserved): set DATABASE_POOL_SIZE to 8, or raise max_connections of the server "
            "by 4."
        )


async def test_the_limit_of_a_role_counts(server: PostgresqlServer) -> None:
    """It is often lower than that of the server."""
    url = server.url().replace("postgres@", "limited@")
    async with opened(url, create=False) as database:
        limits = await limits_of(database.primary.connect)

    assert limits == (20, 3, -1, 5)


async def test_sqlite_has_no_limit() -> None:
    """Nothing is asked, and nothing is exported."""
    async with opened("sqlite:///nowhere/database.sqlite3", create=False) as database:
        with capture_logs() as events:
            await compare([database.primary], database.settings)

    assert events == []
