"""The names of keys: `<service>:<environment>:cache:<cache>:<key>`, and those of locks, tags and epochs.

A key is a hash with a field for each version of the entry, such as `v1`. So two releases with different versions do not
read each other's entries, and what one of them changes is forgotten for both.
"""

from typing import Any, Generic, NamedTuple, TypeVar

from ...errors import ArrangementError
from .cached import Cached

ENTRY, TAG, LOCK, EPOCH = "cache", "cache.tag", "cache_lock", "cache_epoch"
_SPECIAL = str.maketrans({each: f"\\{each}" for each in "\\*?[]^"})

ValueT = TypeVar("ValueT")


class Place(NamedTuple, Generic[ValueT]):
    """One entry of one kind."""

    cached: Cached[ValueT]
    key: str
    name: str
    """In memory and in Redis."""


class Names:
    """Of one service in one environment."""

    def __init__(self, prefix: str) -> None:
        """`prefix` is `<service>:<environment>:`."""
        self._prefix = prefix
        self.tracked = (f"{prefix}{ENTRY}:", f"{prefix}{TAG}:")
        """The beginnings of the names whose changes concern memory: entries and tags."""
        self.probe = f"{prefix}cache_probe"
        """A key that never exists: removing it tells whether the server accepts writes."""
        self._bases: dict[Any, str] = {}

    def base(self, cached: Cached[Any]) -> str:
        """How the names of all entries begin. Raises `ArrangementError` if another kind has the same name."""
        found = self._bases.get(cached)
        if found is None:
            found = self._of(ENTRY, cached) + ":"
            if found in self._bases.values():
                msg = f"two kinds of entries have the name {cached.name!r}; one Cached of a service must have another"
                raise ArrangementError(msg)
            self._bases[cached] = found
        return found

    def place(self, cached: Cached[ValueT], key: str) -> Place[ValueT]:
        """The place of an entry."""
        return Place(cached, key, self.base(cached) + key)

    def lock(self, cached: Cached[Any], key: str) -> str:
        """The lock of an entry."""
        return f"{self._of(LOCK, cached)}:{key}"

    def tag(self, cached: Cached[Any], tag: str) -> str:
        """The token of a tag."""
        return f"{self._of(TAG, cached)}:{tag}"

    def epoch(self, cached: Cached[Any]) -> str:
        """What changes when entries are forgotten by pattern or tag."""
        return self._of(EPOCH, cached)

    def pattern(self, cached: Cached[Any], pattern: str) -> str:
        """A pattern of Redis for the entries whose key fits `pattern`."""
        return self.base(cached).translate(_SPECIAL) + pattern

    def entries_of_tag(self, name: str) -> str | None:
        """How the names of the entries begin that may have the tag of this name; None for any other name."""
        start = self.tracked[1]
        if not name.startswith(start):
            return None
        cache = name[len(start) :].partition(":")[0]
        return f"{self.tracked[0]}{cache}:"

    def _of(self, what: str, cached: Cached[Any]) -> str:
        return f"{self._prefix}{what}:{cached.name}"
