"""Stalls of the event loop of 100 ms and more, each with the stack of the loop and the requests in progress.

The duration of a stall is known to 12 ms. Each of 100 ms and more is seen, and some from 75 ms on. One in which no
other thread could run, because the interpreter was held, has neither a stack nor requests.
"""

import asyncio
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..lifecycle import Lifecycle
from ..logs.redaction import redact_text
from ..management.stalls import LATE_SECONDS, MOST_REQUESTS, described
from ..metrics.event_loop import INNERMOST_FRAMES
from ..problem_document import encoded
from .rings import Ring

NUMBER = 200
MAX_BYTES = 262_144
BEAT_SECONDS = 0.025
SHORTEST_SECONDS = 0.1
LOOK_SECONDS = 0.09  # after a beat, to see the stack of a stall before it can have ended
MOST_GAPS = 50
FRAME_CHARACTERS = 300
MEMORY = 3  # bytes of an object for each byte of its JSON, at most


class Gap(NamedTuple):
    """Two beats in a row, on the clock of the pulse."""

    first: float
    second: float


class Pulse:
    """A timer on the event loop, 40 times a second. Its delay is the lag of the loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Stopped until `start`. `clock` returns seconds."""
        self.last = clock()
        self.worst = 0.0
        """The longest delay, in seconds, since somebody has set it to 0."""
        self.beats = False
        self.gaps: deque[Gap] = deque(maxlen=MOST_GAPS)
        """Beats that were far apart: the last stalls that have ended."""
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._thread = 0

    def start(self) -> None:
        """Start on the running loop."""
        self._thread = threading.get_ident()
        self.beats = True
        self.last = self._clock()
        self._beat()

    def stop(self) -> None:
        """Stop. The loop is not watched any more."""
        self.beats = False
        if self._timer is not None:
            self._timer.cancel()

    def stack(self) -> Sequence[str]:
        """The current stack of the loop's thread, the innermost frame last."""
        frame = sys._current_frames().get(self._thread)  # noqa: SLF001 - documented, underscore and all
        if frame is None:
            return ()
        return [
            redact_text(line[:FRAME_CHARACTERS].strip()) for line in traceback.format_stack(frame, INNERMOST_FRAMES)
        ]

    def _beat(self) -> None:
        now = self._clock()
        self.worst = max(self.worst, now - self.last - BEAT_SECONDS)
        if now - self.last >= SHORTEST_SECONDS:
            self.gaps.append(Gap(self.last, now))
        self.last = now
        self._timer = asyncio.get_running_loop().call_later(BEAT_SECONDS, self._beat)


class Stall(NamedTuple):
    """A stall that has not ended."""

    beat: float
    """The last beat before it."""
    time: float
    stack: Sequence[str]
    requests: Sequence[Mapping[str, Any]]

    def shown(self, until: float) -> Mapping[str, Any]:
        """As JSON."""
        ms = round((until - self.beat - BEAT_SECONDS / 2) * 1000, 1)  # it began somewhere between two beats
        return {"time": self.time, "ms": ms, "stack": self.stack, "requests": self.requests}


class Stalls:
    """The ring of stalls. One thread looks."""

    def __init__(
        self,
        pulse: Pulse,
        lifecycle: Lifecycle,
        clock: Callable[[], float] = time.monotonic,
        processor: Callable[[], float] = time.process_time,
    ) -> None:
        """No stall yet. `clock` is the clock of `pulse`. `processor` returns the seconds that the process has used."""
        self.ring: Ring[Mapping[str, Any]] = Ring(NUMBER, MAX_BYTES)
        self._pulse = pulse
        self._lifecycle = lifecycle
        self._clock, self._processor = clock, processor
        self._open: Stall | None = None
        self._due, self._used = clock(), processor()
        self._ignored = 0.0

    def look(self) -> float:
        """Notice the begin or the end of a stall. Returns the seconds until the next call."""
        now, used, beat = self._clock(), self._processor(), self._pulse.last
        late, worked = now - self._due, used - self._used
        if late > LATE_SECONDS and worked < late / 2:  # the whole process did not run
            self._ignored = beat
            self._pulse.gaps.clear()
        while self._pulse.gaps:
            self._end(self._pulse.gaps.popleft())
        if self._open is not None and beat != self._open.beat:
            self._open = None
        age = now - beat
        wait = LOOK_SECONDS - age if age < LOOK_SECONDS else BEAT_SECONDS
        if self._pulse.beats and age >= LOOK_SECONDS and self._open is None and beat != self._ignored:
            self._open = Stall(beat, round(time.time() - age, 3), self._pulse.stack(), self._requests())
        self._due, self._used = now + wait, used
        return wait

    def worst_lag(self) -> float:
        """The longest lag since the last call, in seconds: that of a stall that goes on, or of a beat."""
        worst, self._pulse.worst = self._pulse.worst, 0.0
        lasting = self._clock() - self._open.beat - BEAT_SECONDS if self._open is not None else 0.0
        return max(worst, lasting, 0.0)

    def shown(self) -> Sequence[Mapping[str, Any]]:
        """All stalls, the newest last. One that goes on has the duration that it has reached."""
        items = [entry.item for entry in self.ring.entries()]
        lasting = self.lasting()
        return items if lasting is None else [*items, lasting]

    def lasting(self) -> Mapping[str, Any] | None:
        """The stall that goes on, if there is one."""
        stall, now = self._open, self._clock()
        if stall is None or stall.beat != self._pulse.last or now - stall.beat < SHORTEST_SECONDS:
            return None
        return stall.shown(now)

    def kept(self) -> Iterator[list[Any]]:
        """All stalls, for the process after a reload. One that goes on may end with this process."""
        for entry in self.ring.entries():
            yield [entry.seq, entry.item]
        if (lasting := self.lasting()) is not None:
            yield [self.ring.last + 1, lasting]

    def _end(self, gap: Gap) -> None:
        if gap.first == self._ignored:
            return
        known = self._open is not None and self._open.beat == gap.first
        began = round(time.time() - (self._clock() - gap.first), 3)
        stall = self._open if known and self._open is not None else Stall(gap.first, began, (), ())
        shown = stall.shown(gap.second)
        self.ring.append(shown, MEMORY * len(encoded(shown)))

    def _requests(self) -> Sequence[Mapping[str, Any]]:
        requests = sorted(self._lifecycle.requests, key=lambda request: request.started)
        return [_shown(described(request)) for request in requests[:MOST_REQUESTS]]


def _shown(request: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "method": request["http_request_method"],
        "path": request["url_path"],
        "trace_id": request["trace_id"],
        "request_id": request["request_id"],
        "age_ms": round(request["age_seconds"] * 1000),
    }
