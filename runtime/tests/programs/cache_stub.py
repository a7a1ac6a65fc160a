"""Until CACHE lands."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

from firstlight.component import Component, Surroundings
from firstlight.components.cache import CacheSettings, RedisServer


@asynccontextmanager
async def open_cache(surroundings: Surroundings[CacheSettings]) -> AsyncIterator[SimpleNamespace]:
    """Open."""
    settings = surroundings.settings
    if settings.address is None:
        yield SimpleNamespace(redis=None)
        return
    server = RedisServer(settings, settings.address, surroundings.identity.name, surroundings.service.environment)
    yield SimpleNamespace(redis=server)
    await server.close()


CACHE = Component(name="cache", settings=CacheSettings, open=open_cache)
