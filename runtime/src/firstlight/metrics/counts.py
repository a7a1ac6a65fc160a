"""Counters whose increment is one lock and one addition."""

import threading
from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric

from .family import Family, Labels


class Count:
    """The counter of one label set."""

    __slots__ = ("lock", "value")

    def __init__(self) -> None:
        """Start at zero."""
        self.lock = threading.RLock()
        self.value = 0.0

    def inc(self, amount: float = 1.0) -> None:
        """Add `amount`, which is not negative."""
        with self.lock:
            self.value += amount


class Counts(Family[Count]):
    """A family of counters."""

    def _made(self) -> Count:
        return Count()

    def _family(self, children: Iterable[tuple[Labels, Count]]) -> Metric:
        family = CounterMetricFamily(self._name, self._text, labels=self._labelnames)
        for labels, count in children:
            family.add_metric(labels, count.value)
        return family
