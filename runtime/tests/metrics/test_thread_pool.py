"""The thread pool shows how many threads work, how many there may be, and how many calls wait."""

import asyncio
import threading

from anyio import to_thread

from firstlight.metrics.instruments import REGISTRY
from firstlight.metrics.thread_pool import watch_thread_pool
from firstlight.testing.process import TIMEOUT_SECONDS


def test_active_threads_and_waiting_calls_are_counted() -> None:
    """With one thread and two calls one of them waits."""

    def sample() -> list[float | None]:
        names = ("active_threads", "max_threads", "queued_tasks")
        return [REGISTRY.get_sample_value(f"thread_pool_{name}") for name in names]

    async def serve() -> list[list[float | None]]:
        limiter = to_thread.current_default_thread_limiter()
        limiter.total_tokens = 1
        watch_thread_pool()
        seen = [sample()]
        running, release = threading.Event(), threading.Event()

        def work() -> None:
            running.set()
            release.wait(TIMEOUT_SECONDS)

        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(to_thread.run_sync(work))
            while not (running.is_set() and limiter.statistics().tasks_waiting):  # noqa: ASYNC110 - the pool has no event
                await asyncio.sleep(0)
            seen.append(sample())
            release.set()
        return [*seen, sample()]

    assert asyncio.run(serve()) == [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
