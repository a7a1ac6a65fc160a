"""The thread that looks at the service: for stalls all the time, for signals once a second."""

import threading
import time
from collections.abc import Callable

from ..failures import report

SECOND = 1.0
FAILURE_SECONDS = 60.0  # between two reports of failures, which could otherwise come once a second


class Sampler:
    """Calls functions periodically until it is stopped. A function that fails is called again."""

    def __init__(self, often: Callable[[], object], often_seconds: float, each_second: Callable[[], object]) -> None:
        """Call `start`."""
        self._often, self._often_seconds, self._each_second = often, often_seconds, each_second
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
        due = time.monotonic() + SECOND
        while not self._ended.wait(self._often_seconds):
            self._call(self._often)
            now = time.monotonic()
            if now >= due:
                due = max(due + SECOND, now)  # a second that was missed is not made up for
                self._call(self._each_second)

    def _call(self, function: Callable[[], object]) -> None:
        try:
            function()
        except Exception as error:  # noqa: BLE001 - the next call may work
            now = time.monotonic()
            if now - self._reported >= FAILURE_SECONDS:
                self._reported = now
                report("telemetry", "telemetry.failed", error, signal="console")
