"""Counts by day, of the last days only."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime

DAYS = 7
DAY_SECONDS = 86_400


class DailyCounts:
    """Counts events: all of them, and those of each of the last days with one. Days are in UTC."""

    __slots__ = ("_clock", "_days", "total")

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """`clock` returns seconds since the epoch."""
        self._clock = clock
        self._days: dict[int, int] = {}
        self.total = 0

    def add(self) -> None:
        """Count one event."""
        today = int(self._clock()) // DAY_SECONDS
        self.total += 1
        self._days[today] = self._days.get(today, 0) + 1
        if len(self._days) > DAYS:
            del self._days[min(self._days)]

    @property
    def days(self) -> Mapping[date, int]:
        """The counts of the last days, in their order."""
        return {
            datetime.fromtimestamp(day * DAY_SECONDS, UTC).date(): count for day, count in sorted(self._days.items())
        }
