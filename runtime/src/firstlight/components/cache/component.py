"""The component that a service lists on its page."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from ...component import Command, Component, Isolate, Surroundings
from ...identity import Identity
from ...management.check import Check
from .caches import Caches
from .console import section
from .failures import RedisUnavailableError
from .levels import Levels
from .names import Names
from .server import RedisServer
from .settings import CacheSettings, verify
from .shared import Shared
from .warming import Warm, Warming
from .write_behind.requeue import requeue

log = structlog.get_logger()

REQUEUE = "Put writes that were set aside back into their queues, which it names"


class OpenCaches(Caches):
    """The cache with what it does before the service starts."""

    def __init__(self, levels: Levels, warm: Sequence[Warm[Any]], surroundings: Surroundings[CacheSettings]) -> None:
        """Nothing is warm yet."""
        super().__init__(levels)
        self.warming = Warming(self, warm, surroundings)


@asynccontextmanager
async def open_cache(
    surroundings: Surroundings[CacheSettings], warm: Sequence[Warm[Any]] = ()
) -> AsyncIterator[OpenCaches]:
    """The cache of these settings. It does not wait for its server."""
    settings, application = surroundings.settings, surroundings.identity.name
    prefix = f"{application}:{surroundings.service.environment}:"
    names, address = Names(prefix), settings.address
    shared = None
    if address is not None:
        server = RedisServer(settings, address, application, surroundings.service.environment)
        shared = Shared(server, names, settings.cache_entry_bytes)
    levels = Levels(settings, names, shared)
    caches = OpenCaches(levels, warm, surroundings)
    tracking = None if levels.tracking is None else asyncio.ensure_future(levels.tracking.run())
    try:
        yield caches
    finally:
        await caches.warming.close()
        await _close(levels, tracking)


async def _close(levels: Levels, tracking: asyncio.Task[Any] | None) -> None:
    """End everything, and tell Redis what it has not heard yet."""
    await levels.flights.close()
    if levels.shared is None or tracking is None:
        return
    with suppress(RedisUnavailableError):
        await levels.tell_pending()
    if len(levels.pending):
        log.error("cache.invalidations_lost", number=len(levels.pending))
    tracking.cancel()
    await asyncio.gather(tracking, return_exceptions=True)
    await levels.shared.server.close()


def checks(caches: Caches) -> Sequence[Check]:
    """One check where there is a server. It is not critical: without it, the service is slower."""
    return [] if caches.redis is None else [Check("cache", caches.ping)]


async def is_warm(caches: OpenCaches) -> None:
    """Raise `ColdError` until the declared entries are there."""
    await caches.warming.ready()


def for_tests(
    component: Component[CacheSettings, OpenCaches], identity: Identity, folder: Path
) -> AbstractContextManager[Isolate[CacheSettings, OpenCaches]]:
    """The cache of tests."""
    from .isolation import isolated  # noqa: PLC0415 - a process that serves does not need it

    return isolated(component, identity, folder)


def cache(*warm: Warm[Any]) -> Component[CacheSettings, OpenCaches]:
    """The component with entries that exist when the service starts."""
    return Component(
        name="cache",
        settings=CacheSettings,
        verify=verify,
        open=partial(open_cache, warm=warm),
        checks=checks,
        ready_to_start=is_warm,
        commands={"requeue": Command(requeue, REQUEUE, with_dependants=True)},
        console=lambda caches: section(caches.levels),
        for_tests=for_tests,
    )


CACHE = cache()
"""The cache: memory, over Redis where `REDIS_URL` names a server."""
