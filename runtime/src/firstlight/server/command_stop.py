"""SIGTERM and SIGINT of a command: they cancel it, and end the process when that does not help."""

import signal
import threading
from asyncio import Task
from collections.abc import Callable
from typing import Any

GiveUp = Callable[[float], object]  # called in a thread of its own, with the seconds that were waited


class Stop:
    """Listens for the signals."""

    def __init__(self, seconds: float) -> None:
        """Listen from now on, also while there is nothing to cancel yet. `seconds` is the time to end."""
        self._seconds = seconds
        self._cancels: tuple[Task[Any], GiveUp] | None = None
        self._timer: threading.Timer | None = None
        self._told = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._hear)

    def cancels(self, task: Task[Any], give_up: GiveUp) -> None:
        """Cancel this task from now on, at once where the signal has been heard."""
        self._cancels = task, give_up
        if self._told:
            self._cancel()

    def ended(self) -> None:
        """There is nothing to cancel any more."""
        self._cancels = None
        if self._timer is not None:
            self._timer.cancel()

    def _hear(self, *_: object) -> None:
        self._told = True
        self._cancel()

    def _cancel(self) -> None:
        if self._cancels is None or self._timer is not None:  # a second signal would cut the closing of components
            return
        task, give_up = self._cancels
        self._timer = threading.Timer(self._seconds, give_up, (self._seconds,))
        self._timer.daemon = True
        self._timer.start()
        task.get_loop().call_soon_threadsafe(task.cancel)
