"""The garbage collector: the pauses of all threads."""

import gc
import time
from collections.abc import Callable
from typing import Literal

from prometheus_client import Histogram

from .instruments import REGISTRY
from .pauses import PAUSE_BUCKETS_SECONDS

GC_PAUSE = Histogram(
    "python_gc_pause_seconds",
    "Time all threads stood still for a collection.",
    buckets=PAUSE_BUCKETS_SECONDS,
    registry=REGISTRY,
)


class GarbageCollectionTimer:
    """Observes every pause of the garbage collector while it is registered with `gc.callbacks`."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """Read the time from `clock`."""
        self._clock = clock
        self._started = 0.0

    def __call__(self, phase: Literal["start", "stop"], _: dict[str, int]) -> None:
        """Called by the interpreter around each collection."""
        if phase == "start":
            self._started = self._clock()
        else:
            GC_PAUSE.observe(self._clock() - self._started)


def watch_garbage_collector() -> None:
    """Measure collections from now on. Call it once per process."""
    if not any(isinstance(callback, GarbageCollectionTimer) for callback in gc.callbacks):
        gc.callbacks.append(GarbageCollectionTimer())
