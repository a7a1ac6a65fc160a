"""The golden signals: one point for each second of the last 15 minutes, and the routes of the last minute."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from .latencies import Latencies, Totals
from .rings import Ring

SECONDS = 900
POINT_BYTES = 420
MAX_BYTES = 600 * SECONDS
DIGITS = 6


class Point(NamedTuple):
    """One second. Durations are in seconds, memory in bytes, the processor in cores. None: no request ended."""

    t: float
    rate: float
    errors: float | None
    """The part of the requests that failed."""
    p50: float | None
    p95: float | None
    p99: float | None
    lag: float
    active: int
    memory: int
    cpu: float


class Process(NamedTuple):
    """Reads what the process uses: requests in progress, resident bytes, seconds of the processor."""

    active: Callable[[], int]
    memory: Callable[[], int]
    processor: Callable[[], float] = time.process_time


class Points:
    """The ring of points. One thread takes them."""

    def __init__(self, latencies: Latencies, process: Process, clock: Callable[[], float] = time.monotonic) -> None:
        """No point yet. `clock` returns seconds."""
        self.ring: Ring[Point] = Ring(SECONDS, MAX_BYTES)
        self._latencies = latencies
        self._process = process
        self._clock = clock
        self._last = latencies.totals()
        self._at, self._used = clock(), process.processor()

    def take(self, lag: float) -> None:
        """Add the point of the time since the last one. `lag` is the worst lag of the event loop, in seconds."""
        now, used, totals = self._clock(), self._process.processor(), self._latencies.take()
        seconds = max(now - self._at, 1e-6)
        ended = totals.since(self._last)
        point = Point(
            round(time.time(), 3),
            round(ended.number / seconds, 3),
            _rounded(ended.ratio),
            _rounded(ended.quantile(0.5)),
            _rounded(ended.quantile(0.95)),
            _rounded(ended.quantile(0.99)),
            round(lag, DIGITS),
            self._process.active(),
            self._process.memory(),
            round((used - self._used) / seconds, 4),
        )
        self._last, self._at, self._used = totals, now, used
        self.ring.append(point, POINT_BYTES)

    def since(self, moment: float) -> Sequence[Mapping[str, Any]]:
        """The points after a moment, in seconds since the epoch."""
        newer = takewhile(lambda point: point.t > moment, (Point(*item) for _, _, item in reversed(self.ring.plain())))
        return [point._asdict() for point in newer][::-1]

    def routes(self) -> Sequence[Mapping[str, Any]]:
        """The routes with requests in the last minute, the busiest first."""
        seconds, by_route = self._latencies.last_minute()
        shown = [_route(route, ended, seconds) for route, ended in by_route.items() if ended.number]
        return sorted(shown, key=lambda row: (-row["rate"], row["route"]))

    def kept(self) -> Iterator[list[Any]]:
        """All points, for the process after a reload."""
        return ([entry.seq, *entry.item] for entry in self.ring.entries())


def _route(route: str, ended: Totals, seconds: float) -> Mapping[str, Any]:
    return {
        "route": route,
        "rate": round(ended.number / seconds, 3),
        "p50": _rounded(ended.quantile(0.5)),
        "p99": _rounded(ended.quantile(0.99)),
        "errors": _rounded(ended.ratio),
    }


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, DIGITS)
