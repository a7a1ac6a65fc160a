"""Algorithms that choose one of several servers, for a read of the database or a call of a dependency.

* `round_robin` and `random` suit equal servers; `random` also many callers with few calls each.
* `weighted_round_robin` suits servers whose weights are known, and is `round_robin` where they are equal.
* `least_connections` avoids a server whose calls take longer, and `fastest` also one that is further away.
* `hash` keeps the calls of one key on one server, as long as it is there.
"""

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from itertools import count
from typing import Protocol, TypeVar

AVERAGE_WEIGHT = 0.1  # of the newest duration in the average
HALF_LIFE_SECONDS = 10.0  # an average halves in this time, so that a server that was slow is tried again
LEAST_WEIGHT = 0.01  # of a server with the weight 0 next to one with 1: it gets few calls, not none
HASH_BYTES = 8


class Load:
    """The calls of one server: how many are running, and how long they take."""

    __slots__ = ("_at", "_average", "_clock", "in_use")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Without calls. `clock` returns seconds."""
        self.in_use = 0
        self._clock = clock
        self._average = 0.0
        self._at = clock()

    def observe(self, seconds: float) -> None:
        """Count the duration of a call: a longer one at once, a shorter one by and by."""
        average = self.seconds
        self._average = seconds if seconds > average else average + AVERAGE_WEIGHT * (seconds - average)
        self._at = self._clock()

    @property
    def seconds(self) -> float:
        """The average duration in seconds. It fades while the server gets no calls."""
        return self._average * math.exp2(-max(self._clock() - self._at, 0) / HALF_LIFE_SECONDS)


class Balanced(Protocol):
    """A server whose calls are counted."""

    @property
    def name(self) -> str:
        """Its name, which is another one than that of any other server of the same choice."""
        ...

    @property
    def weight(self) -> float:
        """Its share of the calls in relation to others; 0 is as little as possible."""
        ...

    @property
    def load(self) -> Load:
        """Its calls."""
        ...


ServerT = TypeVar("ServerT", bound=Balanced)


class Balancing(Protocol):
    """Chooses one of at least one server."""

    def __call__(self, servers: Sequence[ServerT], key: str = "", /) -> ServerT:
        """One of `servers`. `key` is what `hash` keeps on one server; the others do not use it."""
        ...


class RoundRobin:
    """One after the other."""

    def __init__(self) -> None:
        """Begin with the first server."""
        self._turn = count()

    def __call__(self, servers: Sequence[ServerT], _: str = "", /) -> ServerT:
        """The next server."""
        return servers[next(self._turn) % len(servers)]


class Random:
    """Any, each with the same probability. Many instances with few calls each are then balanced, too."""

    def __init__(self, seed: int | None = None) -> None:
        """`seed` makes the choice repeatable."""
        self._random = random.Random(seed)  # noqa: S311 - no secret

    def __call__(self, servers: Sequence[ServerT], _: str = "", /) -> ServerT:
        """A random server."""
        return self._random.choice(servers)


class Lowest:
    """The server with the lowest cost; of several with the same cost, one after the other."""

    def __init__(self, cost: Callable[[Load], float]) -> None:
        """`cost` rates a server by its calls."""
        self._cost = cost
        self._in_turn = RoundRobin()

    def __call__(self, servers: Sequence[ServerT], _: str = "", /) -> ServerT:
        """The server with the lowest cost."""
        costs = [self._cost(server.load) for server in servers]
        lowest = min(costs)
        return self._in_turn([server for server, cost in zip(servers, costs, strict=True) if cost == lowest])


class WeightedRoundRobin:
    """Each server in proportion to its weight, spread evenly: A, B, A, C, A for 3, 1 and 1, not A, A, A, B, C.

    Each choice gives every server its weight as credit. The one with the most credit is chosen, and pays for all.
    """

    def __init__(self) -> None:
        """Without credit."""
        self._credit: dict[str, float] = {}

    def __call__(self, servers: Sequence[ServerT], _: str = "", /) -> ServerT:
        """The server with the most credit."""
        weights = _weights(servers)
        credit = {s.name: self._credit.get(s.name, 0.0) + w for s, w in zip(servers, weights, strict=True)}
        chosen = max(servers, key=lambda server: credit[server.name])
        credit[chosen.name] -= sum(weights)
        self._credit = credit  # without those that are gone
        return chosen


class Rendezvous:
    """The server with the highest score for the key (rendezvous hashing), in proportion to the weights.

    When a server leaves, only its keys move, and they spread over all others. A hash modulo the number of servers would
    move nearly all keys. Without a key, it is `weighted_round_robin`.
    """

    def __init__(self) -> None:
        """It keeps no state about keys: all processes choose the same server."""
        self._without_key = WeightedRoundRobin()

    def __call__(self, servers: Sequence[ServerT], key: str = "", /) -> ServerT:
        """The server of `key`."""
        if not key:
            return self._without_key(servers)
        weights = dict(zip((server.name for server in servers), _weights(servers), strict=True))
        return max(servers, key=lambda server: _score(server.name, key, weights[server.name]))


def _weights(servers: Sequence[Balanced]) -> Sequence[float]:
    """Their weights. If all are 0, they are equal."""
    least = LEAST_WEIGHT * max(server.weight for server in servers) or 1.0
    return [max(server.weight, least) for server in servers]


def _score(name: str, key: str, weight: float) -> float:
    digest = blake2b(f"{name}\0{key}".encode(errors="surrogateescape"), digest_size=HASH_BYTES).digest()
    fraction = (int.from_bytes(digest) + 0.5) / 2 ** (8 * HASH_BYTES)  # between 0 and 1, and neither of them
    return -weight / math.log(fraction) if fraction < 1 else math.inf


def least_connections() -> Balancing:
    """The fewest calls that are running."""
    return Lowest(lambda load: load.in_use)


def fastest() -> Balancing:
    """The shortest expected time: the average duration, times the calls that are running and this one."""
    return Lowest(lambda load: load.seconds * (load.in_use + 1))


ALGORITHMS: Mapping[str, Callable[[], Balancing]] = {
    "round_robin": RoundRobin,
    "weighted_round_robin": WeightedRoundRobin,
    "random": Random,
    "least_connections": least_connections,
    "fastest": fastest,
    "hash": Rendezvous,
}
