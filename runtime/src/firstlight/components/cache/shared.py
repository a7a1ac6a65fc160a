"""The second level: entries in Redis, shared by all instances. Every method raises `RedisUnavailableError`."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

import structlog

from ...data_servers import LogLimit
from .cached import Cached
from .entries import Entry, EntryError, Written, read, written
from .failures import WRONG_TYPE, RedisUnavailableError
from .metrics import ERRORS
from .names import Names
from .scripts import ACQUIRE, BEGIN, END, FILL, FORGET, PUT, RELEASE, RENEW
from .server import RedisServer

log = structlog.get_logger()

ValueT = TypeVar("ValueT")
ResultT = TypeVar("ResultT")
Arguments = list[str | int | bytes]
LOCK_SECONDS = 3.0  # after which the lock of a process that has ended is free; it is renewed meanwhile
WRITE_SECONDS = 60.0  # a write that takes longer keeps nothing
EPOCH_MILLISECONDS = 3_600_000
SCANNED = 1000  # keys of one step of a search


class Lock(NamedTuple):
    """The right to keep what is loaded."""

    text: bytes
    """What the key of the lock has, while it is ours."""


class Busy(NamedTuple):
    """Another one has the lock."""

    loads: bool
    """Whether it loads: then its entry is worth waiting for."""


class Shared:
    """The entries of one service in one environment."""

    def __init__(self, server: RedisServer, names: Names, max_bytes: int) -> None:
        """An entry of more than `max_bytes` is not kept."""
        self.lock_seconds = LOCK_SECONDS
        self.server, self._names, self._max_bytes = server, names, max_bytes
        self._limit = LogLimit()
        client = server.client
        self._acquire, self._fill, self._put = map(client.register_script, (ACQUIRE, FILL, PUT))
        self._release, self._renew, self._forget = map(client.register_script, (RELEASE, RENEW, FORGET))
        self._begin, self._end = map(client.register_script, (BEGIN, END))

    async def get(self, cached: Cached[ValueT], key: str) -> Entry[ValueT] | None:
        """The entry, unless it is missing, unreadable, or has a tag that was forgotten."""
        name = self._names.base(cached) + key
        try:
            text = await self._call("get", lambda: self.server.piped.ask("HGET", name, cached.field), cached)
        except RedisUnavailableError as error:
            if error.label != WRONG_TYPE:
                raise
            self._report(cached, "The key is not a hash.")
            return None
        return None if text is None else await self.entry(cached, text)

    async def entry(self, cached: Cached[ValueT], text: bytes) -> Entry[ValueT] | None:
        """The entry of a text, unless it is unreadable, or has a tag that was forgotten."""
        try:
            entry = read(cached, text)
        except EntryError as error:
            ERRORS.labels(cached.name, "get", "undecodable").inc()
            self._report(cached, str(error))
            return None
        if entry.tags:
            names = [self._names.tag(cached, tag) for tag in entry.tags]
            tokens = await self._call("get_tags", lambda: self.server.piped.ask("MGET", *names), cached)
            if [token and token.decode() for token in tokens] != list(entry.tags.values()):
                return None
        return entry

    async def acquire(self, cached: Cached[ValueT], key: str, *, look: bool = True) -> Lock | Busy | bytes:
        """The lock of an entry; or the text of an entry that is there by now, if it is to `look` for one."""
        token = secrets.token_hex(8)
        names = [*self._names_of(cached, key), self._names.epoch(cached)]
        arguments: Arguments = [token, _milliseconds(self.lock_seconds), int(look), cached.field]
        found: Any = await self._call("acquire", lambda: self._acquire(names, arguments), cached)
        if isinstance(found, bytes):
            return found
        return Lock(found[1]) if found[0] == 1 else Busy(loads=found[0] == 0)

    async def fill(self, cached: Cached[ValueT], key: str, lock: Lock, entry: Entry[ValueT]) -> bool:
        """Keep what was loaded, and give the lock back. Whether it was kept: nothing has changed meanwhile."""
        parts = written(entry)
        if self._is_too_large(cached, parts):
            await self.release(cached, key, lock)
            return False
        names = self._names_for(cached, key, parts)
        arguments: Arguments = [lock.text, *_arguments(cached, parts)]
        return bool(await self._call("fill", lambda: self._fill(names, arguments), cached))

    async def release(self, cached: Cached[Any], key: str, lock: Lock) -> None:
        """Give the lock back without an entry."""
        name = self._names.lock(cached, key)
        await self._call("release", lambda: self._release([name], [lock.text]), cached)

    async def renew(self, cached: Cached[Any], key: str, lock: Lock) -> bool:
        """Keep the lock for longer. Whether it is still there."""
        arguments: Arguments = [lock.text, _milliseconds(self.lock_seconds)]
        name = self._names.lock(cached, key)
        return bool(await self._call("renew", lambda: self._renew([name], arguments), cached))

    async def put(self, cached: Cached[ValueT], key: str, entry: Entry[ValueT]) -> bool:
        """Keep an entry in any case. False if it is too large."""
        parts = written(entry)
        if self._is_too_large(cached, parts):
            await self.forget(cached, key)
            return False
        names = self._names_for(cached, key, parts)
        await self._call("put", lambda: self._put(names, _arguments(cached, parts)), cached)
        return True

    async def forget(self, cached: Cached[Any], key: str) -> None:
        """Remove an entry, of every version. What loads in progress find is not kept."""
        names, arguments = self._names_of(cached, key), [_milliseconds(cached.settle)]
        await self._call("forget", lambda: self._forget(names, arguments), cached)

    async def begin(self, cached: Cached[Any], key: str) -> str:
        """Begin a write: the entry is removed, and nobody keeps one until the end. Returns its token."""
        token = secrets.token_hex(8)
        names = self._names_of(cached, key)
        arguments: Arguments = [token, _milliseconds(WRITE_SECONDS)]
        await self._call("begin", lambda: self._begin(names, arguments), cached)
        return token

    async def end(self, cached: Cached[ValueT], key: str, token: str, entry: Entry[ValueT] | None) -> None:
        """End a write. Its entry is kept if there is one, and there was no other write."""
        parts = Written(b"{", b"", 1, ()) if entry is None else written(entry)
        keeps = entry is not None and not self._is_too_large(cached, parts)
        names = self._names_for(cached, key, parts)
        lasts = (_milliseconds(WRITE_SECONDS), int(keeps), _milliseconds(cached.settle))
        await self._call("end", lambda: self._end(names, [token, *lasts, *_arguments(cached, parts)]), cached)

    async def forget_tagged(self, cached: Cached[Any], tag: str) -> None:
        """Forget every entry with a tag."""
        epoch, client = secrets.token_hex(8), self.server.client
        await self._call("forget", lambda: client.set(self._names.epoch(cached), epoch, px=EPOCH_MILLISECONDS), cached)
        await self._call("forget", lambda: client.delete(self._names.tag(cached, tag)), cached)

    async def forget_matching(self, cached: Cached[Any], pattern: str) -> int:
        """Remove every entry whose key fits. Returns how many. It looks at every key of the server's database."""
        epoch, client = secrets.token_hex(8), self.server.client
        await self._call("forget", lambda: client.set(self._names.epoch(cached), epoch, px=EPOCH_MILLISECONDS), cached)
        match, cursor, removed = self._names.pattern(cached, pattern), 0, 0
        while True:
            cursor, found = await self._call("scan", partial(client.scan, cursor, match, SCANNED), cached)
            if found:
                removed += await self._call("forget", partial(client.unlink, *found), cached)
            if not cursor:
                return removed

    def _report(self, cached: Cached[Any], reason: str) -> None:
        suppressed = self._limit.allow()
        if suppressed is not None:
            log.warning("cache.entry_unreadable", cache=cached.name, reason=reason, suppressed=suppressed)

    async def _call(self, operation: str, work: Callable[[], Awaitable[Any]], cached: Cached[Any]) -> Any:
        try:
            return await self.server.call(operation, work)
        except RedisUnavailableError as error:
            ERRORS.labels(cached.name, operation, error.label).inc()
            raise

    def _names_of(self, cached: Cached[Any], key: str) -> list[str]:
        return [self._names.base(cached) + key, self._names.lock(cached, key)]

    def _names_for(self, cached: Cached[Any], key: str, parts: Written) -> list[str]:
        tags = [self._names.tag(cached, tag) for tag in parts.tags]
        return [*self._names_of(cached, key), self._names.epoch(cached), *tags]

    def _is_too_large(self, cached: Cached[Any], parts: Written) -> bool:
        if len(parts.payload) <= self._max_bytes:
            return False
        ERRORS.labels(cached.name, "put", "too_large").inc()
        return True


def _arguments(cached: Cached[Any], parts: Written) -> Sequence[str | int | bytes]:
    lasts = (parts.milliseconds, _milliseconds(cached.tag_seconds))
    return [parts.head, parts.payload, *lasts, secrets.token_hex(8), cached.field, *parts.tags]


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
