"""Limits how often a line of one kind is logged, for events that clients can cause as often as they like."""

import time
from collections.abc import Callable, Iterable

SECONDS_PER_LINE = 10.0


class LimitedLines:
    """Allows at most one line of each kind per `SECONDS_PER_LINE`. One thread uses it."""

    def __init__(self, kinds: Iterable[str], clock: Callable[[], float] = time.monotonic) -> None:
        """Limit the lines of `kinds`. `clock` returns seconds."""
        self._clock = clock
        self._next_line = dict.fromkeys(kinds, float("-inf"))
        self._suppressed = dict.fromkeys(self._next_line, 0)

    def suppressed(self, kind: str) -> int | None:
        """How many lines of this kind were suppressed since the last one. None: suppress this line as well."""
        now = self._clock()
        if now < self._next_line[kind]:
            self._suppressed[kind] += 1
            return None
        self._next_line[kind] = now + SECONDS_PER_LINE
        suppressed, self._suppressed[kind] = self._suppressed[kind], 0
        return suppressed
