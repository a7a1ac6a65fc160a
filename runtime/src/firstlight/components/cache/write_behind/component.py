"""The component that a team declares for each queue."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ....component import Background, Component, NoSettings, Surroundings
from ....errors import ArrangementError, SettingsError
from ..redis_place import redis_of
from .codec import Codec
from .queue import Queue
from .stream import Command, RedisQueue
from .writes import Writes

if TYPE_CHECKING:
    from .applying import Apply

WriteT = TypeVar("WriteT")
MOST = 1_000_000  # writes in a queue


@dataclass(frozen=True, kw_only=True)
class _Declared(Generic[WriteT]):
    """A queue as the team declares it."""

    name: str
    kind: type[WriteT]
    to_database: "Apply[WriteT] | None"
    to_redis: Callable[[WriteT], Sequence[Command]] | None
    most: int

    @asynccontextmanager
    async def open(self, surroundings: Surroundings[NoSettings]) -> AsyncIterator[Writes[WriteT]]:
        """The queue, which is flushed once more before it is closed. Raises `SettingsError` if it has no place."""
        codec = Codec(self.kind)
        writes = Writes(self.name, self._queue(surroundings, codec), codec)
        try:
            yield writes
        finally:
            await writes.drain()

    async def flush(self, surroundings: Surroundings[Any]) -> None:
        """Flush it, as a background task."""
        await surroundings.resources[self.name].flush()

    def _queue(self, surroundings: Surroundings[NoSettings], codec: Codec[WriteT]) -> Queue:
        if self.to_database is not None and "database" in surroundings.resources:
            from ...database import DATABASE  # noqa: PLC0415 - a service without a database has no SQLAlchemy
            from .database_queue import DatabaseQueue  # noqa: PLC0415

            return DatabaseQueue(DATABASE.of(surroundings), self.name, codec, self.to_database, self.most)
        server = redis_of(surroundings)
        if self.to_redis is not None and server is not None:
            return RedisQueue(server, self.name, codec, self.to_redis, self.most)
        msg = f"the writes of {self.name} need a durable queue: {self._demand()}"
        raise SettingsError(msg)

    def _demand(self) -> str:
        demands = {
            "add the component database to the service": self.to_database,
            "set REDIS_URL, or TEST_CACHE=redis for tests": self.to_redis,
        }
        return ", or ".join(demand for demand, given in demands.items() if given) or "give to_database or to_redis"


def write_behind(  # noqa: PLR0913 - the declaration of a queue
    name: str,
    kind: type[WriteT],
    *,
    to_database: "Apply[WriteT] | None" = None,
    to_redis: Callable[[WriteT], Sequence[Command]] | None = None,
    every_seconds: float = 1.0,
    most: int = MOST,
) -> Component[NoSettings, Writes[WriteT]]:
    """The component with the queue of one kind of write. `name` is its name, and its label in metrics.

    The queue is where the writes take effect: in the database with `await to_database(session, writes)`, else in Redis
    with the commands of `to_redis(write)`. With both, the database is used if the service has one. Every
    `every_seconds` the queue is flushed. At most `most` writes are in it.
    Raises `ArrangementError` for values that cannot work.
    """
    if not (isfinite(every_seconds) and every_seconds > 0):
        msg = f"every_seconds of the queue {name!r} must be seconds above 0, not {every_seconds!r}"
        raise ArrangementError(msg)
    if most < 1:
        msg = f"most of the queue {name!r} must be a number of writes, at least 1, not {most!r}"
        raise ArrangementError(msg)
    declared = _Declared(name=name, kind=kind, to_database=to_database, to_redis=to_redis, most=most)
    return Component(
        name=name,
        settings=NoSettings,
        open=declared.open,
        uses=("cache", "database"),
        checks=lambda writes: writes.checks(),
        background=(Background(f"{name}_flush", declared.flush, every_seconds=every_seconds),),
    )
