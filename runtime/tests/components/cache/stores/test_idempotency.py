"""Idempotency keys in Redis: one record per name, for all instances, within the limits, and 503 without the server."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from firstlight.components.cache import RedisServer, RedisUnavailableError
from firstlight.components.cache.idempotency import RedisStore
from firstlight.failures import KnownError
from firstlight.idempotency import Completion, FullError, Limits, Name, Record, StoredResponse
from firstlight.testing.redis import RedisProcess

from .conftest import Opened

ANN, BOB = Name("name:ann", "1"), Name("name:b\0b\ud800", "1")
CREATED = StoredResponse(201, ((b"location", b"/1"), (b"x-name", b"\xe9")), b"{}\0\xff")
Test = Callable[[RedisServer, RedisStore], Awaitable[None]]


def run(opened: Opened, test: Test, limits: Limits | None = None) -> None:
    """Run a test with a store."""

    async def main() -> None:
        async with opened() as server:
            await test(server, RedisStore(server, limits or Limits()))

    asyncio.run(main())


def token(found: str | Record) -> str:
    """The token of a reservation."""
    assert isinstance(found, str)
    return found


async def stored(store: RedisStore, name: Name, response: StoredResponse = CREATED, seconds: float = 10) -> None:
    """Reserve a name and store a response."""
    reserved = token(await store.reserve(name, b"a", 600))
    assert await store.complete(name, reserved, response, seconds) is Completion.STORED


async def aged(server: RedisServer, seconds: float) -> None:
    """Let all records become older."""
    (key,) = [key async for key in server.client.scan_iter(match="*:expiring")]
    records: Any = await server.client.zrange(key, 0, -1, withscores=True)
    for record, expires in records:
        await server.client.zadd(key, {record: float(expires) - seconds})


async def counted(store: RedisStore) -> tuple[int, int]:
    """Keys and bytes."""
    await store.remove_expired()
    return store.keys, store.bytes


@pytest.mark.parametrize("response", [CREATED, StoredResponse(204, (), b""), StoredResponse(200, (), None)])
def test_a_response_is_stored_until_it_expires(opened: Opened, response: StoredResponse) -> None:
    """Every instance gets it, and two callers may use one key. Then the name is free, and nothing is left."""

    async def test(server: RedisServer, store: RedisStore) -> None:
        await stored(store, ANN, response)
        assert await RedisStore(server, Limits()).reserve(ANN, b"b", 600) == Record(b"a", response)
        await stored(store, BOB)
        assert (await counted(store))[0] == 2
        await aged(server, 11)
        token(await store.reserve(ANN, b"b", 600))
        assert (await counted(store))[0] == 1
        await aged(server, 600)
        assert await counted(store) == (0, 0)
        assert [key async for key in server.client.scan_iter()] == []

    run(opened, test)


def test_of_many_at_once_one_reserves(opened: Opened) -> None:
    """The others find that it runs."""

    async def test(_: RedisServer, store: RedisStore) -> None:
        found = await asyncio.gather(*(store.reserve(ANN, b"a", 600) for _ in range(50)))
        assert sum(isinstance(each, str) for each in found) == 1
        assert [each for each in found if isinstance(each, Record)] == [Record(b"a", None)] * 49

    run(opened, test)


def test_a_reservation_belongs_to_its_token(opened: Opened) -> None:
    """After it has expired, its response is not stored in place of another one, and it releases nothing."""

    async def test(server: RedisServer, store: RedisStore) -> None:
        first = token(await store.reserve(ANN, b"a", 600))
        await aged(server, 601)
        assert await store.complete(ANN, first, CREATED, 10) is Completion.EXPIRED
        second = token(await store.reserve(ANN, b"a", 600))
        assert await store.complete(ANN, first, CREATED, 10) is Completion.EXPIRED
        await store.release(ANN, first)
        assert await store.reserve(ANN, b"a", 600) == Record(b"a", None)
        await store.release(ANN, second)
        third = token(await store.reserve(ANN, b"a", 600))
        assert await store.complete(ANN, third, CREATED, 10) is Completion.STORED
        await store.release(ANN, third)
        assert await store.reserve(ANN, b"a", 600) == Record(b"a", CREATED)

    run(opened, test)


def test_limits_of_all_and_of_one_caller(opened: Opened) -> None:
    """New keys are refused, known ones are answered, and nothing is dropped. It is exact: each step counts."""
    names = [Name(f"name:{number}", "1") for number in range(4)]

    async def test(server: RedisServer, store: RedisStore) -> None:
        await stored(store, ANN)
        with pytest.raises(FullError) as own:
            await store.reserve(Name("name:ann", "2"), b"a", 600)
        assert not own.value.for_all
        assert 5 < own.value.seconds <= 10
        for name in names[:3]:
            await stored(store, name)
        with pytest.raises(FullError) as everyone:
            await store.reserve(names[3], b"a", 600)
        assert everyone.value.for_all
        assert await store.reserve(ANN, b"a", 600) == Record(b"a", CREATED)
        await aged(server, 11)
        await stored(store, names[3])

    run(opened, test, Limits(keys=4))


def test_a_response_without_space_is_shortened(opened: Opened) -> None:
    """Its status is stored, so that the handler does not run again."""
    large = StoredResponse(201, (), b"x" * 4096)

    async def test(_: RedisServer, store: RedisStore) -> None:
        reserved = token(await store.reserve(ANN, b"a", 600))
        assert await store.complete(ANN, reserved, large, 10) is Completion.SHORTENED
        assert await store.reserve(ANN, b"a", 600) == Record(b"a", large.without_body())

    run(opened, test, Limits(bytes=8192))


def test_records_of_a_server_that_was_killed_are_there(store_server: RedisProcess, opened: Opened) -> None:
    """While it is down, names cannot be reserved."""

    async def test(_: RedisServer, store: RedisStore) -> None:
        await stored(store, ANN)
        store_server.kill()
        try:
            with pytest.raises(RedisUnavailableError):
                await store.reserve(ANN, b"a", 600)
        finally:
            store_server.start()
        assert await store.reserve(ANN, b"a", 600) == Record(b"a", CREATED)

    run(opened, test)


def test_a_server_that_evicts_records_is_said(opened: Opened) -> None:
    """A policy that evicts only what has a time to live is fine: records have none."""

    async def test(server: RedisServer, store: RedisStore) -> None:
        (check,) = store.checks()
        await stored(store, ANN)
        assert [await server.client.ttl(key) async for key in server.client.scan_iter()] == [-1] * 3
        for policy in ("volatile-lru", "noeviction"):
            await server.client.config_set("maxmemory-policy", policy)
            await check.probe()
        await server.client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            with pytest.raises(KnownError, match="volatile-lru"):
                await check.probe()
        finally:
            await server.client.config_set("maxmemory-policy", "noeviction")

    run(opened, test)
