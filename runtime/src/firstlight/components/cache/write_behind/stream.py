"""A queue in a stream of Redis, where its writes take effect: commands and the removal of an entry are one script."""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ....failures import KnownError
from ....management.check import Check
from ....summary import summary
from ..redis_place import limited
from . import scripts
from .codec import Codec, Read, Unreadable, joined
from .queue import Depth, Flushed

if TYPE_CHECKING:
    from redis.asyncio import Redis

WriteT = TypeVar("WriteT")
Command = Sequence[str | int]
"""A command of Redis with its arguments, such as `("HINCRBY", "visits", "a", 1)`."""
CALL_SECONDS = 1.0
MARK_MILLISECONDS = 60_000
REQUEUED_AT_ONCE = 1000


class RedisQueue(Generic[WriteT]):
    """A `Queue` in Redis. Its keys begin with `prefix`."""

    def __init__(
        self,
        redis: "Redis",
        prefix: str,
        codec: Codec[WriteT],
        commands: Callable[[WriteT], Sequence[Command]],
        most: int,
    ) -> None:
        """`commands` of a write must not have another effect. At most `most` writes wait or are set aside."""
        self._redis = redis
        self._keys = [f"{prefix}:entries", f"{prefix}:set_aside", f"{prefix}:depth"]
        self._mark = f"{prefix}:put:"
        self._codec, self._commands, self._most = codec, commands, most
        self._put, self._flush, self._requeue = map(
            redis.register_script, (scripts.PUT, scripts.FLUSH, scripts.REQUEUE)
        )

    async def put(self, writes: Sequence[bytes]) -> Sequence[bool]:
        """Add writes as one entry. It is there once, also if the client repeats the call on another connection."""
        keys = [*self._keys, self._mark + uuid.uuid4().hex]
        async with limited(CALL_SECONDS):
            answer = await self._put(keys, [joined(writes), len(writes), self._most, MARK_MILLISECONDS])
        return [answer == 1] * len(writes)

    async def flush(self, entries: int) -> Flushed:
        """Let the writes of the oldest entries take effect."""
        async with limited(CALL_SECONDS):
            found: Any = await self._redis.xrange(self._keys[0], count=entries)
            if not found:
                return Flushed(0, 0, ())
            given = [self._entry(key.decode(), fields) for key, fields in found]
            writes, reasons = await self._flush(self._keys, [json.dumps(given)])
        return Flushed(len(found), writes, [reason.decode() for reason in reasons])

    async def measure(self) -> Depth:
        """What it holds now."""
        entries, set_aside, depth = self._keys
        async with limited(CALL_SECONDS):
            pipeline: Any = self._redis.pipeline()
            pipeline.get(depth).xrange(entries, count=1).xlen(set_aside).time()
            writes, oldest, kept, (seconds, microseconds) = await pipeline.execute()
        now = seconds + microseconds / 1e6
        began = int(oldest[0][0].partition(b"-")[0]) / 1000 if oldest else now
        return Depth(int(writes or 0), max(0.0, now - began), kept)

    async def requeue(self) -> int:
        """Put the writes that were set aside at the end."""
        moved, some = 0, REQUEUED_AT_ONCE
        async with limited(CALL_SECONDS):
            while some == REQUEUED_AT_ONCE:
                some = await self._requeue(self._keys, [REQUEUED_AT_ONCE])
                moved += some
        return moved

    def checks(self) -> Sequence[Check]:
        """Whether the server keeps what it has accepted."""
        return (Check("write_behind.durable", self._require_durable),)

    async def _require_durable(self) -> None:
        async with limited(CALL_SECONDS):
            found = {**await self._redis.info("persistence"), **await self._redis.info("memory")}
        if not found.get("aof_enabled"):
            msg = "Redis forgets accepted writes when it ends; set appendonly yes and appendfsync always."
            raise KnownError(msg)
        if str(found.get("maxmemory_policy", "")).startswith("allkeys"):
            msg = "Redis may evict accepted writes; set maxmemory-policy to volatile-lru or noeviction."
            raise KnownError(msg)

    def _entry(self, key: str, fields: Mapping[bytes, bytes]) -> Mapping[str, Any]:
        """An entry as the script takes it."""
        return {
            "id": key,
            "number": int(fields[b"number"]),
            "writes": [self._write(read) for read in self._codec.read(fields[b"writes"])],
        }

    def _write(self, read: Read[WriteT]) -> Mapping[str, Any]:
        text = read.text.decode()
        if isinstance(read.write, Unreadable):
            return {"text": text, "commands": [], "reason": read.write.reason}
        try:
            commands = [[str(part) for part in command] for command in self._commands(read.write)]
        except Exception as error:  # noqa: BLE001 - of the team's function
            return {"text": text, "commands": [], "reason": summary(error)}
        return {"text": text, "commands": commands}
