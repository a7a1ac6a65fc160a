"""Writes in progress in this process. What two of them write at the same time is kept by neither."""

from collections import Counter


class Writers:
    """By the name of the entry."""

    def __init__(self) -> None:
        """None is in progress."""
        self._open: Counter[str] = Counter()
        self._overlapped: set[str] = set()

    def begin(self, name: str) -> None:
        """Begin a write."""
        self._open[name] += 1
        if self._open[name] > 1:
            self._overlapped.add(name)

    def end(self, name: str) -> bool:
        """End a write. Whether it was the only one since it began."""
        alone = name not in self._overlapped
        self._open[name] -= 1
        if not self._open[name]:
            del self._open[name]
            self._overlapped.discard(name)
        return alone

    def is_open(self, name: str) -> bool:
        """Whether a write is in progress: what is read meanwhile may be old."""
        return name in self._open
