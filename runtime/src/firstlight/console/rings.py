"""A ring: the last items that fit into a number and into a number of bytes. Every thread may append and read."""

import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from operator import itemgetter
from typing import Generic, NamedTuple, TypeVar

from ..forks import renew_in_child

ITEM_BYTES = 160  # of an entry of the ring besides its item
MOST_WAITING = 32
WAITING_BYTES = 2048  # an item that is larger does not wait: a ring holds up to 64 KiB more than its limit

ItemT = TypeVar("ItemT")


class Entry(NamedTuple, Generic[ItemT]):
    """An item and the number under which it was appended. The first number is 1. The ring holds plain tuples."""

    seq: int
    size: int
    item: ItemT


class Ring(Generic[ItemT]):
    """The newest items. Their numbers grow by one, so that a reader sees what it has missed."""

    def __init__(self, number: int, max_bytes: int) -> None:
        """Keep at most `number` items, and at most `max_bytes` of them."""
        self.max_bytes = max_bytes
        self._number = number
        self._entries: deque[tuple[int, int, ItemT]] = deque()
        self._waiting: deque[tuple[ItemT, int]] = deque()
        self._held = 0
        self._last = 0
        self._renew()
        renew_in_child(self._renew)  # another thread may have held the lock at the fork

    def append(self, item: ItemT, size: int) -> None:
        """Add an item of `size` bytes. The oldest ones make way. An item that never fits is left out."""
        self._waiting.append((item, size))
        with self._lock:
            self._take()

    def append_soon(self, item: ItemT, size: int) -> None:
        """Add an item together with others, or when somebody reads.

        Between two requests the code for it leaves the caches of the processor, so that it takes several times as long.
        """
        self._waiting.append((item, size))
        if len(self._waiting) >= MOST_WAITING or size > WAITING_BYTES:
            with self._lock:
                self._take()

    @property
    def last(self) -> int:
        """The number of the newest item, 0 before the first."""
        with self._lock:
            self._take()
            return self._last

    @property
    def held(self) -> int:
        """The bytes of all items."""
        with self._lock:
            self._take()
            return self._held

    def entries(self, after: int = 0) -> Sequence[Entry[ItemT]]:
        """A copy of the entries with a higher number than `after`, the oldest first."""
        return [Entry(*entry) for entry in self.plain(after)]

    def plain(self, after: int = 0) -> Sequence[tuple[int, int, ItemT]]:
        """The same as number, size and item, for a reader that leaves most of them."""
        with self._lock:
            self._take()
            copied = list(self._entries)
        return copied[bisect_right(copied, after, key=itemgetter(0)) :] if after else copied

    def lost(self, after: int) -> int:
        """How many items with a higher number than `after` are not kept any more."""
        with self._lock:
            self._take()
            first = self._entries[0][0] if self._entries else self._last + 1
        return max(0, first - 1 - after)

    def resume(self, last: int) -> None:
        """Number the next item after `last`, the newest of the process before a reload."""
        with self._lock:
            self._take()
            self._last = max(self._last, last)

    def _take(self) -> None:
        """Add what waits. The caller has the lock."""
        entries, waiting = self._entries, self._waiting
        while waiting:
            item, size = waiting.popleft()
            size += ITEM_BYTES
            number = self._last = self._last + 1
            if size > self.max_bytes:
                continue
            entries.append((number, size, item))
            self._held += size
            while self._held > self.max_bytes or len(entries) > self._number:
                self._held -= entries.popleft()[1]

    def _renew(self) -> None:
        self._lock = threading.RLock()  # a finalizer or a signal may log while its thread is here
