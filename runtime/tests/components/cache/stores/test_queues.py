"""Queues of writes in a database and in Redis: each write takes effect once, in its order, or is set aside."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from firstlight.components.cache.write_behind.queue import Depth, Flushed
from firstlight.failures import KnownError
from firstlight.problems import UnavailableError
from firstlight.testing.redis import RedisProcess

from ...database.stores import create_tables
from .conftest import Opened
from .queues import METADATA, InRedis, Instance, Start, in_database

pytestmark = pytest.mark.anyio
NUMBERS = count(1)


def entry(name: str, weight: int = 1) -> bytes:
    """A write as the queue takes it."""
    return json.dumps({"name": name, "weight": weight}).encode()


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """A function that starts an instance, with each kind of queue."""
    if request.param == "redis":
        opened: Opened = request.getfixturevalue("opened")

        @asynccontextmanager
        async def in_redis(most: int = 1000) -> AsyncIterator[Instance]:
            async with opened() as server:
                yield InRedis(server, most)

        return in_redis
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/test.sqlite3"
    else:
        url = request.getfixturevalue("postgresql").create_database(f"queues_{next(NUMBERS)}")
    create_tables(url, METADATA)
    return partial(in_database, url)


async def test_writes_take_effect_once(start: Start) -> None:
    """Writes that came together are one entry. What is flushed is gone."""
    async with start() as one, start() as other:
        assert await one.queue.put([entry("a"), entry("b", 2)]) == [True, True]
        assert await other.queue.put([entry("c", 3)]) == [True]
        depth = await one.queue.measure()
        assert (depth.writes, depth.set_aside) == (3, 0)
        assert 0 <= depth.seconds < 5
        assert await one.kept() == {}

        assert await one.queue.flush(1) == Flushed(1, 2, [])
        assert await other.queue.flush(10) == Flushed(1, 1, [])
        assert await one.queue.flush(10) == Flushed(0, 0, ())
        assert await one.kept() == {"a": 1, "b": 2, "c": 3}
        assert await one.queue.measure() == Depth(0, 0.0, 0)


async def test_instances_that_flush_at_once_do_not_repeat_writes(start: Start) -> None:
    """Each entry takes effect in one of them."""
    async with start() as one, start() as other:
        for number in range(40):
            await one.queue.put([entry(f"{number}")])

        async def empty(instance: Instance) -> None:
            while (await instance.queue.measure()).writes:
                await instance.queue.flush(3)

        async with asyncio.timeout(20):
            await asyncio.gather(*(empty(instance) for instance in (one, other, one, other)))

        assert await one.kept() == {f"{number}": 1 for number in range(40)}
        assert await one.times() == 40


async def test_what_cannot_take_effect_is_set_aside(start: Start) -> None:
    """The writes before and after it take effect. It is kept with the reason, and can be put back."""
    broken = b'{"name": "d", "weight": "heavy"}'
    async with start() as one:
        await one.queue.put([entry("a"), entry("nothing", 0), entry("b")])
        await one.queue.put([broken, entry("c")])
        await one.queue.put([b'"no parcel"'])

        flushed = await one.queue.flush(10)

        assert (flushed.entries, flushed.writes) == (3, 3)
        assert sorted("no weight" in reason for reason in flushed.set_aside) == [False, False, True]
        assert await one.kept() == {"a": 1, "b": 1, "c": 1}
        assert (await one.queue.measure())[::2] == (0, 3)
        assert await one.queue.requeue() == 3
        assert (await one.queue.measure())[::2] == (3, 0)
        assert len((await one.queue.flush(10)).set_aside) == 3
        assert await one.times() == 3


async def test_a_full_queue_accepts_nothing(start: Start) -> None:
    """What was set aside counts as well. Nothing is dropped to make place."""
    async with start(3) as one:
        assert await one.queue.put([entry("a", 0), entry("b")]) == [True, True]
        await one.queue.flush(10)
        await one.queue.measure()
        assert await one.queue.put([entry("c"), entry("d"), entry("e")]) == [False] * 3
        assert await one.queue.put([entry("c"), entry("d")]) == [True, True]
        await one.queue.flush(10)
        assert await one.kept() == {"b": 1, "c": 1, "d": 1}


async def test_a_command_that_redis_refuses_sets_its_write_aside(opened: Opened) -> None:
    """The commands before it have taken effect: Redis does not roll back. Those of other writes do as well."""
    async with opened() as server:
        one = InRedis(server, 1000)
        await one.queue.put([entry("a"), entry("twice"), entry("b")])
        flushed = await one.queue.flush(10)
        assert (flushed.writes, len(flushed.set_aside)) == (2, 1)
        assert "WRONGTYPE" in flushed.set_aside[0]
        assert await one.kept() == {"a": 1, "b": 1}


async def test_a_server_that_forgets_is_said(opened: Opened, store_server: RedisProcess) -> None:
    """Without an append-only file, and with a policy that evicts the queue."""
    async with opened() as server:
        (check,) = InRedis(server, 1000).queue.checks()
        await check.probe()
        for name, wrong, right in (("maxmemory-policy", "allkeys-lru", "noeviction"), ("appendonly", "no", "yes")):
            store_server.command("CONFIG", "SET", name, wrong)
            try:
                with pytest.raises(KnownError, match="set"):
                    await check.probe()
            finally:
                store_server.command("CONFIG", "SET", name, right)


async def test_a_full_server_loses_nothing(opened: Opened, store_server: RedisProcess) -> None:
    """It refuses new writes; those in the queue wait or take effect."""
    async with opened() as server:
        one = InRedis(server, 1000)
        await one.queue.put([entry("a"), entry("b")])
        store_server.command("CONFIG", "SET", "maxmemory", 1)
        try:
            with pytest.raises(UnavailableError):
                await one.queue.put([entry("c")])
            await one.queue.flush(10)
        finally:
            store_server.command("CONFIG", "SET", "maxmemory", 0)
        await one.queue.flush(10)
        assert await one.kept() == {"a": 1, "b": 1}
        assert await one.times() == 2
        assert (await one.queue.measure())[::2] == (0, 0)
