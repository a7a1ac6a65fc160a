"""The component: the store in Redis, and the removal of what has expired."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ....component import Background, NoSettings, Surroundings
from ....idempotency import Limits, Store, idempotency
from ....idempotency.component import open_memory
from ....idempotency.middleware import COMPONENT
from ....idempotency.outcomes import watch
from ..redis_place import redis_of
from .store import RedisStore

REMOVE_SECONDS = 10.0


@asynccontextmanager
async def open_store(surroundings: Surroundings[NoSettings]) -> AsyncIterator[Store]:
    """Keys in the Redis of the service; without one, in the memory of this process."""
    server = redis_of(surroundings)
    if server is None:
        async with open_memory(surroundings) as memory:
            yield memory
        return
    settings = surroundings.service
    store = RedisStore(server, Limits(keys=settings.idempotency_max_keys, bytes=settings.idempotency_max_bytes))
    watch(store)
    yield store


async def remove_expired(surroundings: Surroundings[Any]) -> None:
    """Remove the keys that have expired, and count the others."""
    store = surroundings.resources[COMPONENT]
    if isinstance(store, RedisStore):
        await store.remove_expired()


IDEMPOTENCY = idempotency(
    open_store,
    requires=("cache",),
    background=(Background("idempotency_expired", remove_expired, every_seconds=REMOVE_SECONDS),),
)
"""Idempotency keys in Redis: for any number of instances."""
