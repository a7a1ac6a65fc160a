"""A queue in a stream of Redis, where its writes take effect: commands and the removal of an entry are one script."""

import json
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from ....failures import KnownError
from ....management.check import Check
from ....summary import summary
from ..server import RedisServer
from . import scripts
from .codec import Codec, Read, Unreadable, joined
from .queue import Depth, Flushed

WriteT = TypeVar("WriteT")
Command = Sequence[str | int]
"""A command of Redis with its arguments, such as `("HINCRBY", "visits", "a", 1)`."""
GROUP = "write_behind"
CALL_SECONDS, FLUSH_SECONDS = 1.0, 5.0
MARK_MILLISECONDS = 60_000
REQUEUED_AT_ONCE = 1000


class RedisQueue(Generic[WriteT]):
    """A `Queue` in Redis."""

    def __init__(
        self,
        server: RedisServer,
        name: str,
        codec: Codec[WriteT],
        commands: Callable[[WriteT], Sequence[Command]],
        most: int,
    ) -> None:
        """`commands` of a write must not have another effect. At most `most` writes wait or are set aside."""
        self._server, self._name = server, name
        key = partial(server.key, GROUP, "v1", name)
        self._keys = [key("entries"), key("set_aside"), key("depth")]
        self._mark = partial(key, "put")
        self._codec, self._commands, self._most = codec, commands, most
        self._put, self._flush, self._requeue = map(
            server.client.register_script, (scripts.PUT, scripts.FLUSH, scripts.REQUEUE)
        )

    async def put(self, writes: Sequence[bytes]) -> Sequence[bool]:
        """Add writes as one entry. It is there once, also if the client repeats the call on another connection."""
        keys = [*self._keys, self._mark(uuid.uuid4().hex)]
        given: list[Any] = [joined(writes), len(writes), self._most, MARK_MILLISECONDS]
        answer = await self._call(lambda: self._put(keys, given), CALL_SECONDS)
        return [answer == 1] * len(writes)

    async def flush(self, entries: int) -> Flushed:
        """Let the writes of the oldest entries take effect."""
        found = await self._call(lambda: self._server.client.xrange(self._keys[0], count=entries))
        if not found:
            return Flushed(0, 0, ())
        given = json.dumps([self._entry(key.decode(), fields) for key, fields in found])
        writes, reasons = await self._call(lambda: self._flush(self._keys, [given]))
        return Flushed(len(found), writes, [reason.decode() for reason in reasons])

    async def measure(self) -> Depth:
        """What it holds now."""
        entries, set_aside, depth = self._keys
        pipeline: Any = self._server.client.pipeline()
        pipeline.get(depth).xrange(entries, count=1).xlen(set_aside).time()
        writes, oldest, kept, (seconds, microseconds) = await self._call(pipeline.execute)
        now = seconds + microseconds / 1e6
        began = int(oldest[0][0].partition(b"-")[0]) / 1000 if oldest else now
        return Depth(int(writes or 0), max(0.0, now - began), kept)

    async def requeue(self) -> int:
        """Put the writes that were set aside at the end."""
        moved, some = 0, REQUEUED_AT_ONCE
        while some == REQUEUED_AT_ONCE:
            some = await self._call(lambda: self._requeue(self._keys, [REQUEUED_AT_ONCE]))
            moved += some
        return moved

    def checks(self) -> Sequence[Check]:
        """Whether the server keeps what it has accepted."""
        return (Check(f"{GROUP}.{self._name}", self._require_durable),)

    async def _require_durable(self) -> None:
        info = self._server.client.info
        found = {**await self._call(lambda: info("persistence")), **await self._call(lambda: info("memory"))}
        if not found.get("aof_enabled"):
            msg = "Redis forgets accepted writes when it ends; set appendonly yes and appendfsync always."
            raise KnownError(msg)
        if str(found.get("maxmemory_policy", "")).startswith("allkeys"):
            msg = "Redis may evict accepted writes; set maxmemory-policy to volatile-lru or noeviction."
            raise KnownError(msg)

    async def _call(self, work: Callable[[], Awaitable[Any]], seconds: float = FLUSH_SECONDS) -> Any:
        return await self._server.call(GROUP, work, seconds=seconds)

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
