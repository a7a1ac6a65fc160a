"""The durations of requests since a moment: number, failures and quantiles, from the histogram of `/metrics`."""

import time
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from ..metrics.durations import Durations
from ..metrics.instruments import LATENCY_BUCKETS_SECONDS
from ..requests.outcome import NOT_OURS

STEP_SECONDS = 5  # between two readings of the routes
WINDOW_SECONDS = 60
MOST_ROUTES = 100
OTHERS = "(others)"
_BUCKETS = len(LATENCY_BUCKETS_SECONDS) + 1


class Totals(NamedTuple):
    """The requests in each bucket, the last without an upper limit, and how many of them have failed."""

    counts: Sequence[int]
    failed: int = 0

    @property
    def number(self) -> int:
        """All requests."""
        return sum(self.counts)

    @property
    def ratio(self) -> float | None:
        """The part of the requests that failed. None without requests."""
        return self.failed / self.number if self.number else None

    def since(self, before: "Totals") -> "Totals":
        """What came after `before`."""
        counts = [now - then for now, then in zip(self.counts, before.counts, strict=True)]
        return Totals(counts, self.failed - before.failed)

    def quantile(self, part: float) -> float | None:
        """A quantile in seconds, as `histogram_quantile` of Prometheus estimates it. None without requests."""
        wanted, lower = part * self.number, 0.0
        if not wanted:
            return None
        for count, upper in zip(self.counts, LATENCY_BUCKETS_SECONDS, strict=False):
            if count and wanted <= count:
                return lower + (upper - lower) * wanted / count
            wanted, lower = wanted - count, upper
        return lower


NOTHING = Totals(array("Q", bytes(8 * _BUCKETS)))
ByRoute = Mapping[str, Totals]


class Latencies:
    """Reads the histogram, and remembers the routes of the last minute. One thread takes, others may read."""

    def __init__(self, durations: Durations, clock: Callable[[], float] = time.monotonic) -> None:
        """Read `durations`. `clock` returns seconds."""
        self._durations = durations
        self._clock = clock
        self._readings: deque[tuple[float, ByRoute]] = deque(maxlen=WINDOW_SECONDS // STEP_SECONDS)
        self._readings.append((clock(), self._by_route()))

    def totals(self) -> Totals:
        """The requests of all routes so far."""
        return _sum(self._by_route().values())

    def take(self) -> Totals:
        """The same, and remember the routes if it is time for that."""
        by_route, now = self._by_route(), self._clock()
        if now - self._readings[-1][0] >= STEP_SECONDS:
            self._readings.append((now, by_route))
        return _sum(by_route.values())

    def last_minute(self) -> tuple[float, ByRoute]:
        """The requests of each route in about a minute, and the length of that time in seconds."""
        began, before = self._readings[0]
        now = self._by_route()
        ended = {route: totals.since(before.get(route, NOTHING)) for route, totals in now.items()}
        return max(self._clock() - began, 1.0), ended

    def _by_route(self) -> ByRoute:
        found: dict[str, Totals] = {}
        for (_, template, _, error_type, _), child in self._durations.children():
            route = template if template in found or len(found) < MOST_ROUTES else OTHERS
            known = found.get(route, NOTHING)
            counts = array("Q", child.counts)
            failed = 0 if error_type in NOT_OURS else sum(counts)
            found[route] = Totals(array("Q", map(sum, zip(known.counts, counts, strict=True))), known.failed + failed)
        return found


def _sum(parts: Iterable[Totals]) -> Totals:
    total, failed = [0] * _BUCKETS, 0
    for part in parts:
        total, failed = [*map(sum, zip(total, part.counts, strict=True))], failed + part.failed
    return Totals(total, failed)
