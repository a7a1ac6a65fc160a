"""Algorithms that choose the server of a read. DATABASE_BALANCING names one.

Round robin and random choice suit equal replicas. `least_connections` avoids a replica whose reads take longer, and
`fastest` also one that is further away. A hash of the client is not among them: it keeps a session on one server, and a
read here needs no session. Weights are not either: `fastest` finds them by measurement.
"""

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Protocol, TypeVar

WEIGHT = 0.1  # of the newest duration in the average
HALF_LIFE_SECONDS = 10.0  # an average halves in this time, so that a server that was slow is tried again


class Load:
    """The reads of one server: how many are running, and how long they take."""

    __slots__ = ("_at", "_average", "_clock", "in_use")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Without reads. `clock` returns seconds."""
        self.in_use = 0
        self._clock = clock
        self._average = 0.0
        self._at = clock()

    def observe(self, seconds: float) -> None:
        """Count the duration of a read: a longer one at once, a shorter one by and by."""
        average = self.seconds
        self._average = seconds if seconds > average else average + WEIGHT * (seconds - average)
        self._at = self._clock()

    @property
    def seconds(self) -> float:
        """The average duration in seconds. It fades while the server gets no reads."""
        return self._average * math.exp2(-max(self._clock() - self._at, 0) / HALF_LIFE_SECONDS)


class Loaded(Protocol):
    """A server whose reads are counted."""

    @property
    def load(self) -> Load:
        """Its reads."""
        ...


LoadedT = TypeVar("LoadedT", bound=Loaded)


class Balancing(Protocol):
    """Chooses one of at least one server."""

    def __call__(self, servers: Sequence[LoadedT], /) -> LoadedT:
        """One of `servers`."""
        ...


class RoundRobin:
    """One after the other."""

    def __init__(self) -> None:
        """Begin with the first server."""
        self._turn = count()

    def __call__(self, servers: Sequence[LoadedT], /) -> LoadedT:
        """The next server."""
        return servers[next(self._turn) % len(servers)]


class Random:
    """Any, each with the same probability. Many instances with few reads each are then balanced, too."""

    def __init__(self, seed: int | None = None) -> None:
        """`seed` makes the choice repeatable."""
        self._random = random.Random(seed)  # noqa: S311 - no secret

    def __call__(self, servers: Sequence[LoadedT], /) -> LoadedT:
        """A random server."""
        return self._random.choice(servers)


class Lowest:
    """The server with the lowest cost; of several with the same cost, one after the other."""

    def __init__(self, cost: Callable[[Load], float]) -> None:
        """`cost` rates a server by its reads."""
        self._cost = cost
        self._in_turn = RoundRobin()

    def __call__(self, servers: Sequence[LoadedT], /) -> LoadedT:
        """The server with the lowest cost."""
        costs = [self._cost(server.load) for server in servers]
        lowest = min(costs)
        return self._in_turn([server for server, cost in zip(servers, costs, strict=True) if cost == lowest])


def least_connections() -> Balancing:
    """The fewest reads that are running."""
    return Lowest(lambda load: load.in_use)


def fastest() -> Balancing:
    """The shortest expected time: the average duration, times the reads that are running and this one."""
    return Lowest(lambda load: load.seconds * (load.in_use + 1))


ALGORITHMS: Mapping[str, Callable[[], Balancing]] = {
    "round_robin": RoundRobin,
    "random": Random,
    "least_connections": least_connections,
    "fastest": fastest,
}
