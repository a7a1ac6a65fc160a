"""Stalls of the event loop: one event with the loop's stack and the requests that wait for it, while it lasts."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from ..lifecycle import Active, Lifecycle
from ..logs.limits import TEXT_BYTES, cut_middle
from ..logs.redaction import redact_text
from ..metrics.event_loop import Heartbeat

STALL_SECONDS = 0.25  # a stall of this length is always seen; a shorter one if a beat was nearly due
EVENT_SECONDS = 10.0  # at most one event in this time
MOST_REQUESTS = 10
LATE_SECONDS = 0.1  # this thread did not get to run either: somebody holds the interpreter, or the process stood still
LONGEST_PATH_CHARACTERS = 256

log = structlog.get_logger()
Clock = Callable[[], float]


class StallWatch:
    """A thread that looks at the heartbeat when it would be too old: four to seven times a second."""

    def __init__(
        self,
        heartbeat: Heartbeat,
        lifecycle: Lifecycle,
        clock: Clock = time.monotonic,
        processor_clock: Clock = time.process_time,
    ) -> None:
        """Not watching yet."""
        self._heartbeat = heartbeat
        self._lifecycle = lifecycle
        self._clock, self._processor_clock = clock, processor_clock
        self._seen = 0.0  # the beat before the last stall
        self._suppressed = 0
        self._next_event = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="stall-watch", daemon=True)

    def start(self) -> None:
        """Watch from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
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
        """Report a stall that has not been reported. Returns after how many seconds to look again.

        Where the process `stood_still` (it was stopped, or got no processor) the heartbeat's age tells nothing yet.
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
            stack=cut_middle(self._heartbeat.stack(), TEXT_BYTES),  # the end is the blocking call
            active_requests=len(requests),
            requests=[*map(_described, requests[:MOST_REQUESTS])],
            suppressed=self._suppressed,
        )
        self._next_event, self._suppressed = now + EVENT_SECONDS, 0


def _described(request: Active) -> Mapping[str, Any]:
    scope = request.scope
    return {
        "request_id": request.ids.request_id,
        "trace_id": request.ids.trace_id,
        "http_request_method": str(scope.get("method", ""))[:LONGEST_PATH_CHARACTERS],
        "url_path": redact_text(scope["path"][:LONGEST_PATH_CHARACTERS]),
        "age_seconds": round((time.perf_counter_ns() - request.started) / 1e9, 3),
    }
