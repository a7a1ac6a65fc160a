"""Several instances on one server: what one of them changes, the others no longer read."""

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from firstlight.components.cache import Cached, Caches
from firstlight.testing.redis import RedisProcess

from ...fault_proxy import FaultProxy
from .kept import LINKS, Link, Source, link, opened, until

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Addressed(Link):
    """A link as the next release has it."""

    city: str = "Uppsala"


def addressed(link: Link) -> Addressed:
    """The link of the next release."""
    return Addressed(link.slug, link.target, link.owner)


NEW = link("a", "https://new.example")
NAME = "sample:development:cache:links:a"
NEXT = Cached("links", version=2, type=Addressed, ttl=60, jitter=0, tags=LINKS.tags)
BRIEF = Cached("links", version=3, type=Link, ttl=10, jitter=0)
PROGRAM = Path(__file__).parents[2] / "programs" / "missing.py"
PROCESSES, READERS = 4, 250


async def _warm(caches: Caches, source: Source) -> None:
    """Read until memory has the entry."""
    while caches.levels.memory.get(NAME) is None:
        await caches.read(LINKS, "a", source.load("a"))


async def _change(caches: Caches, source: Source, redis: RedisProcess, way: str) -> None:
    """Change the row, and tell the cache in one of the ways."""
    source.rows["a"] = NEW
    match way:
        case "forget":
            await caches.forget(LINKS, "a")
        case "tag":
            await caches.forget_tagged(LINKS, "owner:ann")
        case "pattern":
            await caches.forget_matching(LINKS, "a*")
        case "put":
            await caches.put(LINKS, "a", NEW)
        case "write":
            await caches.write(LINKS, "a", NEW, source.save(NEW))
        case "redis-cli":
            redis.command("DEL", NAME)
        case _:
            redis.command("FLUSHALL")


WAYS = ["forget", "tag", "pattern", "put", "write"]


@pytest.mark.parametrize("way", [*WAYS, "redis-cli"])
async def test_what_one_release_changes_is_forgotten_for_another_one(redis: RedisProcess, way: str) -> None:
    """While two versions of an entry are in use at once, neither reads the other's, nor what the other has changed."""
    source = Source(a=link("a"))

    async def read() -> Addressed:
        found = await source.load("a")()
        assert found is not None
        return addressed(found)

    async with opened(redis.url()) as blue, opened(redis.url()) as green:
        for _ in range(3):
            assert await blue.read(LINKS, "a", source.load("a")) == link("a")
            assert await green.read(NEXT, "a", read) == addressed(link("a"))
        assert source.loads["a"] == 2
        await _change(blue, source, redis, way)
        await until(lambda: green.levels.memory.get(NAME) is None)
        assert await green.read(NEXT, "a", read) == addressed(NEW)
        assert await blue.read(LINKS, "a", source.load("a")) == NEW


async def test_a_load_of_one_release_keeps_nothing_that_another_one_changes(redis: RedisProcess) -> None:
    """It has read the old row."""
    source = Source(a=link("a"))
    source.hold.clear()
    async with opened(redis.url()) as blue, opened(redis.url()) as green:
        load = asyncio.ensure_future(green.read(BRIEF, "a", source.load("a")))
        await source.reached.wait()
        await blue.forget(LINKS, "a")
        source.hold.set()
        assert await load == link("a")
        assert await green.get(BRIEF, "a") is None


async def test_an_entry_ends_in_time_beside_one_of_another_version(redis: RedisProcess) -> None:
    """They share a key, which lasts for as long as the one that ends first."""
    source = Source(a=link("a"))
    async with opened(redis.url()) as blue, opened(redis.url()) as green:
        await green.read(BRIEF, "a", source.load("a"))
        await blue.read(LINKS, "a", source.load("a"))
        assert 0 < int(redis.command("PTTL", NAME)) <= 10_000
        await green.forget(BRIEF, "a")
        await blue.read(LINKS, "a", source.load("a"))
        assert int(redis.command("PTTL", NAME)) > 10_000


@pytest.mark.parametrize("way", WAYS)
async def test_a_load_that_began_before_a_change_of_another_instance_keeps_nothing(
    redis: RedisProcess, way: str
) -> None:
    """It has read the old row, and has lost its lock when it ends."""
    source = Source(a=link("a"))
    source.hold.clear()
    async with opened(redis.url()) as one, opened(redis.url()) as other:
        reading = asyncio.create_task(one.read(LINKS, "a", source.load("a")))
        await source.reached.wait()
        await _change(other, source, redis, way)
        source.hold.set()
        await reading
        for caches in (other, one):
            assert await caches.read(LINKS, "a", source.load("a")) == NEW


@pytest.mark.parametrize("way", [*WAYS, "redis-cli", "flush"])
async def test_memory_forgets_what_another_instance_has_changed(redis: RedisProcess, way: str) -> None:
    """Within a moment, in every way to change an entry: also in that of an operator."""
    source = Source(a=link("a"))
    async with opened(redis.url(), cache_drift_seconds=60) as one, opened(redis.url()) as other:
        await _warm(one, source)
        await _change(other, source, redis, way)
        began = time.monotonic()
        while await one.read(LINKS, "a", source.load("a")) != NEW:  # noqa: ASYNC110 - memory has no event for it
            await asyncio.sleep(0)
        assert time.monotonic() - began < 1


