"""Reads on both kinds of cache: memory alone, and memory over Redis."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from firstlight.components.cache import Cached, Caches
from firstlight.errors import ArrangementError
from firstlight.testing.redis import RedisProcess

from .kept import LINKS, LISTS, PLAIN, Link, Source, link, opened, reads, until

pytestmark = pytest.mark.anyio

SHORT = Cached("short", type=Link, ttl=0.05, jitter=0)
STALE = Cached("stale", type=Link, ttl=0.05, jitter=0, stale=60)


@pytest.fixture(params=["memory", "redis"])
async def caches(request: pytest.FixtureRequest) -> AsyncIterator[Caches]:
    """An empty cache."""
    url = request.getfixturevalue("redis").url() if request.param == "redis" else ""
    async with opened(url) as caches:
        yield caches


async def test_a_value_is_loaded_once(caches: Caches) -> None:
    """Then it is read from the cache."""
    source = Source(a=link("a"))

    found = [await caches.read(LINKS, "a", source.load("a")) for _ in range(4)]

    assert found == [link("a")] * 4
    assert source.loads["a"] == 1


async def test_what_does_not_exist_is_kept_if_the_declaration_says_so(caches: Caches) -> None:
    """For its own time."""
    source = Source()
    for cached in (LINKS, PLAIN):
        assert [await caches.read(cached, "b", source.load(cached.name)) for _ in range(3)] == [None] * 3

    assert source.loads == {"links": 1, "plain": 3}


async def test_who_waits_for_the_same_value_shares_a_load(caches: Caches) -> None:
    """Also when the one that came first is cancelled."""
    source = Source(c=link("c"))
    source.hold.clear()
    joined = reads(LINKS, "joined")
    tasks = [asyncio.create_task(caches.read(LINKS, "c", source.load("c"))) for _ in range(100)]
    await source.reached.wait()
    tasks[0].cancel()
    source.hold.set()

    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [link("c")] * 99
    assert source.loads["c"] == 1
    assert reads(LINKS, "joined") - joined >= 98


async def test_an_error_of_the_source_reaches_all_who_wait_and_is_not_kept(caches: Caches) -> None:
    """The next read loads again."""
    source = Source(d=link("d"))

    async def fail() -> Link:
        await asyncio.sleep(0)
        msg = "the source is down"
        raise ConnectionError(msg)

    results = await asyncio.gather(*(caches.read(LINKS, "d", fail) for _ in range(3)), return_exceptions=True)

    assert [type(result) for result in results] == [ConnectionError] * 3
    assert await caches.read(LINKS, "d", source.load("d")) == link("d")


async def test_an_entry_ends_after_its_time(caches: Caches) -> None:
    """It is loaded again."""
    source = Source(e=link("e"))
    await caches.read(SHORT, "e", source.load("e"))
    source.rows["e"] = link("e", "https://b.example")

    await asyncio.sleep(0.06)

    assert await caches.read(SHORT, "e", source.load("e")) == link("e", "https://b.example")


async def test_a_stale_entry_is_returned_while_it_is_loaded_anew(caches: Caches) -> None:
    """Nobody waits for the load, and one is enough."""
    source = Source(f=link("f"))
    await caches.read(STALE, "f", source.load("f"))
    source.rows["f"] = link("f", "https://b.example")
    await asyncio.sleep(0.06)
    source.hold.clear()

    old = [await caches.read(STALE, "f", source.load("f")) for _ in range(3)]
    await until(lambda: source.loads["f"] == 2)
    source.hold.set()
    while (new := await caches.read(STALE, "f", source.load("f"))) == link("f"):  # noqa: ASYNC110 - a load beside it
        await asyncio.sleep(0.005)

    assert old == [link("f")] * 3
    assert new == link("f", "https://b.example")


async def test_a_load_that_fails_leaves_the_stale_entry(caches: Caches) -> None:
    """It is tried again a second later."""
    source = Source(g=link("g"))
    await caches.read(STALE, "g", source.load("g"))
    await asyncio.sleep(0.06)

    async def fail() -> Link:
        msg = "the source is down"
        raise ConnectionError(msg)

    assert await caches.read(STALE, "g", fail) == link("g")
    await asyncio.sleep(0.01)
    assert await caches.read(STALE, "g", fail) == link("g")


async def test_nobody_can_change_what_others_read(caches: Caches) -> None:
    """A list is a new object for each reader."""

    async def load() -> list[int]:
        await asyncio.sleep(0)
        return [1, 2]

    for _ in range(4):
        found = await caches.read(LISTS, "x", load)
        assert found == [1, 2]
        found.append(3)


async def test_two_kinds_with_one_name_are_refused(caches: Caches) -> None:
    """Each would replace the entries of the other."""
    await caches.get(LINKS, "h")
    with pytest.raises(ArrangementError, match="two kinds of entries have the name 'links'"):
        await caches.get(Cached("links", type=Link, version=2), "h")


async def test_a_value_of_another_type_is_returned_and_not_kept(caches: Caches) -> None:
    """The declaration is wrong, which is logged; the request is not."""

    async def load() -> Any:
        await asyncio.sleep(0)
        return "text"

    found: Any = [await caches.read(LISTS, "y", load) for _ in range(2)]
    assert found == ["text"] * 2


async def test_cache_aside(caches: Caches) -> None:
    """A service can look, load and keep as it likes."""
    assert await caches.get(LINKS, "i") is None
    await caches.put(LINKS, "i", link("i"))
    assert [await caches.get(LINKS, "i") for _ in range(3)] == [link("i")] * 3


async def test_the_entry_in_redis_is_json(redis: RedisProcess) -> None:
    """Under a name with service, environment and cache, and a field with the version; it ends without action."""
    async with opened(redis.url()) as caches:
        await caches.put(PLAIN, "j", link("j"))

    name = "sample:development:cache:plain:j"
    head, value = redis.command("HGET", name, "v1").splitlines()
    assert head.startswith('{"fresh_until":')
    assert value == '{"slug":"j","target":"https://a.example","owner":"ann"}'
    assert 0 < int(redis.command("PTTL", name)) <= 60_000
