"""A Redis server for the tests of the stores, emptied for each of them."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from redis.asyncio import Redis

from firstlight.components.cache.redis_place import RedisPlace

from .redis_process import MISSING, RedisProcess, find

Opened = Callable[[], AbstractAsyncContextManager[RedisPlace]]


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisProcess]:
    """One server for all tests of this process. Without Redis, tests are skipped; in CI, they fail.

    A test that kills the server must start it again.
    """
    if find() is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with RedisProcess(appendfsync="no") as server:  # it survives the end of the server, not that of the machine
        yield server


@pytest.fixture
def place(redis_server: RedisProcess) -> Opened:
    """A function that opens the empty server, as one instance does."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[RedisPlace]:
        client = Redis.from_url(redis_server.url)
        try:
            yield RedisPlace(client, "acme-links:test")
        finally:
            await client.aclose()

    async def flush() -> None:
        async with opened() as empty:
            await empty.client.flushall()

    asyncio.run(flush())
    return opened
