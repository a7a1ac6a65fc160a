# mypy: disable-error-code="import-not-found"
"""Calls of the cache in a service: `GET /calls/{way}/{count}` answers when so many calls have been made.

Eight tasks make the calls, as requests at the same time do. Memory has space for one entry, so reads of several keys
come from Redis.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import cycle
from typing import Any

from acme_links.api.links.port import Link
from acme_links.service import SERVICE as EMITTED
from firstlight import Component, NoSettings, Surroundings, main
from firstlight.components.cache import CACHE, Cached, Caches
from pydantic import TypeAdapter
from redis.asyncio import BlockingConnectionPool, Redis
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

Way = Callable[[int], Awaitable[object]]
TASKS, KEYS, CONNECTIONS = 8, 100, 20
LINKS = Cached("pages", version=1, type=Link, ttl=3600)
ADAPTER = TypeAdapter(Link)


def _link(number: int) -> Link:
    return Link(slug=f"page-{number % KEYS}", url="https://example.com/", title="A page")


def _ways(cache: Caches, redis: Redis) -> Mapping[str, Way]:
    async def get(number: int) -> object:
        return await redis.get(_link_key(number))

    async def get_decoded(number: int) -> object:
        return ADAPTER.validate_json(await redis.get(_link_key(number)))

    async def read(number: int) -> object:
        return await cache.read(LINKS, f"page-{number % KEYS}", lambda: _load(number))

    async def read_memory(_: int) -> object:
        return await cache.read(LINKS, "page-0", lambda: _load(0))

    return {"redis_get": get, "redis_get_decoded": get_decoded, "read_redis": read, "read_memory": read_memory}


def _link_key(number: int) -> str:
    return f"bench:page-{number % KEYS}"


async def _load(number: int) -> Link:
    return _link(number)


@asynccontextmanager
async def _open(surroundings: Surroundings[Any]) -> AsyncIterator[dict[str, Way]]:
    pool = BlockingConnectionPool.from_url(os.environ["REDIS_URL"], max_connections=CONNECTIONS)
    redis = Redis(connection_pool=pool)
    for number in range(KEYS):
        await redis.set(_link_key(number), ADAPTER.dump_json(_link(number)))
    yield dict(_ways(CACHE.of(surroundings), redis))
    await redis.aclose()
    await pool.disconnect()


WAYS = Component(name="ways", settings=NoSettings, open=_open, requires=("cache",))


async def calls(request: Request) -> PlainTextResponse:
    """Make the calls."""
    count, way = int(request.path_params["count"]), WAYS.of(request)[request.path_params["way"]]
    # Tasks that run at once ask for different keys, which nobody else asks for.
    numbers = [cycle(range(task, KEYS, TASKS)) for task in range(TASKS)]

    async def work(task: int) -> None:
        for number, _ in zip(numbers[task], range(count // TASKS), strict=False):
            await way(number)

    await asyncio.gather(*(work(task) for task in range(TASKS)))
    return PlainTextResponse("made")


if __name__ == "__main__":
    service = replace(
        EMITTED,
        components=[CACHE, WAYS],
        routes=[Route("/calls/{way}/{count:int}", calls)],
        latency={},
    )
    sys.exit(main(service))
