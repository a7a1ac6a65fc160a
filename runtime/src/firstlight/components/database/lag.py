"""How far a replica is behind its primary, in seconds.

`pg_last_xact_replay_timestamp` alone says too much while the primary is idle: the last transaction is old, and nothing
is missing. The receiver's own positions say too little when a replica is cut from its primary: it has replayed all that
it received. So positions of the primary are noted with the time at which they were read. A replica is behind by the age
of the oldest position that it has not reached. Roles without rights may ask all this, and clocks need not agree.
"""

from collections import deque
from typing import NamedTuple

SAMPLES = 600  # positions that are kept: ten minutes of them

# A position is a number of bytes of the write-ahead log. `age` is NULL until a transaction was replayed.
POSITION = """
SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END
        - '0/0'::pg_lsn)::bigint AS wal,
       pg_is_in_recovery() AS replays,
       extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 AS age
"""


class Position(NamedTuple):
    """The answer to `POSITION`."""

    wal: int | None
    replays: bool
    age: float | None
    """Seconds since the commit of the last transaction that was replayed, if one was."""


class Primary:
    """The positions of the primary, and when it had reached them."""

    def __init__(self) -> None:
        """Without positions."""
        self.samples: deque[tuple[float, int]] = deque(maxlen=SAMPLES)
        self.restarts = 0
        """How often the positions began anew, because another server became the primary."""

    def note(self, at: float, wal: int) -> None:
        """The primary had written `wal` bytes when it was asked at `at`, in seconds of a monotonic clock."""
        if self.samples and wal < self.samples[-1][1]:
            self.samples.clear()
            self.restarts += 1
        if len(self.samples) > 1 and self.samples[-1][1] == self.samples[-2][1] == wal:
            self.samples.pop()  # of an idle time, its first and its last position are enough
        self.samples.append((at, wal))


class Lag:
    """The lag of one replica."""

    def __init__(self, primary: Primary) -> None:
        """Behind the positions of `primary`."""
        self._primary = primary
        self._restarts = primary.restarts
        self._reached: float | None = None  # when the primary had the newest position that the replica has reached

    def seconds(self, now: float, position: Position) -> float | None:
        """The lag at `now`, when the replica answered with `position`. `None` if it cannot be known.

        A server that replays nothing, such as one that is kept up to date by other means, has no known lag.
        """
        if self._restarts != self._primary.restarts:
            self._restarts, self._reached = self._primary.restarts, None
        samples, wal = self._primary.samples, position.wal
        if wal is None or not position.replays or not samples:
            return None
        missing = next((at for at, written in samples if written > wal), None)
        for at, written in reversed(samples):
            if written <= wal:
                self._reached = at
                break
        if missing is None:
            return 0.0
        longest = None if self._reached is None else now - self._reached
        return _within(position.age, now - missing, longest)


def _within(age: float | None, shortest: float, longest: float | None) -> float:
    """The replica's own estimate, kept within what the positions say."""
    if age is None:
        return shortest if longest is None else longest
    estimate = max(age, shortest)
    return estimate if longest is None else min(estimate, longest)
