"""Writes and forgets entries."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from .cached import Cached
from .entries import Entry
from .failures import RedisUnavailableError
from .glob import compiled
from .levels import Levels
from .loading import entry_of
from .metrics import WRITES
from .pending import Change

ValueT = TypeVar("ValueT")


class Written:
    """What a write will leave in the cache: nothing, unless it says so."""

    entry: Entry[Any] | None = None


class Writing:
    """Of one process."""

    def __init__(self, levels: Levels) -> None:
        """Write nothing yet."""
        self._levels = levels

    async def put(self, cached: Cached[ValueT], key: str, value: ValueT | None) -> None:
        """Keep a value. It must be true now, and nobody may change it at the same time: otherwise use `change`."""
        WRITES.labels(cached.name, "put").inc()
        place, entry = self._levels.names.place(cached, key), entry_of(cached, value)
        self._levels.drop(place.name)
        if entry.exists_until == 0.0:  # of another type
            await self._levels.tell(Change(cached, "key", key))
        elif self._levels.shared is None:
            self._levels.put(place, entry)
        elif (usable := self._levels.usable(cached)) is not None:
            try:
                await usable[0].put(cached, key, entry)
            except RedisUnavailableError:
                await self._levels.tell(Change(cached, "key", key))

    async def forget(self, cached: Cached[Any], keys: Sequence[str]) -> None:
        """Forget entries."""
        for key in keys:
            WRITES.labels(cached.name, "forget").inc()
            self._levels.drop(self._name(cached, key))
            await self._levels.tell(Change(cached, "key", key))

    async def forget_tagged(self, cached: Cached[Any], tag: str) -> None:
        """Forget every entry with a tag."""
        WRITES.labels(cached.name, "forget_tagged").inc()
        self._levels.drop_tagged(self._levels.names.tag(cached, tag), self._levels.names.base(cached))
        await self._levels.tell(Change(cached, "tag", tag))

    async def forget_matching(self, cached: Cached[Any], pattern: str) -> None:
        """Forget every entry whose key fits a pattern of Redis."""
        WRITES.labels(cached.name, "forget_matching").inc()
        base, fits = self._levels.names.base(cached), compiled(pattern).fullmatch
        self._levels.detach_all(base)
        self._levels.memory.drop_all(lambda name: name.startswith(base) and fits(name[len(base) :]))
        await self._levels.tell(Change(cached, "pattern", pattern))

    @asynccontextmanager
    async def change(self, cached: Cached[Any], key: str) -> AsyncIterator[Written]:
        """A block that changes the source. Until it ends there is no entry; then there is the one that it leaves."""
        WRITES.labels(cached.name, "write").inc()
        name, written = self._name(cached, key), Written()
        self._levels.writers.begin(name)
        token: str | None = None
        try:
            self._levels.drop(name)
            token = await self._begin(cached, key)
            yield written
        except BaseException:
            written.entry = None
            raise
        finally:
            alone = self._levels.writers.end(name)
            self._levels.drop(name)
            await self._end(cached, key, token, written.entry if alone else None)

    async def _begin(self, cached: Cached[Any], key: str) -> str | None:
        usable = self._levels.usable(cached)
        if usable is None:
            return None
        try:
            return await usable[0].begin(cached, key)
        except RedisUnavailableError:
            return None  # the source is written in any case, and Redis forgets afterwards

    async def _end(self, cached: Cached[Any], key: str, token: str | None, entry: Entry[Any] | None) -> None:
        shared = self._levels.shared
        if shared is None:
            if entry is not None and entry.exists_until > 0.0:
                self._levels.put(self._levels.names.place(cached, key), entry)
            return
        if token is not None:
            try:
                await shared.end(cached, key, token, entry if entry is not None and entry.exists_until else None)
            except RedisUnavailableError:
                token = None
        if token is None:
            await self._levels.tell(Change(cached, "key", key))

    def _name(self, cached: Cached[Any], key: str) -> str:
        return self._levels.names.base(cached) + key
