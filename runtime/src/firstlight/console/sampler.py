"""The thread that looks at the service: for stalls all the time, for signals once a second."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from ..failures import report

SECOND = 1.0
LONGEST_WAIT_SECONDS = 0.1
FAILURE_SECONDS = 60.0  # between two reports of failures, which could otherwise come once a second


Result = TypeVar("Result")


class Sampler:
    """Calls functions periodically until it is stopped. A function that fails is called again."""

    def __init__(self, look: Callable[[], float], each_second: Callable[[], object]) -> None:
        """Call `start`. `look` returns the seconds until its next call."""
        self._look, self._each_second = look, each_second
        self._ended = threading.Event()
        self._reported = float("-inf")
        self._thread = threading.Thread(target=self._run, name="console", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, and wait for its end."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        due, wait = time.monotonic() + SECOND, 0.0
        while not self._ended.wait(wait):
            wait = self._call(self._look) or LONGEST_WAIT_SECONDS
            now = time.monotonic()
            if now >= due:
                due = max(due + SECOND, now)  # a second that was missed is not made up for
                self._call(self._each_second)
            wait = min(wait, max(due - time.monotonic(), 0.0))

    def _call(self, function: Callable[[], Result]) -> Result | None:
        try:
            return function()
        except Exception as error:  # noqa: BLE001 - the next call may work
            now = time.monotonic()
            if now - self._reported >= FAILURE_SECONDS:
                self._reported = now
                report("telemetry", "telemetry.failed", error, signal="console")
            return None
