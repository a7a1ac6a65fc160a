"""What Redis must still forget: it could not be told when the entries changed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from .cached import Cached

MOST = 10_000  # then whole caches are forgotten
EVERYTHING = "*"

Kind = Literal["key", "tag", "pattern"]


@dataclass(frozen=True, slots=True)
class Change:
    """What changed: the entry of a key, or the entries with a tag, or those whose key fits a pattern."""

    cached: Cached[Any]
    kind: Kind
    text: str


class Pending:
    """The changes that the server has not heard of, in order."""

    def __init__(self) -> None:
        """None."""
        self._changes: dict[Change, None] = {}
        self._kinds: set[Cached[Any]] = set()

    def __len__(self) -> int:
        """How many."""
        return len(self._changes)

    def add(self, change: Change) -> None:
        """Remember a change."""
        self._kinds.add(change.cached)
        if len(self._changes) >= MOST:
            self._changes = dict.fromkeys(Change(cached, "pattern", EVERYTHING) for cached in self._kinds)
        else:
            self._changes[change] = None

    def concerns(self, cached: Cached[Any]) -> bool:
        """Whether entries of the server may be old."""
        return cached in self._kinds

    async def tell(self, apply: Callable[[Change], Awaitable[object]]) -> None:
        """Apply every change, the first one first. Raises what `apply` raises, and keeps the rest."""
        while self._changes:
            change = next(iter(self._changes))
            await apply(change)
            self._changes.pop(change, None)
        self._kinds.clear()
