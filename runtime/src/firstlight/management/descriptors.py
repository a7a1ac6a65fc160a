"""File descriptors in reserve, so that the management port answers when the process has used up all others."""

import os


class Reserve:
    """Descriptors that are open for nothing but to be given back. One thread uses it: the management plane's."""

    def __init__(self, size: int) -> None:
        """Take `size` descriptors. Raises `OSError` when there are not as many."""
        self._size = size
        self._held: list[int] = []
        while len(self._held) < size:
            self._held.append(_open())

    @property
    def full(self) -> bool:
        """Whether nothing is missing."""
        return len(self._held) >= self._size

    def give(self, keep: int = 0) -> bool:
        """Free one descriptor for what is opened next, unless only `keep` are left. Returns whether there was one."""
        if len(self._held) <= keep:
            return False
        os.close(self._held.pop())
        return True

    def take(self) -> None:
        """Take back what is missing, as far as the process has descriptors left."""
        try:
            while not self.full:
                self._held.append(_open())
        except OSError:
            return

    def close(self) -> None:
        """Free all of them, and take none back."""
        self._size = 0
        while self.give():
            pass


def _open() -> int:
    return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
