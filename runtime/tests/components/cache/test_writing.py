"""Writes and forgotten entries, on both kinds of cache, and what happens to loads that began before."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from firstlight.components.cache import Cached, Caches
from firstlight.testing.redis import RedisProcess

from .kept import LINKS, Link, Source, link, opened

pytestmark = pytest.mark.anyio

NEW = link("a", "https://new.example")
SETTLING = Cached("settling", type=Link, settle=60)


@pytest.fixture(params=["memory", "redis"])
async def caches(request: pytest.FixtureRequest) -> AsyncIterator[Caches]:
    """An empty cache."""
    url = request.getfixturevalue("redis").url() if request.param == "redis" else ""
    async with opened(url) as caches:
        yield caches


async def test_write_through(caches: Caches) -> None:
    """The source is saved first, and the next read needs no load."""
    source = Source(a=link("a"))
    await caches.read(LINKS, "a", source.load("a"))

    assert await caches.write(LINKS, "a", NEW, source.save(NEW)) == "saved"

    assert source.rows["a"] == NEW
    assert [await caches.read(LINKS, "a", source.load("a")) for _ in range(3)] == [NEW] * 3
    assert source.loads["a"] == 1


async def test_a_write_that_fails_leaves_no_entry(caches: Caches) -> None:
    """Nobody knows what the source has."""
    source = Source(a=link("a"))
    await caches.read(LINKS, "a", source.load("a"))

    async def fail() -> None:
        source.rows["a"] = NEW
        await asyncio.sleep(0)
        msg = "the answer was lost"
        raise ConnectionError(msg)

    with pytest.raises(ConnectionError):
        await caches.write(LINKS, "a", NEW, fail)
    assert await caches.read(LINKS, "a", source.load("a")) == NEW


async def test_two_writes_at_the_same_time_leave_no_entry(caches: Caches) -> None:
    """Whichever the source has saved last is what readers see."""
    source, other = Source(), link("a", "https://other.example")
    began, go_on = asyncio.Event(), asyncio.Event()

    async def late() -> None:
        began.set()
        await go_on.wait()
        await source.save(NEW)()

    writing = asyncio.create_task(caches.write(LINKS, "a", NEW, late))
    await began.wait()
    await caches.write(LINKS, "a", other, source.save(other))
    go_on.set()
    await writing

    assert await caches.read(LINKS, "a", source.load("a")) == NEW


def _forget(caches: Caches, way: str) -> Awaitable[object]:
    ways: dict[str, Callable[[], Awaitable[object]]] = {
        "key": lambda: caches.forget(LINKS, "a"),
        "tag": lambda: caches.forget_tagged(LINKS, "owner:ann"),
        "pattern": lambda: caches.forget_matching(LINKS, "[a-b]*"),
        "put": lambda: caches.put(LINKS, "a", NEW),
        "write": lambda: caches.write(LINKS, "a", NEW, Source().save(NEW)),
    }
    return ways[way]()


WAYS = ["key", "tag", "pattern", "put", "write"]


@pytest.mark.parametrize("way", WAYS)
async def test_a_changed_entry_is_never_read_again(caches: Caches, way: str) -> None:
    """By key, tag, pattern, or because a new one was written; other entries stay."""
    source = Source(a=link("a"), z=link("z", owner="zoe"))
    for slug in ("a", "z"):
        for _ in range(3):
            await caches.read(LINKS, slug, source.load(slug))
    source.rows["a"] = NEW

    await _forget(caches, way)

    assert await caches.read(LINKS, "a", source.load("a")) == NEW
    assert await caches.read(LINKS, "z", source.load("z")) == link("z", owner="zoe")
    assert source.loads["z"] == 1


@pytest.mark.parametrize("way", WAYS)
async def test_a_load_that_began_before_a_change_keeps_nothing(caches: Caches, way: str) -> None:
    """It has read the old row, and ends after the change."""
    source = Source(a=link("a"))
    source.hold.clear()
    reading = asyncio.create_task(caches.read(LINKS, "a", source.load("a")))
    await source.reached.wait()
    source.rows["a"] = NEW
    await _forget(caches, way)
    source.hold.set()
    await reading

    assert await caches.read(LINKS, "a", source.load("a")) == NEW


@pytest.mark.parametrize("way", WAYS)
async def test_who_comes_after_a_change_does_not_wait_for_an_old_load(caches: Caches, way: str) -> None:
    """That load would return what was true before."""
    source = Source(a=link("a"))
    source.hold.clear()
    reading = asyncio.create_task(caches.read(LINKS, "a", source.load("a")))
    await source.reached.wait()
    source.rows["a"] = NEW
    await _forget(caches, way)
    later = asyncio.create_task(caches.read(LINKS, "a", Source(a=NEW).load("a")))

    assert await later == NEW
    source.hold.set()
    await reading


async def test_a_load_during_a_write_keeps_nothing(caches: Caches) -> None:
    """It may have read the row before the write, and may end after it."""
    source = Source(a=link("a"))
    source.hold.clear()

    async with caches.changing(LINKS, "a", "b"):
        reading = asyncio.create_task(caches.read(LINKS, "a", source.load("a")))
        await source.reached.wait()
        source.rows["a"] = NEW
    source.hold.set()

    assert await reading == link("a")
    assert await caches.read(LINKS, "a", source.load("a")) == NEW


async def test_an_entry_that_settles_is_not_kept_for_a_while(redis: RedisProcess) -> None:
    """A replica may still be behind when the first load after a change asks it."""
    source = Source(a=link("a"))
    async with opened(redis.url()) as caches:
        await caches.forget(SETTLING, "a")
        for _ in range(3):
            await caches.read(SETTLING, "a", source.load("a"))

    assert source.loads["a"] == 3


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("*", "a:1 a:2 b:1 a*"),
        ("a:*", "a:1 a:2"),
        ("?:1", "a:1 b:1"),
        ("[^a]:1", "b:1"),
        ("[a-b]:[2-3]", "a:2"),
        ("a\\*", "a*"),
        ("[", ""),
    ],
)
async def test_patterns_are_those_of_redis(redis: RedisProcess, pattern: str, fits: str) -> None:
    """Memory reads them as the server does."""
    keys = ["a:1", "a:2", "b:1", "a*"]
    for url in ("", redis.url()):
        async with opened(url) as caches:
            for key in keys:
                await caches.put(LINKS, key, link(key))
            await caches.forget_matching(LINKS, pattern)
            gone = [key for key in keys if await caches.get(LINKS, key) is None]
        assert gone == [key for key in keys if key in fits.split()], url or "memory"


@pytest.mark.parametrize("special", ["*", "?", "[", "]", "\\", ":", " ", "\n", "ä", "é" * 300])
async def test_any_text_is_a_key(redis: RedisProcess, special: str) -> None:
    """And a tag: of the owner."""
    value = link(special, owner=special)
    for url in ("", redis.url()):
        async with opened(url) as caches:
            await caches.put(LINKS, special, value)
            assert [await caches.get(LINKS, special) for _ in range(2)] == [value] * 2
            await caches.forget_tagged(LINKS, f"owner:{special}")
            assert await caches.get(LINKS, special) is None
