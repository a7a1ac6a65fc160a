"""Fills the cache before the service starts: the entries that a full load would miss all at once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import structlog

from ...component import Surroundings
from ...summary import summary
from .cached import Cached
from .caches import Caches
from .tracking import RETRY_SECONDS

log = structlog.get_logger()

ValueT = TypeVar("ValueT")
CONCURRENT = 8  # loads at a time
LOOK_SECONDS = 0.5  # after which a start that waits says why


class ColdError(RuntimeError):
    """The cache is not warm yet."""


@dataclass(frozen=True, slots=True)
class Warm(Generic[ValueT]):
    """Entries that exist when the service starts: `cache(Warm(LINKS, popular, load))`."""

    cached: Cached[ValueT]
    keys: Callable[[Surroundings[Any]], Awaitable[Iterable[str]]]
    """Which entries. It gets the open components, such as the database."""
    load: Callable[[Surroundings[Any], str], Awaitable[ValueT | None]]
    """The value of one key, as `read` would load it."""


class Warming:
    """The warm entries of one process."""

    def __init__(self, caches: Caches, warm: Sequence[Warm[Any]], surroundings: Surroundings[Any]) -> None:
        """Begin at the first call of `ready`."""
        self._caches, self._warm, self._surroundings = caches, warm, surroundings
        self._task: asyncio.Task[None] | None = None
        self._loaded, self._reason = 0, ""

    async def ready(self) -> None:
        """Return when every entry has been loaded, or is there already. Raises `ColdError` until then."""
        tracking = self._caches.levels.tracking
        if tracking is not None:
            await tracking.was_tried.wait()  # a server that is down delays nothing: memory is warm, for a moment
        if not self._warm:
            return
        if self._task is None:
            self._task = asyncio.ensure_future(self._run())
        await asyncio.wait({self._task}, timeout=LOOK_SECONDS)
        if not self._task.done():
            msg = f"the cache warms up: {self._loaded} entries so far{self._reason}"
            raise ColdError(msg)

    async def close(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                for warm in self._warm:
                    await self._fill(warm)
            except Exception as error:  # noqa: BLE001 - whatever the source raises: it may not be up yet
                self._reason = f"; the last attempt failed: {summary(error)}"
                await asyncio.sleep(RETRY_SECONDS)
            else:
                log.info("cache.warmed", entries=self._loaded)
                return

    async def _fill(self, warm: Warm[Any]) -> None:
        keys = list(await warm.keys(self._surroundings))
        limit = asyncio.Semaphore(CONCURRENT)

        async def one(key: str) -> None:
            async with limit:
                await self._caches.read(warm.cached, key, partial(warm.load, self._surroundings, key))

        loads = [asyncio.ensure_future(one(key)) for key in keys]
        try:
            await asyncio.gather(*loads)
        finally:
            for each in loads:
                each.cancel()
        self._loaded += len(keys)
