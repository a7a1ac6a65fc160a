"""The event loop: its lag, and the age of its heartbeat."""

import asyncio
import sys
import threading
import time
import traceback

from prometheus_client import Histogram

from .instruments import REGISTRY
from .pauses import PAUSE_BUCKETS_SECONDS

BEAT_SECONDS = 0.1
INNERMOST_FRAMES = 50  # of a stack that may be thousands deep

LOOP_LAG = Histogram(
    "event_loop_lag_seconds", "How late the event loop ran a timer.", buckets=PAUSE_BUCKETS_SECONDS, registry=REGISTRY
)


class Heartbeat:
    """A repeated timer on the event loop. Its delay is the lag of the loop; its age shows whether the loop is stuck."""

    def __init__(self) -> None:
        """Stopped until `start`."""
        self._beat = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._thread = 0

    def start(self) -> None:
        """Start the timer on the running loop."""
        self._beat = time.monotonic()
        self._thread = threading.get_ident()
        self._timer = asyncio.get_running_loop().call_later(BEAT_SECONDS, self._on_beat)

    def stop(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()

    @property
    def last(self) -> float:
        """When the loop last ran a timer, on the monotonic clock."""
        return self._beat

    @property
    def age(self) -> float:
        """Seconds since the loop last ran a timer; read from any thread."""
        return time.monotonic() - self._beat

    def stack(self) -> str:
        """The current stack of the loop's thread."""
        frame = sys._current_frames().get(self._thread)  # noqa: SLF001 - documented, underscore and all
        return "".join(traceback.format_stack(frame, INNERMOST_FRAMES)) if frame else ""

    def _on_beat(self) -> None:
        LOOP_LAG.observe(max(0.0, self.age - BEAT_SECONDS))
        self.start()
