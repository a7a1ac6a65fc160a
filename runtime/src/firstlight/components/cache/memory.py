"""The first level: entries in this process, limited in bytes and number. The least recently used one goes first."""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

from .entries import Entry
from .metrics import BYTES, ENTRIES, EVICTIONS

OVERHEAD_BYTES = 600  # of an entry beside its texts: objects, and its place in the table
OBJECT_FACTOR = 3  # a decoded value takes about so many times the bytes of its JSON, which is kept as well


class Memory:
    """Entries by their name. Only the thread of the event loop uses it."""

    def __init__(self, max_bytes: int, max_entries: int) -> None:
        """Empty."""
        self._max_bytes, self._max_entries = max_bytes, max_entries
        self._entries: OrderedDict[str, Entry[Any]] = OrderedDict()
        self._kinds: dict[str, str] = {}
        self._tagged: dict[str, set[str]] = {}
        self._used: dict[str, list[int]] = {}
        self.bytes = 0

    def __len__(self) -> int:
        """The number of entries."""
        return len(self._entries)

    def used(self, kind: str) -> tuple[int, int]:
        """The entries of a kind, and their bytes. Any thread may ask."""
        entries, used = self._used.get(kind, (0, 0))
        return entries, used

    def get(self, name: str) -> Entry[Any] | None:
        """The entry of this name, which becomes the last to go."""
        entry = self._entries.get(name)
        if entry is not None:
            self._entries.move_to_end(name)
        return entry

    def put(self, kind: str, name: str, entry: Entry[Any]) -> None:
        """Keep an entry of a kind, the label of metrics. Others go if there is no space for it.

        `entry.tag_names` are the names by which `drop_tagged` finds it.
        """
        self.drop(name)
        entry.size = OVERHEAD_BYTES + 2 * len(name) + OBJECT_FACTOR * len(entry.payload)
        if entry.size > self._max_bytes:
            return
        self._entries[name], self._kinds[name] = entry, kind
        for tag in entry.tag_names:
            self._tagged.setdefault(tag, set()).add(name)
        self._count(kind, 1, entry.size)
        while self.bytes > self._max_bytes or len(self._entries) > self._max_entries:
            evicted = next(iter(self._entries))
            EVICTIONS.labels(self._kinds[evicted]).inc()
            self.drop(evicted)

    def drop(self, name: str) -> str | None:
        """Forget an entry. Returns its kind, or None if there was none."""
        entry = self._entries.pop(name, None)
        if entry is None:
            return None
        kind = self._kinds.pop(name)
        for tag in entry.tag_names:
            names = self._tagged[tag]
            names.discard(name)
            if not names:
                del self._tagged[tag]
        self._count(kind, -1, -entry.size)
        return kind

    def drop_tagged(self, tag: str) -> None:
        """Forget every entry with the tag of this name."""
        for name in list(self._tagged.get(tag, ())):
            self.drop(name)

    def drop_all(self, fits: Callable[[str], object]) -> None:
        """Forget every entry whose name fits."""
        for name in [name for name in self._entries if fits(name)]:
            self.drop(name)

    def _count(self, kind: str, number: int, size: int) -> None:
        used = self._used.get(kind)
        if used is None:
            used = self._used[kind] = [0, 0]
            ENTRIES.labels(kind).set_function(partial(used.__getitem__, 0))
            BYTES.labels(kind).set_function(partial(used.__getitem__, 1))
        used[0] += number
        used[1] += size
        self.bytes += size