async def test_memory_is_not_trusted_for_long_while_nobody_can_say_what_changed(redis: RedisProcess) -> None:
    """The connection hangs: after the drift the entry is read from its source, and Redis is not waited for."""
    source = Source(a=link("a"))
    with FaultProxy(redis.port) as proxy:
        async with opened(redis.url(port=proxy.port), cache_drift_seconds=0.5) as one, opened(redis.url()) as other:
            await _warm(one, source)
            proxy.hang()
            source.rows["a"] = NEW
            changed = time.monotonic()
            await other.forget(LINKS, "a")
            while await one.read(LINKS, "a", source.load("a")) != NEW:  # noqa: ASYNC110 - the clock decides
                await asyncio.sleep(0)
            assert time.monotonic() - changed < 0.5 + 0.5  # the drift, one call that hangs, and a busy machine
            proxy.restore()
            assert one.levels.tracking is not None
            await until(lambda: one.levels.tracking and one.levels.tracking.is_up)
            assert await one.read(LINKS, "a", source.load("a")) == NEW


async def test_memory_is_trusted_again_after_a_pause_in_which_everything_arrived(redis: RedisProcess) -> None:
    """The process stood still for longer than the drift: what changed meanwhile is heard before memory is used."""
    source = Source(a=link("a"))
    async with opened(redis.url(), cache_drift_seconds=0.5) as one:
        await _warm(one, source)
        source.rows["a"] = NEW
        redis.command("DEL", NAME)
        time.sleep(0.6)  # noqa: ASYNC251 - nothing of this process runs
        assert await one.read(LINKS, "a", source.load("a")) == NEW


async def test_what_the_server_could_not_forget_is_not_read_by_this_instance_and_forgotten_later(
    redis: RedisProcess,
) -> None:
    """The server was away when the row changed. When it is back, the old entry is gone before it is used."""
    source = Source(a=link("a"))
    with FaultProxy(redis.port) as proxy:
        async with opened(redis.url(port=proxy.port)) as one, opened(redis.url()) as other:
            await one.read(LINKS, "a", source.load("a"))
            proxy.refuse()
            await one.write(LINKS, "a", NEW, source.save(NEW))
            assert await one.read(LINKS, "a", source.load("a")) == NEW
            assert len(one.levels.pending) == 1
            proxy.restore()
            await until(lambda: len(one.levels.pending) == 0)
            for caches in (one, other):
                assert await caches.read(LINKS, "a", source.load("a")) == NEW


async def test_an_instance_that_was_killed_while_it_wrote_leaves_no_old_entry(redis: RedisProcess) -> None:
    """It has begun the change, and its source has the new row."""
    source = Source(a=link("a"))
    async with opened(redis.url()) as one:
        await one.read(LINKS, "a", source.load("a"))
        shared = one.levels.shared
        assert shared is not None
        await shared.begin(LINKS, "a")  # and nothing afterwards
        source.rows["a"] = NEW

        async with opened(redis.url()) as other:
            assert await other.read(LINKS, "a", source.load("a")) == NEW


async def test_a_thousand_misses_in_four_processes_are_one_load(redis: RedisProcess) -> None:
    """The lock has an owner, who is alone with the source."""
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            str(PROGRAM),
            redis.url(),
            str(READERS),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
    results = [json.loads((await process.communicate())[0]) for process in processes]

    assert [result["read"] for result in results] == [READERS] * PROCESSES
    assert sum(result["loads"] for result in results) == 1
    assert redis.command("GET", "loads") == "1"


async def test_a_killed_owner_of_a_lock_delays_the_others_for_a_limited_time(redis: RedisProcess) -> None:
    """Its lock ends without action: here it has 0.2 seconds left."""
    source = Source(a=link("a"))
    async with opened(redis.url()) as one:
        redis.command("SET", "sample:development:cache_lock:links:a", "r:dead", "PX", 200)
        began = time.monotonic()
        assert await one.read(LINKS, "a", source.load("a")) == link("a")
        assert time.monotonic() - began < 1

    assert source.loads["a"] == 1


async def test_the_lock_of_a_long_load_is_renewed(redis: RedisProcess) -> None:
    """So that another instance does not load as well."""
    source = Source(a=link("a"))
    source.hold.clear()
    async with opened(redis.url()) as one, opened(redis.url()) as other:
        for each in (one, other):
            assert each.levels.shared is not None
            each.levels.shared.lock_seconds = 0.3
        reading = [asyncio.create_task(each.read(LINKS, "a", source.load("a"))) for each in (one, other)]
        await source.reached.wait()
        await asyncio.sleep(0.7)
        source.hold.set()
        assert await asyncio.gather(*reading) == [link("a")] * 2

    assert source.loads["a"] == 1
