"""Idempotency keys in the memory of the process, limited in number and in bytes, for each caller and for all.

A record is never dropped before its time, because its client would run the handler a second time without knowing. At a
limit, new keys are refused.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from ..compact import compact
from ..management.check import Check
from .store import Completion, FullError, Name, Record, StoredResponse

# What objects take besides their text, measured with tracemalloc: a record without a response, a response, a header.
RECORD_BYTES, RESPONSE_BYTES, HEADER_BYTES = 832, 160, 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much the store holds, and which share of it one caller may use."""

    keys: int = 50_000
    bytes: int = 33_554_432
    caller_share: float = 0.25


class _Entry:
    """The record of one name."""

    __slots__ = ("expires", "queue", "record", "size", "token", "usage")

    def __init__(self, usage: "_Usage", token: str, record: Record, size: int) -> None:
        self.usage, self.token, self.record, self.size = usage, token, record, size
        self.expires = 0.0
        self.queue: OrderedDict[Name, _Entry]


class _Usage:
    """What one caller uses."""

    __slots__ = ("bytes", "keys")

    def __init__(self) -> None:
        self.keys = self.bytes = 0


class MemoryStore:
    """A `Store` of one process. One event loop uses it."""

    def __init__(self, limits: Limits | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        """An empty store. `clock` returns seconds."""
        self._limits = limits or Limits()
        self._keys_of_a_caller = max(1, int(self._limits.keys * self._limits.caller_share))
        self._bytes_of_a_caller = int(self._limits.bytes * self._limits.caller_share)
        self._clock = clock
        self._tokens = count(1)
        self._entries: dict[Name, _Entry] = {}
        self._usage: dict[str, _Usage] = {}
        # Entries of one duration expire in the order in which they came.
        self._queues: dict[float, OrderedDict[Name, _Entry]] = {}
        self._next_expiry = math.inf  # nothing expires earlier
        self.bytes = 0
        """What the records take, as an estimate in bytes."""

    @property
    def keys(self) -> int:
        """The number of records."""
        return len(self._entries)

    async def reserve(self, name: Name, fingerprint: bytes, seconds: float) -> str | Record:
        """Reserve a name, or return its record. Raises `FullError`."""
        now = self._clock()
        if now >= self._next_expiry:
            self._expire(now)
        if (known := self._entries.get(name)) is not None:
            return known.record
        size = RECORD_BYTES + len(name.caller) + len(name.key)
        usage = self._usage.get(name.caller) or _Usage()
        self._require_space(usage, size, now)
        self._usage[name.caller] = usage
        entry = self._entries[name] = _Entry(usage, str(next(self._tokens)), Record(fingerprint, None), size)
        usage.keys += 1
        self._count(entry, size)
        self._put(name, entry, now + seconds, seconds)
        return entry.token

    async def complete(self, name: Name, token: str, response: StoredResponse, seconds: float) -> Completion:
        """Store the response, or only its status where there is no space for it."""
        now = self._clock()
        if now >= self._next_expiry:
            self._expire(now)
        entry = self._entries.get(name)
        if entry is None or entry.token != token:
            return Completion.EXPIRED
        added = _size(response)
        fits = self.bytes + added <= self._limits.bytes and entry.usage.bytes + added <= self._bytes_of_a_caller
        if fits:
            entry.size += added
            self._count(entry, added)
        entry.record = Record(entry.record.fingerprint, _compacted(response) if fits else response.without_body())
        del entry.queue[name]
        self._put(name, entry, now + seconds, seconds)
        return Completion.STORED if fits else Completion.SHORTENED

    async def release(self, name: Name, token: str) -> None:
        """Remove a reservation."""
        entry = self._entries.get(name)
        if entry is not None and entry.token == token and entry.record.response is None:
            self._remove(name, entry)

    def checks(self) -> Sequence[Check]:
        """None: memory is always there."""
        return ()

    def _require_space(self, usage: _Usage, size: int, now: float) -> None:
        for_all = len(self._entries) >= self._limits.keys or self.bytes + size > self._limits.bytes
        own = usage.keys >= self._keys_of_a_caller or usage.bytes + size > self._bytes_of_a_caller
        if for_all or own:
            raise FullError(for_all=for_all and not own, seconds=self._next_expiry - now)

    def _put(self, name: Name, entry: _Entry, expires: float, seconds: float) -> None:
        queue = self._queues.get(seconds)
        if queue is None:  # one for each duration that operations declare
            queue = self._queues[seconds] = OrderedDict()
        entry.expires, entry.queue = expires, queue
        self._next_expiry = min(self._next_expiry, expires)
        queue[name] = entry

    def _expire(self, now: float) -> None:
        """Remove what has expired. Called only when something may have."""
        self._next_expiry = math.inf
        for queue in self._queues.values():
            while queue:
                name = next(iter(queue))
                entry = queue[name]
                if entry.expires > now:
                    self._next_expiry = min(self._next_expiry, entry.expires)
                    break
                self._remove(name, entry)

    def _remove(self, name: Name, entry: _Entry) -> None:
        del self._entries[name], entry.queue[name]
        entry.usage.keys -= 1
        self._count(entry, -entry.size)
        if not entry.usage.keys:
            del self._usage[name.caller]

    def _count(self, entry: _Entry, added: int) -> None:
        self.bytes += added
        entry.usage.bytes += added


def _compacted(response: StoredResponse) -> StoredResponse:
    return response if response.body is None else response._replace(body=compact(response.body))


def _size(response: StoredResponse) -> int:
    size = RESPONSE_BYTES + len(response.headers) * HEADER_BYTES + len(response.body or b"")
    for name, value in response.headers:
        size += len(name) + len(value)
    return size
