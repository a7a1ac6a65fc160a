"""Readings of the metrics on which alerts depend: one in a second for 15 minutes, each series as an array."""

import math
import time
from array import array
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from prometheus_client import CollectorRegistry

from .points import SECONDS

MOST_SERIES = 120
SERIES_BYTES = 8 * SECONDS + 600
MAX_BYTES = MOST_SERIES * SERIES_BYTES

Labels = tuple[tuple[str, str], ...]
"""Names and values, in the order of the names."""


class Series(NamedTuple):
    """The name of a sample, such as `slo_events_total`, and its labels."""

    name: str
    labels: Labels


class Readings:
    """The readings. One thread takes them, and others may read them. A series beyond the limit is left out."""

    def __init__(
        self, registry: CollectorRegistry, samples: Collection[str], clock: Callable[[], float] = time.time
    ) -> None:
        """Read the samples with these names. `clock` returns seconds."""
        self._registry = registry.restricted_registry(samples)
        self._clock = clock
        self._values: dict[Series, array[float]] = {}
        self._times = array("d", [math.nan]) * SECONDS
        self._number = 0

    def take(self) -> None:
        """Read every series."""
        now, place = self._clock(), self._number % SECONDS
        for values in self._values.values():
            values[place] = math.nan
        for family in self._registry.collect():
            for sample in family.samples:
                series = Series(sample.name, tuple(sorted(sample.labels.items())))
                if series not in self._values:
                    if len(self._values) >= MOST_SERIES:
                        continue
                    self._values[series] = array("d", [math.nan]) * SECONDS
                self._values[series][place] = sample.value
        self._times[place] = now
        self._number += 1

    def times(self) -> list[float]:
        """When the readings were taken, the oldest first."""
        first = max(0, self._number - SECONDS)
        return [self._times[number % SECONDS] for number in range(first, self._number)]

    def at(self, name: str, moment: float | None = None) -> Mapping[Labels, float]:
        """The values of a sample in the last reading, or in the last one that is not later than `moment`."""
        number = self._before(moment)
        return self._read(name, number) if number is not None else {}

    def increase(self, name: str, seconds: float, moment: float | None = None) -> Mapping[Labels, float]:
        """How much each counter has grown in the `seconds` before a moment, or since it was first read."""
        last = self._before(moment)
        if last is None:
            return {}
        first = self._before(self._times[last % SECONDS] - seconds)
        first = max(0, self._number - SECONDS) if first is None else first
        before = self._read(name, first)
        return {labels: value - before.get(labels, 0.0) for labels, value in self._read(name, last).items()}

    def _before(self, moment: float | None) -> int | None:
        """The number of the last reading at or before a moment."""
        oldest = max(0, self._number - SECONDS)
        for number in range(self._number - 1, oldest - 1, -1):
            if moment is None or self._times[number % SECONDS] <= moment:
                return number
        return None

    def _read(self, name: str, number: int) -> Mapping[Labels, float]:
        values = ((series, values[number % SECONDS]) for series, values in list(self._values.items()))
        return {series.labels: value for series, value in values if series.name == name and not math.isnan(value)}
