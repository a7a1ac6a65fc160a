"""The state machine of a circuit breaker: what passes, and how the outcomes of calls change that. It reads no clock."""

import threading
from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from .breaker_policy import BreakerPolicy


class State(StrEnum):
    """Whether calls pass."""

    CLOSED = "closed"
    """All do."""
    HALF_OPEN = "half_open"
    """A few do, to see whether the dependency works again."""
    OPEN = "open"
    """None does."""


@dataclass(slots=True)
class Tally:
    """Calls, and how many of them have failed and were slow."""

    second: int = 0
    calls: int = 0
    failed: int = 0
    slow: int = 0

    def count(self, failed: bool, slow: bool) -> None:  # noqa: FBT001 - counted, not asked
        """Count a call."""
        self.calls += 1
        self.failed += failed
        self.slow += slow


class Circuit:
    """Of one breaker. Threads may share it. All times are seconds of the same clock.

    An era ends with each change of the state. The outcome of a call that has begun in another era is not counted: a
    call from before the circuit opened says nothing about whether the dependency works again.
    """

    def __init__(self, policy: BreakerPolicy) -> None:
        """Closed, without calls."""
        self._policy, self._lock = policy, threading.Lock()
        self.state, self.era, self.reopens = State.CLOSED, 0, 0.0
        self._probes = 0  # that have begun in this era and were not interrupted
        self._seconds: deque[Tally] = deque()
        self.tally = Tally()
        """The calls that count: those of the window, or the probes of this era that have ended."""

    def admit(self, now: float) -> tuple[int | None, State | None]:
        """The era of a call that passes, or None, and the state that this led to. It must `end` or `interrupt`."""
        with self._lock:
            if self.state is State.CLOSED:
                return self.era, None
            changed = None
            if self.state is State.OPEN:
                if now < self.reopens:
                    return None, None
                changed = self._become(State.HALF_OPEN)
            if self._probes >= self._policy.probes:
                return None, changed
            self._probes += 1
            return self.era, changed

    def end(self, era: int, now: float, *, failed: bool, slow: bool) -> State | None:
        """Count a call that began in this era. Returns the state that this has led to."""
        with self._lock:
            if era != self.era or self.state is State.OPEN:
                return None
            if self.state is State.CLOSED:
                self._second(int(now)).count(failed, slow)
                self.tally.count(failed, slow)
                return self._open(now) if self.tally.calls >= self._policy.minimum_calls and self._is_bad() else None
            self.tally.count(failed, slow)
            if self.tally.calls < self._policy.probes:
                return None
            return self._open(now) if self._is_bad() else self._become(State.CLOSED)

    def interrupt(self, era: int) -> None:
        """A call was cancelled. If it was a probe, another call takes its place."""
        with self._lock:
            if era == self.era and self.state is State.HALF_OPEN:
                self._probes -= 1

    def _second(self, now: int) -> Tally:
        """The calls of this second. Those before the window leave."""
        seconds = self._seconds
        if seconds and seconds[-1].second >= now:
            return seconds[-1]
        while seconds and seconds[0].second <= now - self._policy.window_seconds:
            left = seconds.popleft()
            self.tally.calls -= left.calls
            self.tally.failed -= left.failed
            self.tally.slow -= left.slow
        seconds.append(Tally(now))
        return seconds[-1]

    def _is_bad(self) -> bool:
        tally, policy = self.tally, self._policy
        return tally.failed / tally.calls >= policy.failure_ratio or tally.slow / tally.calls >= policy.slow_ratio

    def _open(self, now: float) -> State:
        self.state, self.reopens = State.OPEN, now + self._policy.open_seconds
        self.era += 1
        return State.OPEN

    def _become(self, state: State) -> State:
        """Half-open or closed: what was counted before does not count."""
        self.state, self.tally, self._probes = state, Tally(), 0
        self._seconds.clear()
        self.era += 1
        return state
