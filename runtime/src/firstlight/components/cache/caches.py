"""The cache of a service: memory, over Redis where the service has a URL."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

from .cached import Cached
from .entries import Entry
from .levels import Levels
from .loading import Load, entry_of
from .reading import Reading
from .server import RedisServer
from .writing import Writing

ValueT = TypeVar("ValueT")
ResultT = TypeVar("ResultT")


class Caches:
    """The resource of the component. `CACHE.of(request)` returns it. No method raises an error of Redis."""

    def __init__(self, levels: Levels) -> None:
        """`levels` are the places where entries are."""
        self.levels = levels
        self._reading, self._writing = Reading(levels), Writing(levels)

    @property
    def redis(self) -> RedisServer | None:
        """The server, or None where memory is the only level."""
        return None if self.levels.shared is None else self.levels.shared.server

    async def read(self, cached: Cached[ValueT], key: str, load: Load[ValueT]) -> ValueT | None:
        """The value of a key (read-through). If it is not cached, `load` gets it from its source.

        `load` is called once for all who wait, in all processes; None means that the source has nothing. It runs in a
        task of its own: not in the transaction of the caller, and to its end if the caller is gone. Raises what it
        raises.
        """
        return _value(cached, await self._reading.read(cached, key, load))

    async def get(self, cached: Cached[ValueT], key: str) -> ValueT | None:
        """The cached value of a key, or None (cache-aside). Nothing is loaded."""
        entry = await self._reading.get(cached, key)
        return None if entry is None else _value(cached, entry)

    async def put(self, cached: Cached[ValueT], key: str, value: ValueT | None) -> None:
        """Keep a value (cache-aside). One that was read before another changed it hides the new one: see `read`."""
        await self._writing.put(cached, key, value)

    async def write(
        self, cached: Cached[ValueT], key: str, value: ValueT | None, save: Callable[[], Awaitable[ResultT]]
    ) -> ResultT:
        """Save a value to its source, then keep it (write-through). Returns what `save` returns.

        It is not kept when `save` raises, when Redis fails, or when another one writes it at the same time. Raises what
        `save` raises.
        """
        async with self._writing.change(cached, key) as written:
            result = await save()
            written.entry = entry_of(cached, value)
        return result

    @asynccontextmanager
    async def changing(self, cached: Cached[Any], *keys: str) -> AsyncIterator[None]:
        """A block that changes the sources of these entries. They are forgotten before it and after it.

        A process that is killed in the block leaves no old entry; one that is killed before `forget` may.
        """
        async with AsyncExitStack() as stack:
            for key in keys:
                await stack.enter_async_context(self._writing.change(cached, key))
            yield

    async def forget(self, cached: Cached[Any], *keys: str) -> None:
        """Forget entries, after their sources have changed."""
        await self._writing.forget(cached, keys)

    async def forget_tagged(self, cached: Cached[Any], tag: str) -> None:
        """Forget every entry with a tag."""
        await self._writing.forget_tagged(cached, tag)

    async def forget_matching(self, cached: Cached[Any], pattern: str) -> None:
        """Forget every entry whose key fits a pattern, such as `user:7:*`. Redis looks at all of its keys for this."""
        await self._writing.forget_matching(cached, pattern)

    async def ping(self) -> None:
        """Ask the server for nothing. Raises `RedisUnavailableError`."""
        server = self.redis
        if server is not None:
            await server.call("ping", server.client.ping)


def _value(cached: Cached[ValueT], entry: Entry[ValueT]) -> ValueT | None:
    """The value for one caller, who may change it."""
    if entry.value is None or cached.is_shared or not entry.payload:
        return entry.value
    return cached.decode(entry.payload)
