"""The Redis of a service as the stores use it: a client, the beginning of its keys, and the limit of a call."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import RedisError

from ...component import Surroundings
from ...problems import UnavailableError


class RedisUnavailableError(UnavailableError):
    """Redis cannot be reached, or refuses to work. Status 503."""


class RedisPlace(NamedTuple):
    """Where a store keeps its keys."""

    client: Redis
    prefix: str
    """Of the service and its environment."""


def redis_of(surroundings: Surroundings[Any]) -> RedisPlace | None:
    """The Redis of the component cache, or None where it has none."""
    cache = surroundings.resources.get("cache")
    found = None if cache is None else cache.redis
    prefix = f"{surroundings.identity.name}:{surroundings.service.environment}"
    return None if found is None else RedisPlace(found.client, prefix)


@asynccontextmanager
async def limited(seconds: float) -> AsyncIterator[None]:
    """A block that talks to Redis. Raises `RedisUnavailableError` after `seconds`, and where Redis is the cause."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except (RedisError, OSError) as error:
        msg = "Redis cannot be reached, or refuses to work."
        raise RedisUnavailableError(msg) from error
