"""One thread for what may take long: it is there from the start, and no request starts another."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")
Job = Callable[[], None]


class Worker:
    """Runs functions one after the other in a daemon thread, which never keeps the process from ending."""

    def __init__(self, name: str) -> None:
        """Not started. `name` is the thread's."""
        self._jobs: deque[Job | None] = deque()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread. Raises `RuntimeError` when the process may not have another."""
        self._thread.start()

    async def call(self, function: Callable[[], Result]) -> Result:
        """Run a function in the thread. One that has not begun when the caller is cancelled never begins."""
        future: Future[Result] = Future()

        def job() -> None:
            _settle(future, function)

        self._put(job)
        try:
            return await asyncio.wrap_future(future)
        finally:
            with self._changed:
                if job in self._jobs:  # a function before it hangs: do not queue for ever
                    self._jobs.remove(job)

    def stop(self) -> None:
        """End after the function that runs now, without waiting for it."""
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
