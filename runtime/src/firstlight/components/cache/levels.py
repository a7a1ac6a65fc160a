"""What the parts of the cache share: both levels, loads and writes in progress, and what Redis must still forget."""

from collections.abc import Sequence
from typing import Any

from .cached import Cached
from .entries import Entry
from .failures import RedisUnavailableError
from .flights import Flights
from .looks import Looks
from .memory import Memory
from .metrics import INVALIDATED, PENDING_INVALIDATIONS, SERVER
from .names import Names, Place
from .pending import Change, Pending
from .settings import CacheSettings
from .shared import Shared
from .tracking import Tracking
from .writers import Writers

REFRESH = "\0refresh"  # behind the name of an entry: its load while the old value is returned


class Levels:
    """Of one process."""

    def __init__(self, settings: CacheSettings, names: Names, shared: Shared | None) -> None:
        """Without `shared`, memory is the only level."""
        self.names, self.shared = names, shared
        self.memory = Memory(settings.cache_memory_bytes, settings.cache_memory_entries)
        self.looks, self.flights, self.writers, self.pending = Looks(), Flights(), Writers(), Pending()
        self.drift_seconds = settings.cache_drift_seconds
        self.tracking: Tracking | None = None
        if shared is not None:
            PENDING_INVALIDATIONS.labels(SERVER).set_function(self.pending.__len__)
            self.tracking = Tracking(
                shared.server.destination,
                names,
                settings.cache_drift_seconds,
                changed=self._changed,
                renew=shared.server.renew,
                returned=self.tell_pending,
            )

    def usable(self, cached: Cached[Any]) -> tuple[Shared, Tracking] | None:
        """The second level, while its entries of this kind are true."""
        tracking = self.tracking
        if self.shared is None or tracking is None or not tracking.is_up or self.pending.concerns(cached):
            return None
        return self.shared, tracking

    def put(self, place: Place[Any], entry: Entry[Any]) -> None:
        """Keep an entry in memory."""
        if entry.tags:
            entry.tag_names = [self.names.tag(place.cached, tag) for tag in entry.tags]
        self.memory.put(place.cached.name, place.name, entry)

    def drop(self, name: str) -> str | None:
        """Forget an entry in memory, and what loads in progress will find. Returns its kind if it was there."""
        self.looks.detach(name)
        self.flights.detach(name)
        self.flights.detach(name + REFRESH)
        return self.memory.drop(name)

    def drop_tagged(self, tag: str, entries: str) -> None:
        """Forget the entries in memory with the tag of this name. `entries` is how their names begin."""
        self.detach_all(entries)
        self.memory.drop_tagged(tag)

    def detach_all(self, entries: str) -> None:
        """What is in progress for entries whose names begin so keeps nothing."""
        self.looks.detach_all(entries)
        self.flights.detach_all(entries)

    async def tell(self, change: Change) -> None:
        """Let Redis forget. If that is not possible now, it is done before Redis is used again."""
        if self.shared is None:
            return
        if self.tracking is None or not self.tracking.is_up:
            self.pending.add(change)
            return
        try:
            await self._apply(change)
        except RedisUnavailableError:
            self.pending.add(change)

    async def tell_pending(self) -> None:
        """Let Redis forget what it could not be told before. Raises `RedisUnavailableError`."""
        if len(self.pending):
            await self.pending.tell(self._apply)

    async def _apply(self, change: Change) -> None:
        assert self.shared is not None
        if change.kind == "key":
            await self.shared.forget(change.cached, change.text)
        elif change.kind == "tag":
            await self.shared.forget_tagged(change.cached, change.text)
        else:
            await self.shared.forget_matching(change.cached, change.text)

    def _changed(self, names: Sequence[bytes] | None) -> None:
        """Redis says that these entries have changed; without names, all of them."""
        if names is None:
            self.detach_all("")
            self.memory.drop_all(lambda _: True)
            return
        for each in names:
            name = each.decode(errors="replace")
            entries = self.names.entries_of_tag(name)
            if entries is not None:
                self.drop_tagged(name, entries)
            elif (kind := self.drop(name)) is not None:
                INVALIDATED.labels(kind).inc()
