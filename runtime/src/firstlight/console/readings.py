"""Readings of the metrics on which alerts depend: one in a second for 15 minutes, each series as an array.

Metrics that are not read each second can be asked for as well: they have their last value only.
"""

import math
import time
from array import array
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry

from .history import Labels
from .points import SECONDS

MOST_SERIES = 120
SERIES_BYTES = 8 * SECONDS + 900
MAX_BYTES = MOST_SERIES * SERIES_BYTES

Key = tuple[tuple[str, str], ...]
Values = dict[Key, "array[float]"]


class Readings:
    """A `History` of this process. One thread takes readings and asks, others may ask as well."""

    def __init__(
        self, registry: CollectorRegistry, samples: Collection[str], clock: Callable[[], float] = time.time
    ) -> None:
        """Read the samples with these names. `clock` returns seconds."""
        self._registry = registry
        self._read = registry.restricted_registry(samples)
        self._clock = clock
        self._values: dict[str, Values] = {name: {} for name in samples}
        self._series = 0
        self._times = array("d", [math.nan]) * SECONDS
        self._number = 0

    def take(self) -> None:
        """Read every series. One beyond the limit is left out."""
        now, place = self._clock(), self._number % SECONDS
        for every in self._values.values():
            for values in every.values():
                values[place] = math.nan
        for family in self._read.collect():
            for sample in family.samples:
                series = self._place_of(sample.name, _key(sample.labels))
                if series is not None:
                    series[place] = sample.value
        self._times[place] = now
        self._number += 1

    def series(self, name: str) -> Iterable[Labels]:
        """The labels of each series of a metric."""
        return [dict(key) for key in self.latest(name)]

    def value(self, name: str, labels: Labels) -> float | None:
        """The sum of the last values. None without a series."""
        return _sum(self.latest(name), labels)

    def values(self, name: str, labels: Labels, seconds: float, step: float) -> Sequence[float]:
        """The same at each `step` of the last `seconds`, the oldest first, as far as it is known."""
        if not self._number:
            return []
        steps, now = int(seconds / step), self._times[(self._number - 1) % SECONDS]
        numbers = [self._before(now - back * step) for back in range(steps, -1, -1)]
        found = [_sum(self._at(name, number), labels) for number in numbers if number is not None]
        return [value for value in found if value is not None]

    def increase(self, name: str, labels: Labels, seconds: float) -> float:
        """By how much counters grew within the last `seconds`, or since their first sample, added up."""
        if not self._number:
            return 0.0
        last = self._number - 1
        first = self._before(self._times[last % SECONDS] - seconds)
        now, then = last % SECONDS, (self._oldest if first is None else first) % SECONDS
        total = 0.0
        for key, values in list(self._values[name].items()):
            if _has(key, labels) and not math.isnan(values[now]):
                total += values[now] - (0.0 if math.isnan(values[then]) else values[then])
        return total

    @property
    def _oldest(self) -> int:
        return max(0, self._number - SECONDS)

    def _place_of(self, name: str, key: Key) -> "array[float] | None":
        every = self._values[name]
        if key not in every:
            if self._series >= MOST_SERIES:
                return None
            self._series += 1
            every[key] = array("d", [math.nan]) * SECONDS
        return every[key]

    def _before(self, moment: float) -> int | None:
        """The number of the last reading at or before a moment. Readings are about a second apart."""
        last, moment = self._number - 1, moment + 1e-6
        oldest = self._oldest
        number = max(oldest, min(last, last - int(self._times[last % SECONDS] - moment)))
        while number < last and self._times[(number + 1) % SECONDS] <= moment:
            number += 1
        while number >= oldest and self._times[number % SECONDS] > moment:
            number -= 1
        return number if number >= oldest else None

    def latest(self, name: str) -> Mapping[Key, float]:
        """The last value of each series of a metric, by its labels."""
        if name in self._values:
            return self._at(name, self._number - 1) if self._number else {}
        return self.live(name)

    def live(self, name: str) -> Mapping[Key, float]:
        """The value of each series of a metric now, by its labels."""
        found = self._registry.restricted_registry([name]).collect()
        return {_key(sample.labels): sample.value for family in found for sample in family.samples}

    def _at(self, name: str, number: int) -> Mapping[Key, float]:
        place = number % SECONDS
        every = ((key, values[place]) for key, values in list(self._values[name].items()))
        return {key: value for key, value in every if not math.isnan(value)}


class Snapshot:
    """The values of now, and the growth of the past. Each metric is read once, for one answer."""

    def __init__(self, readings: Readings) -> None:
        """Nothing is read yet."""
        self._readings = readings
        self._latest: dict[str, Mapping[Key, float]] = {}

    def series(self, name: str) -> Iterable[Labels]:
        """As those of the readings."""
        return [dict(key) for key in self._of(name)]

    def value(self, name: str, labels: Labels) -> float | None:
        """As those of the readings."""
        latest, key = self._of(name), _key(labels)
        return latest[key] if key in latest else _sum(latest, labels)

    def values(self, name: str, labels: Labels, seconds: float, step: float) -> Sequence[float]:
        """As those of the readings."""
        return self._readings.values(name, labels, seconds, step)

    def increase(self, name: str, labels: Labels, seconds: float) -> float:
        """As that of the readings."""
        return self._readings.increase(name, labels, seconds)

    def _of(self, name: str) -> Mapping[Key, float]:
        if name not in self._latest:
            self._latest[name] = self._readings.live(name)
        return self._latest[name]


def _key(labels: Labels) -> Key:
    return tuple(sorted(labels.items()))


def _has(key: Key, labels: Labels) -> bool:
    return all(pair in key for pair in labels.items())


def _sum(values: Mapping[Key, float], labels: Labels) -> float | None:
    found = [value for key, value in values.items() if _has(key, labels)]
    return sum(found) if found else None
