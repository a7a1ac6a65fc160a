"""Reserved file descriptors, with which the management port answers when the process has no others left."""

import os


class Reserve:
    """Open descriptors of /dev/null, to be closed when another is needed. Only the management thread uses it."""

    def __init__(self, size: int) -> None:
        """Open `size` descriptors. Raises `OSError` if the process may not open as many."""
        self._size = size
        self._held: list[int] = []
        while len(self._held) < size:
            self._held.append(_open())

    @property
    def full(self) -> bool:
        """Whether all `size` descriptors are open."""
        return len(self._held) >= self._size

    def give(self, keep: int = 0) -> bool:
        """Close one descriptor, so that another can be opened, unless only `keep` are left. Returns whether it did."""
        if len(self._held) <= keep:
            return False
        os.close(self._held.pop())
        return True

    def take(self) -> None:
        """Open the missing descriptors again, as many as the process may open."""
        try:
            while not self.full:
                self._held.append(_open())
        except OSError:
            return

    def close(self) -> None:
        """Close all descriptors. `take` then opens none."""
        self._size = 0
        while self.give():
            pass


def _open() -> int:
    return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
