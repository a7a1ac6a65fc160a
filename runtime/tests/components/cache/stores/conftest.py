"""A Redis server for the tests of the stores, emptied for each of them."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from pydantic import SecretStr

from firstlight.components.cache import CacheSettings, RedisServer
from firstlight.testing.postgresql import MISSING, PostgresqlServer
from firstlight.testing.postgresql import find as find_postgresql
from firstlight.testing.redis import ABSENT, RedisProcess, find

Opened = Callable[[], AbstractAsyncContextManager[RedisServer]]


@pytest.fixture(scope="session")
def store_server() -> Iterator[RedisProcess]:
    """One server for all tests of this process. Without Redis, tests are skipped; in CI, they fail.

    A test that kills the server must start it again. Its data survive its end, not that of the machine.
    """
    if find() is None:
        if os.environ.get("CI"):
            pytest.fail(ABSENT)
        pytest.skip(ABSENT)
    with RedisProcess(appendonly="yes", appendfsync="no") as server:
        yield server


@pytest.fixture
def opened(store_server: RedisProcess) -> Opened:
    """A function that opens the empty server, as one instance does."""
    store_server.command("FLUSHALL")

    @asynccontextmanager
    async def connected() -> AsyncIterator[RedisServer]:
        settings = CacheSettings(redis_url=SecretStr(store_server.url()), redis_call_seconds=0.5)
        assert settings.address is not None
        server = RedisServer(settings, settings.address, "acme-links", "test")
        try:
            yield server
        finally:
            await server.close()

    return connected


@pytest.fixture
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """One server for the tests of queues."""
    if find_postgresql() is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with PostgresqlServer() as server:
        yield server
