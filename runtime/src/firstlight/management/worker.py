"""One thread for slow work. It is started with the process, so that no request has to start a thread."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")
Job = Callable[[], None]


class Worker:
    """Runs functions one after another in a daemon thread, for which the end of the process does not wait."""

    def __init__(self, name: str) -> None:
        """Call `start`. `name` is the name of the thread."""
        self._jobs: deque[Job | None] = deque()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread. Raises `RuntimeError` if the process may not start another."""
        self._thread.start()

    async def call(self, function: Callable[[], Result]) -> Result:
        """Run a function in the thread. If the caller is cancelled before the function begins, it is not run."""
        future: Future[Result] = Future()

        def job() -> None:
            _settle(future, function)

        self._put(job)
        try:
            return await asyncio.wrap_future(future)
        finally:
            with self._changed:
                if job in self._jobs:  # an earlier function hangs: do not let the queue grow
                    self._jobs.remove(job)

    def stop(self) -> None:
        """End the thread after the current function. Does not wait for it."""
        self._put(None)

    def _put(self, job: Job | None) -> None:
        with self._changed:
            self._jobs.append(job)
            self._changed.notify()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            job()

    def _next(self) -> Job | None:
        with self._changed:
            self._changed.wait_for(lambda: self._jobs)
            return self._jobs.popleft()


def _settle(future: Future[Result], function: Callable[[], Result]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function())
    except BaseException as error:  # noqa: BLE001 - the caller gets it, and the thread goes on
        # A `SystemExit` would end the loop of the caller.
        future.set_exception(error if isinstance(error, Exception) else RuntimeError(repr(error)))
