"""Reads an entry: from memory, else from Redis, else from its source."""

import time
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import structlog

from ...conditional.freshness import note
from ...data_servers import LogLimit
from ...summary import summary
from .cached import Cached
from .entries import Entry
from .failures import RedisUnavailableError
from .flights import Flight
from .levels import REFRESH, Levels
from .loading import Load, Loading
from .looks import Look
from .metrics import READ_TIME, READS
from .names import Place
from .shared import Lock, Shared
from .tracking import Tracking

log = structlog.get_logger()

ValueT = TypeVar("ValueT")
Found = tuple[Entry[ValueT], str]
REFRESH_SECONDS = 1.0  # between two attempts to load a stale entry anew
MEMORY, SHARED, STALE, MISS, JOINED = "memory", "redis", "stale", "miss", "joined"


class Reading:
    """Of one process."""

    def __init__(self, levels: Levels) -> None:
        """Read nothing yet."""
        self._levels, self._loading = levels, Loading(levels)
        self._limit = LogLimit()

    async def read(self, cached: Cached[ValueT], key: str, load: Load[ValueT]) -> Entry[ValueT]:
        """The entry of a key. Raises what `load` raises."""
        place = self._levels.names.place(cached, key)
        entry = self._kept(place)
        if entry is None:
            entry = await self._missed(place, load)
        elif time.monotonic() < entry.fresh_until:
            READS.labels(cached.name, MEMORY).inc()
        else:
            READS.labels(cached.name, STALE).inc()
            self._refresh(place, load, entry)
        note(entry.fresh_until)
        return entry

    async def get(self, cached: Cached[ValueT], key: str) -> Entry[ValueT] | None:
        """The entry of a key if one of the levels has it, also a stale one. It loads nothing."""
        place = self._levels.names.place(cached, key)
        entry, outcome = self._kept(place), MEMORY
        if entry is None and (usable := self._levels.usable(cached)) is not None:
            outcome = SHARED
            with suppress(RedisUnavailableError):
                entry = await self._looked(place, *usable)
        if entry is None:
            outcome = MISS
        else:
            note(entry.fresh_until)
        READS.labels(cached.name, outcome).inc()
        return entry

    def _kept(self, place: Place[ValueT]) -> Entry[ValueT] | None:
        """The entry in memory, if it may be used."""
        entry = self._levels.memory.get(place.name)
        if entry is None:
            return None
        now = time.monotonic()
        is_trusted = entry.lease is None or now < entry.lease.until
        return entry if is_trusted and now < entry.exists_until else None

    async def _missed(self, place: Place[ValueT], load: Load[ValueT]) -> Entry[ValueT]:
        """The entry of Redis, or by the load in progress, or by one that begins now."""
        began, outcome = time.perf_counter(), "error"
        try:
            flight, find = self._levels.flights.get(place.name), self._found
            if flight is None and (usable := self._levels.usable(place.cached)) is not None:
                try:
                    entry = await self._looked(place, *usable)
                except RedisUnavailableError:
                    entry, find = None, self._found_alone  # one wait for a server that hangs is enough
                if entry is not None:
                    outcome = self._outcome(place, load, entry)
                    return entry
                flight = self._levels.flights.get(place.name)
            joined = flight is not None
            flight = flight or self._levels.flights.begin(place.name, partial(find, place, load))
            loaded: Found[ValueT] = await flight.result()
            entry, outcome = loaded[0], JOINED if joined else loaded[1]
        finally:
            READS.labels(place.cached.name, outcome).inc()
            READ_TIME.labels(place.cached.name).observe(time.perf_counter() - began)
        return entry

    async def _found_alone(self, place: Place[ValueT], load: Load[ValueT], flight: Flight) -> Found[ValueT]:
        return await self._loading.alone(place, load, flight), MISS

    async def _found(self, place: Place[ValueT], load: Load[ValueT], flight: Flight) -> Found[ValueT]:
        usable = self._levels.usable(place.cached)
        if usable is None:
            return await self._loading.alone(place, load, flight), MISS
        try:
            lock = await self._loading.locked(usable[0], place)
        except RedisUnavailableError:
            return await self._loading.alone(place, load, flight), MISS
        if isinstance(lock, Lock):
            return await self._loading.filled(usable[0], place, load, flight, lock), MISS
        if lock is None:  # someone writes it now: what is read here may be old in a moment
            flight.may_keep = False
            return await self._loading.alone(place, load, flight), MISS
        return lock, self._outcome(place, load, lock)

    def _outcome(self, place: Place[Any], load: Load[Any], entry: Entry[Any]) -> str:
        """How a read ends that Redis has answered. A stale entry is loaded anew."""
        if entry.fresh_until > time.monotonic():
            return SHARED
        self._refresh(place, load, entry)
        return STALE

    async def _looked(self, place: Place[ValueT], shared: Shared, tracking: Tracking) -> Entry[ValueT] | None:
        """The entry of Redis, if it has one. Memory keeps it as long as Redis says when it changes.

        Raises `RedisUnavailableError`.
        """
        lease = tracking.lease

        async def looked(look: Look) -> Entry[ValueT] | None:
            entry = await shared.get(place.cached, place.key)
            if entry is not None and look.may_keep:
                entry.lease = lease
                self._levels.put(place, entry)
            return entry

        return await self._levels.looks.look(place.name, looked)

    def _refresh(self, place: Place[Any], load: Load[Any], entry: Entry[Any]) -> None:
        """Load a stale entry anew, beside the request."""
        now, name = time.monotonic(), place.name + REFRESH
        if now < entry.next_load or self._levels.flights.get(name) is not None:
            return
        entry.next_load = now + REFRESH_SECONDS
        self._levels.flights.begin(name, partial(self._refreshed, place, load))

    async def _refreshed(self, place: Place[Any], load: Load[Any], flight: Flight) -> None:
        usable = self._levels.usable(place.cached)
        try:
            if usable is None:
                await self._loading.alone(place, load, flight)
                return
            lock = await usable[0].acquire(place.cached, place.key, look=False)
            if isinstance(lock, Lock):
                await self._loading.filled(usable[0], place, load, flight, lock)
        except RedisUnavailableError:
            return  # it is counted
        except Exception as error:  # noqa: BLE001 - whatever the source raises
            suppressed = self._limit.allow()
            if suppressed is not None:
                reason = summary(error)
                log.warning("cache.refresh_failed", cache=place.cached.name, reason=reason, suppressed=suppressed)
