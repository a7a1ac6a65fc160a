"""The heartbeat measures how late the event loop is, and shows what blocks it."""

import asyncio
import threading

from firstlight.metrics.event_loop import BEAT_SECONDS, Heartbeat
from firstlight.metrics.instruments import REGISTRY
from firstlight.testing.process import TIMEOUT_SECONDS


def lags() -> float:
    """How often the lag has been observed."""
    value = REGISTRY.get_sample_value("event_loop_lag_seconds_count")
    assert value is not None
    return value


def test_the_age_of_the_heartbeat_shows_a_blocked_loop() -> None:
    """Another thread sees the age grow while the loop is blocked, and fall when it continues."""
    heartbeat = Heartbeat()
    blocked, seen, going_on = threading.Event(), threading.Event(), threading.Event()
    ages: list[float] = []

    def watch() -> None:
        assert blocked.wait(TIMEOUT_SECONDS)
        pause = threading.Event()
        while heartbeat.age < 3 * BEAT_SECONDS:
            pause.wait(0.01)
        ages.append(heartbeat.age)
        seen.set()
        assert going_on.wait(TIMEOUT_SECONDS)
        while heartbeat.age > BEAT_SECONDS / 2:
            pause.wait(0.001)
        ages.append(heartbeat.age)

    async def serve() -> None:
        heartbeat.start()
        blocked.set()
        assert seen.wait(TIMEOUT_SECONDS)  # what a synchronous call in a coroutine does
        going_on.set()
        await asyncio.to_thread(watcher.join, TIMEOUT_SECONDS)
        heartbeat.stop()

    watcher = threading.Thread(target=watch)
    before = lags()
    watcher.start()
    asyncio.run(serve())
    watcher.join()
    assert len(ages) == 2
    assert ages[0] >= 3 * BEAT_SECONDS
    assert lags() > before
    late = REGISTRY.get_sample_value("event_loop_lag_seconds_sum")
    assert late is not None
    assert late >= BEAT_SECONDS


def hang(until: threading.Event) -> None:
    """What a synchronous call in a coroutine does."""
    until.wait(TIMEOUT_SECONDS)


def test_the_stack_of_a_blocked_loop_names_the_blocking_call() -> None:
    """Another thread reads the stack of the loop's thread."""
    heartbeat = Heartbeat()
    assert heartbeat.stack() == ""
    hanging, seen = threading.Event(), threading.Event()
    stacks: list[str] = []

    def watch() -> None:
        assert hanging.wait(TIMEOUT_SECONDS)
        pause = threading.Event()
        while not (stacks and "in hang" in stacks[-1]) and len(stacks) < 1000:  # until the loop's thread has reached it
            stacks.append(heartbeat.stack())
            pause.wait(0.001)
        seen.set()

    async def serve() -> None:
        heartbeat.start()
        hanging.set()
        hang(until=seen)
        heartbeat.stop()

    watcher = threading.Thread(target=watch)
    watcher.start()
    asyncio.run(serve())
    watcher.join()
    assert "in hang" in stacks[-1]
    assert "in watch" not in stacks[-1]


def test_a_stopped_heartbeat_observes_nothing() -> None:
    """Stopping one that was never started does nothing."""
    heartbeat = Heartbeat()
    heartbeat.stop()

    async def serve() -> float:
        heartbeat.start()
        heartbeat.stop()
        before = lags()
        await asyncio.sleep(1.5 * BEAT_SECONDS)
        return lags() - before

    assert asyncio.run(serve()) == 0
    assert heartbeat.age > BEAT_SECONDS
