"""The locks of our own instruments: a signal handler or a finalizer may count while its thread is counting."""

import threading
from collections.abc import Callable

import pytest

from firstlight.metrics.counts import Count
from firstlight.metrics.durations import Duration


def _count() -> tuple[Count, Callable[[], None]]:
    count = Count()
    return count, count.inc


def _duration() -> tuple[Duration, Callable[[], None]]:
    duration = Duration((1.0,))
    return duration, lambda: duration.observe(0.1)


@pytest.mark.parametrize("made", [_count, _duration], ids=["counter", "histogram"])
def test_a_thread_that_is_interrupted_while_it_counts_may_count_again(
    made: Callable[[], tuple[Count | Duration, Callable[[], None]]],
) -> None:
    """A lock that is not reentrant stops the thread for ever."""
    child, counts = made()

    def interrupted() -> None:
        with child.lock:  # a signal handler runs here, and from Python 3.12 on a finalizer
            counts()

    thread = threading.Thread(target=interrupted, daemon=True)
    thread.start()
    thread.join(10)

    assert not thread.is_alive()


def test_a_counter_loses_and_invents_nothing() -> None:
    """Ticks of many threads, other amounts, and readings in between."""
    count, rounds, threads = Count(), 20_000, 4
    seen: list[float] = []

    def ticks() -> None:
        for number in range(rounds):
            count.tick()
            if number % 1000 == 0:
                count.inc(0.5)
                seen.append(count.value)

    workers = [threading.Thread(target=ticks) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert count.value == count.value == threads * (rounds + rounds / 1000 / 2)
    assert max(seen) <= count.value
