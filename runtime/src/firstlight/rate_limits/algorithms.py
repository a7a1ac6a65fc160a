"""The algorithms: each decides about one request from the state of its key, which is a small value that never changes.

All times are whole nanoseconds of a clock that never goes back, so no rounding adds up.
"""

from itertools import accumulate
from typing import Any, Protocol

from .limit import BUCKETS, Limit
from .store import Standing

SLOTS = 30  # of a sliding window


class Rule(Protocol):
    """One algorithm with the numbers of one limit."""

    lifetime: int
    """Nanoseconds after which an unused state has no meaning any more."""

    def decide(self, state: Any, now: int, cost: int) -> tuple[Any, Standing]:
        """Decide about a request at `now` nanoseconds. `state` is None for a key without one.

        Returns the new state, which counts only if the request passes, and where the key then stands.
        """


class Bucket:
    """Token bucket and leaky bucket: both are one number, the moment at which the bucket is at rest again.

    A token bucket is then full, a leaky one empty. Each request moves the moment later by the time that its tokens
    need to come back, or to leak, and is refused if that would be more than the bucket holds.
    """

    def __init__(self, limit: Limit) -> None:
        """Take the numbers of a limit. The time of one token is rounded up: never more requests than the limit says."""
        self._interval = -(-limit.period // limit.limit)
        self._span = self.lifetime = self._interval * limit.capacity

    def decide(self, state: int | None, now: int, cost: int) -> tuple[Any, Standing]:
        """Decide about one request."""
        at_rest = now if state is None or state < now else state
        moved = at_rest + cost * self._interval
        wait = moved - now - self._span
        if wait > 0:
            return state, (wait, (self._span + now - at_rest) // self._interval, at_rest - now)
        return moved, (0, -wait // self._interval, moved - now)


class FixedWindow:
    """A window begins with the first request after the one before has ended. The state: its end, and its count.

    Windows of one key are independent of those of others, so that not all clients come back at the same moment.
    """

    def __init__(self, limit: Limit) -> None:
        """Take the numbers of a limit."""
        self._limit = limit.limit
        self._period = self.lifetime = limit.period

    def decide(self, state: tuple[int, int] | None, now: int, cost: int) -> tuple[Any, Standing]:
        """Decide about one request."""
        if state is None or now >= state[0]:
            state = now + self._period, 0
        end, count = state
        left = self._limit - count - cost
        if left < 0:
            return state, (end - now, self._limit - count, end - now)
        return (end, count + cost), (0, left, end - now)


class SlidingWindow:
    """Counts the requests of the last period, in slots of a thirtieth of it.

    A slot counts until the newest request that it may hold has left the window. So no period has more requests than
    the limit, and a request waits at most one slot longer than with a list of all moments, which would take as many
    numbers as the limit has requests. The state: the newest slot with a request, and the counts of the slots up to it.
    """

    def __init__(self, limit: Limit) -> None:
        """Take the numbers of a limit."""
        self._limit = limit.limit
        self._slot = -(-limit.period // SLOTS)
        self.lifetime = (SLOTS + 1) * self._slot

    def decide(self, state: tuple[int, tuple[int, ...]] | None, now: int, cost: int) -> tuple[Any, Standing]:
        """Decide about one request."""
        slot = now // self._slot
        newest, counts = state or (slot, (0,))
        if slot > newest:
            counts = (*counts, *(0,) * min(slot - newest, SLOTS + 1))[-(SLOTS + 1) :]
        used = sum(counts)
        left = self._limit - used - cost
        if left < 0:
            oldest = slot + 1 - len(counts)
            freed = oldest + _place(counts, -left)
            return state, (self._leaves(freed) - now, self._limit - used, self._leaves(newest) - now)
        return (slot, (*counts[:-1], counts[-1] + cost)), (0, left, self._leaves(slot) - now)

    def _leaves(self, slot: int) -> int:
        """The moment at which a slot has left the window."""
        return (slot + 1 + SLOTS) * self._slot


def _place(counts: tuple[int, ...], needed: int) -> int:
    """The place up to which the counts add up to `needed`."""
    for place, total in enumerate(accumulate(counts)):
        if total >= needed:
            return place
    return len(counts) - 1


def rule(limit: Limit) -> Rule:
    """The algorithm of a limit."""
    if limit.algorithm in BUCKETS:
        return Bucket(limit)
    return FixedWindow(limit) if limit.algorithm == "fixed_window" else SlidingWindow(limit)
