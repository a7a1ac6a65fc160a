"""Loads an entry from its source: one load for all who wait, in this process and in the others."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import structlog
from pydantic_core import PydanticSerializationError

from .cached import Cached
from .entries import Entry, made
from .failures import RedisUnavailableError
from .flights import Flight
from .levels import Levels
from .metrics import ERRORS, LOADS
from .names import Place
from .shared import Busy, Lock, Shared

log = structlog.get_logger()

ValueT = TypeVar("ValueT")
ResultT = TypeVar("ResultT")
Load = Callable[[], Awaitable[ValueT | None]]
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.005, 0.1
LONGEST_LOAD_SECONDS = 60.0  # after which another process may load as well


class Loading:
    """Of one process."""

    def __init__(self, levels: Levels) -> None:
        """Load nothing yet."""
        self._levels = levels

    async def alone(self, place: Place[ValueT], load: Load[ValueT], flight: Flight) -> Entry[ValueT]:
        """Load without Redis. With Redis as a level that is not there, memory keeps the entry for a short time only."""
        began = time.monotonic()
        entry = await loaded(place.cached, load)
        self._keep(place, entry, flight, began)
        return entry

    async def locked(self, shared: Shared, place: Place[ValueT]) -> Lock | Entry[ValueT] | None:
        """The lock of an entry, or the entry that another one has loaded meanwhile, or None if none may be kept now.

        Raises `RedisUnavailableError`.
        """
        pause, look = FIRST_PAUSE_SECONDS, True
        limit = time.monotonic() + LONGEST_LOAD_SECONDS
        while time.monotonic() < limit:
            found = await shared.acquire(place.cached, place.key, look=look)
            if isinstance(found, Lock):
                return found
            if isinstance(found, Busy):
                if not found.loads:
                    return None
                await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - no secret
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                continue
            entry = await shared.entry(place.cached, found)
            if entry is not None:
                return entry
            look = False  # what is there cannot be used
        return None

    async def filled(
        self, shared: Shared, place: Place[ValueT], load: Load[ValueT], flight: Flight, lock: Lock
    ) -> Entry[ValueT]:
        """Load, and keep the entry in Redis unless something has changed meanwhile."""
        began, (cached, key, _) = time.monotonic(), place
        try:
            entry = await _renewing(shared, place, lock, loaded(cached, load))
        except BaseException:
            with suppress(RedisUnavailableError):
                await shared.release(cached, key, lock)
            raise
        try:
            if flight.may_keep and entry.exists_until > time.monotonic():
                await shared.fill(cached, key, lock, entry)
            else:
                await shared.release(cached, key, lock)
        except RedisUnavailableError:
            self._keep(place, entry, flight, began)
        return entry

    def _keep(self, place: Place[Any], entry: Entry[Any], flight: Flight, began: float) -> None:
        if self._levels.shared is not None:
            until = began + self._levels.drift_seconds
            entry.fresh_until, entry.exists_until = min(entry.fresh_until, until), min(entry.exists_until, until)
        if flight.may_keep and entry.exists_until > time.monotonic() and not self._levels.writers.is_open(place.name):
            self._levels.put(place, entry)


async def _renewing(shared: Shared, place: Place[Any], lock: Lock, work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """The result of a load, whose lock is renewed as long as it lasts."""
    task, limit = asyncio.ensure_future(work), time.monotonic() + LONGEST_LOAD_SECONDS
    try:
        while True:
            await asyncio.wait({task}, timeout=shared.lock_seconds / 3)
            if task.done():
                return await task
            if time.monotonic() < limit:
                with suppress(RedisUnavailableError):
                    await shared.renew(place.cached, place.key, lock)
    finally:
        task.cancel()


async def loaded(cached: Cached[ValueT], load: Load[ValueT]) -> Entry[ValueT]:
    """The entry of what the source has. Raises what `load` raises."""
    began, outcome = time.perf_counter(), "error"
    try:
        value = await load()
        outcome = "absent" if value is None else "found"
    finally:
        LOADS.labels(cached.name, outcome).observe(time.perf_counter() - began)
    return entry_of(cached, value)


def entry_of(cached: Cached[ValueT], value: ValueT | None) -> Entry[ValueT]:
    """The entry of a value. One of another type than declared is logged, and exists for no time."""
    try:
        return made(cached, value)
    except PydanticSerializationError as error:
        ERRORS.labels(cached.name, "encode", "other_type").inc()
        log.error("cache.value_refused", cache=cached.name, reason=str(error))  # noqa: TRY400 - its traceback is pydantic's
        return Entry(value, b"", 0.0, 0.0)
