"""A Redis server for the tests of the cache."""

import os
from collections.abc import Iterator

import pytest

from firstlight.testing.redis import ABSENT, RedisProcess, find


@pytest.fixture(scope="session")
def redis_process() -> Iterator[RedisProcess]:
    """One server for all tests of this process. Without Redis, tests are skipped; in CI, they fail.

    A test that stops the server, or changes its configuration, must undo that.
    """
    if find() is None:
        if os.environ.get("CI"):
            pytest.fail(ABSENT)
        pytest.skip(ABSENT)
    with RedisProcess() as server:
        yield server


@pytest.fixture
def redis(redis_process: RedisProcess) -> RedisProcess:
    """The server, empty."""
    redis_process.command("FLUSHALL")
    return redis_process


@pytest.fixture
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio."""
    return "asyncio"
