"""States in the memory of this process, limited in number: clients choose the keys."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from .algorithms import rule
from .limit import Limit
from .metrics import EVICTED, KEYS
from .store import Claim, Standing

MAX_KEYS = 50_000  # of each limit: 7 MiB, and up to 45 MiB for a sliding window whose keys are all in constant use


class Table:
    """The states of one limit, in two generations.

    A state that is used moves to the young generation. When that is full, or as old as a state can become, the old one
    is dropped and the young one becomes old. So the keys that were used last are kept, expired ones leave without a
    search, and no request pays for more than its own key, except for the one that drops a generation.
    """

    def __init__(self, limit: Limit, max_keys: int, now: int) -> None:
        """Keep at most `max_keys` states."""
        algorithm = rule(limit)
        self.decide = algorithm.decide
        self._lifetime = algorithm.lifetime
        self.young: dict[str, Any] = {}
        self.old: dict[str, Any] = {}
        self.turn = now + self._lifetime
        self._half = max(1, max_keys // 2)
        self._evicted = EVICTED.labels(limit.name)
        KEYS.labels(limit.name).set_function(lambda: len(self.young) + len(self.old))

    def state(self, key: str, now: int) -> Any:
        """The state of a key, which is young from now on. None for a key without one."""
        if now >= self.turn:
            self.renew(now)
        state = self.young.get(key)
        if state is None and key in self.old:
            self.keep(key, state := self.old.pop(key), now)
        return state

    def keep(self, key: str, state: object, now: int) -> None:
        """Keep the state of a key. The old generation is dropped if there is no place for it."""
        if key not in self.young and len(self.young) >= self._half:
            self._evicted.inc(len(self.old))
            self.renew(now)
        self.young[key] = state

    def renew(self, now: int) -> None:
        """Drop the old generation."""
        self.old = self.young if now < self.turn + self._lifetime else {}
        self.young = {}
        self.turn = now + self._lifetime


class MemoryStore:
    """A store in the process. Its standings are there at once, without an await."""

    def __init__(
        self,
        limits: Sequence[Limit],
        *,
        max_keys: int = MAX_KEYS,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Keep at most `max_keys` keys of each limit. `clock` returns nanoseconds and must not go back."""
        self._clock = clock
        self._tables = {limit.name: Table(limit, max_keys, clock()) for limit in limits}

    def take(self, claims: Sequence[Claim]) -> list[Standing]:
        """Take the cost of each claim from its limit, or nothing if one of them refuses."""
        if len(claims) == 1:
            return [self._take_one(*claims[0])]
        now, passes = self._clock(), True
        standings: list[Standing] = []
        states: list[tuple[Table, str, Any]] = []
        for limit, key, cost in claims:
            table = self._tables[limit.name]
            state, standing = table.decide(table.state(key, now), now, cost)
            standings.append(standing)
            if standing[0]:
                passes = False
            states.append((table, key, state))
        if passes:
            for table, key, state in states:
                table.keep(key, state, now)
        return standings

    def _take_one(self, limit: Limit, key: str, cost: int) -> Standing:
        """The same for one claim, as most requests have."""
        now, table = self._clock(), self._tables[limit.name]
        state = table.young.get(key)
        if state is None or now >= table.turn:
            state = table.state(key, now)
        state, standing = table.decide(state, now, cost)
        if not standing[0]:
            if key in table.young:
                table.young[key] = state
            else:
                table.keep(key, state, now)
        return standing
