"""Detects a blocked event loop and logs, while it is blocked, the stack of the loop and the requests that wait."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from ..lifecycle import Active, Lifecycle
from ..logs.limits import TEXT_BYTES, cut_middle
from ..logs.redaction import redact_text
from ..metrics.event_loop import Heartbeat

STALL_SECONDS = 0.25  # every stall of this length is detected, and some shorter ones
EVENT_SECONDS = 10.0  # between two events
MOST_REQUESTS = 10
LATE_SECONDS = 0.1  # this thread was late, too: another thread held the GIL, or the process did not run
LONGEST_PATH_CHARACTERS = 256

log = structlog.get_logger()
Clock = Callable[[], float]


class StallWatch:
    """A thread that reads the age of the heartbeat four to seven times a second."""

    def __init__(
        self,
        heartbeat: Heartbeat,
        lifecycle: Lifecycle,
        clock: Clock = time.monotonic,
        processor_clock: Clock = time.process_time,
    ) -> None:
        """Call `start`. The clocks return seconds."""
        self._heartbeat = heartbeat
        self._lifecycle = lifecycle
        self._clock, self._processor_clock = clock, processor_clock
        self._seen = 0.0  # the beat before the last stall
        self._suppressed = 0
        self._next_event = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="stall-watch", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and wait for its end."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        seconds = STALL_SECONDS
        while True:
            due, processor = self._clock() + seconds, self._processor_clock()
            if self._ended.wait(seconds):
                return
            late, used = self._clock() - due, self._processor_clock() - processor
            seconds = self.look(stood_still=late > LATE_SECONDS and used < late / 2)

    def look(self, *, stood_still: bool) -> float:
        """Report a stall once. Returns the seconds until the next call.

        With `stood_still` the whole process did not run (it was stopped, or got no CPU): the age of the heartbeat is
        then not evidence of a stall.
        """
        beat = self._heartbeat.last
        age = self._clock() - beat
        if age < STALL_SECONDS:
            return STALL_SECONDS - age
        if stood_still:
            return LATE_SECONDS
        if self._lifecycle.started and beat != self._seen:
            self._seen = beat
            self._report(age)
        return STALL_SECONDS

    def _report(self, age: float) -> None:
        now = self._clock()
        if now < self._next_event:
            self._suppressed += 1
            return
        requests = sorted(self._lifecycle.requests, key=lambda request: request.started)
        log.error(
            "event_loop.blocked",
            age_seconds=round(age, 3),
            stack=cut_middle(self._heartbeat.stack(), TEXT_BYTES),  # keeps the end, which is the blocking call
            active_requests=len(requests),
            requests=[*map(described, requests[:MOST_REQUESTS])],
            suppressed=self._suppressed,
        )
        self._next_event, self._suppressed = now + EVENT_SECONDS, 0


def described(request: Active) -> Mapping[str, Any]:
    """An active request as a field of an event: its path is cut and redacted."""
    scope = request.scope
    return {
        "request_id": request.ids.request_id,
        "trace_id": request.ids.trace_id,
        "http_request_method": str(scope.get("method", ""))[:LONGEST_PATH_CHARACTERS],
        "url_path": redact_text(scope["path"][:LONGEST_PATH_CHARACTERS]),
        "age_seconds": round((time.perf_counter_ns() - request.started) / 1e9, 3),
    }
