"""The metrics of queues, by queue. The page of the service limits the number of queues."""

import time
from collections.abc import Sequence

from prometheus_client import Gauge

from ....metrics.counts import Counts
from ....metrics.instruments import REGISTRY
from .queue import Depth

OUTCOMES = ("queued", "refused", "flushed", "set_aside")
_WRITES = Counts("cache_write_behind_writes", "Writes by what became of them.", ("queue", "outcome"), REGISTRY)
_FLUSHES = Counts("cache_write_behind_flushes", "Attempts to empty the queue.", ("queue", "outcome"), REGISTRY)
_DEPTH = Gauge("cache_write_behind_depth", "Writes in the queue, of all instances.", ("queue",), registry=REGISTRY)
_AGE = Gauge("cache_write_behind_age_seconds", "Age of the oldest write in the queue.", ("queue",), registry=REGISTRY)
_KEPT = Gauge("cache_write_behind_set_aside", "Writes that were set aside.", ("queue",), registry=REGISTRY)


def depths() -> Sequence[tuple[str, float, float, float]]:
    """Of each queue of this process: its writes, the seconds of the oldest one, and the writes that were set aside."""
    writes, seconds, kept = (
        {sample.labels["queue"]: sample.value for family in gauge.collect() for sample in family.samples}
        for gauge in (_DEPTH, _AGE, _KEPT)
    )
    return [(queue, writes[queue], round(seconds.get(queue, 0), 1), kept.get(queue, 0)) for queue in writes]


class Measures:
    """The metrics of one queue."""

    def __init__(self, queue: str) -> None:
        """Create them now, so that increase() sees the first write."""
        self.queued, self.refused, self.flushed, self.set_aside = (_WRITES.labels(queue, each) for each in OUTCOMES)
        self._done, self._failed = (_FLUSHES.labels(queue, each) for each in ("done", "failed"))
        self._depth, self._age, self._kept = (gauge.labels(queue) for gauge in (_DEPTH, _AGE, _KEPT))
        self._last = Depth(0, 0.0, 0)
        self._at = time.monotonic()

    def take(self, depth: Depth) -> None:
        """Show what was measured after a flush."""
        self._done.inc()
        self._last, self._at = depth, time.monotonic()
        self._depth.set(depth.writes)
        self._age.set(depth.seconds)
        self._kept.set(depth.set_aside)

    def failed(self) -> None:
        """The server could not be asked: what waited then has become older, unless another instance has flushed it."""
        self._failed.inc()
        if self._last.writes:
            self._age.set(self._last.seconds + time.monotonic() - self._at)
