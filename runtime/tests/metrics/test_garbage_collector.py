"""Each pause of the garbage collector is observed once, with its duration."""

import gc
from collections.abc import Iterator

import pytest

from firstlight.metrics.garbage_collector import GarbageCollectionTimer, watch_garbage_collector
from firstlight.metrics.instruments import REGISTRY


@pytest.fixture(autouse=True)
def _own_callbacks() -> Iterator[None]:
    """No collection but the test's own, and the interpreter's callbacks as they were afterwards."""
    gc.disable()
    before = list(gc.callbacks)
    gc.callbacks[:] = [callback for callback in before if not isinstance(callback, GarbageCollectionTimer)]
    yield
    gc.callbacks[:] = before
    gc.enable()


def observed() -> tuple[float, float]:
    """The count and the sum of all pauses."""
    count, total = (REGISTRY.get_sample_value(f"python_gc_pause_seconds_{name}") for name in ("count", "sum"))
    assert count is not None
    assert total is not None
    return count, total


def test_a_pause_is_observed_with_its_duration() -> None:
    """From the start of the collection to its end."""
    times = iter([10.0, 10.5])
    gc.callbacks.append(GarbageCollectionTimer(lambda: next(times)))
    before = observed()
    gc.collect()
    after = observed()
    assert (after[0] - before[0], round(after[1] - before[1], 6)) == (1, 0.5)


def test_a_pause_is_observed_once() -> None:
    """However often an application is made in one process."""
    watch_garbage_collector()
    watch_garbage_collector()
    before, _ = observed()
    gc.collect()
    assert observed()[0] - before == 1
