"""Histograms of durations. An observation is one search, one lock and one addition."""

import threading
import time
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import inf

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from .family import Family, Labels


class Duration:
    """The observations of one label set."""

    __slots__ = ("_bounds", "counts", "exemplars", "lock", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        """Start without observations. `bounds` are the buckets' upper limits, in seconds and in ascending order."""
        self.lock = threading.RLock()
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)  # the last bucket has no upper limit
        self.exemplars: dict[int, Exemplar] = {}
        self.total = 0.0

    def observe(self, seconds: float, trace_id: str = "") -> None:
        """Count one duration; `trace_id` becomes the exemplar of its bucket."""
        bucket = bisect_left(self._bounds, seconds)
        with self.lock:
            self.counts[bucket] += 1
            self.total += seconds
            if trace_id:
                self.exemplars[bucket] = Exemplar({"trace_id": trace_id}, seconds, time.time())


class Durations(Family[Duration]):
    """A family of histograms."""

    def __init__(
        self,
        name: str,
        text: str,
        labelnames: Labels,
        *,
        buckets: Sequence[float],
        registry: CollectorRegistry | None,
    ) -> None:
        """`buckets` are upper limits in seconds, in ascending order. A bucket without a limit is added."""
        self._bounds = tuple(buckets)
        self._ends = tuple(map(floatToGoString, (*buckets, inf)))
        super().__init__(name, text, labelnames, registry)

    def _made(self) -> Duration:
        return Duration(self._bounds)

    def _family(self, children: Iterable[tuple[Labels, Duration]]) -> Metric:
        family = HistogramMetricFamily(self._name, self._text, labels=self._labelnames)
        for labels, child in children:
            with child.lock:
                counts, exemplars, total = accumulate(child.counts), dict(child.exemplars), child.total
                rows = [(end, float(count)) for end, count in zip(self._ends, counts, strict=True)]
            buckets = [(*row, exemplars[at]) if at in exemplars else row for at, row in enumerate(rows)]
            family.add_metric(labels, buckets, total)
        return family
