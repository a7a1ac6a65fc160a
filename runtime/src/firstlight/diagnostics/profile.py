"""A CPU profile of all threads, by sampling their stacks. It costs about one hundredth of a core while it runs."""

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from types import CodeType, FrameType
from typing import Any

from .stacks import frames_of, line
from .threads import names_of_threads

LEAST_SECONDS, MOST_SECONDS = 1, 30
SAMPLE_SECONDS = 0.01
MOST_STACKS = 5000  # others are counted as one
OTHERS = "other stacks"
_WAITS = {("select", "selectors.py"), ("run_until_complete", "runners.py"), ("run", "runners.py")}

Key = tuple[str, tuple[CodeType, ...]]


def profile(seconds: float, ended: threading.Event, without: str = "") -> Mapping[str, Any]:
    """Sample for `seconds`, or until `ended` is set: `{"samples", "seconds", "stacks": [[["frame", ...], count]]}`.

    Stacks with code of the folder `without` are left out.

    A stack begins with the name of its thread, and its frames name functions with their first line. A sample counts for
    a thread that has used CPU time since the last one, unless it now waits in its event loop and has waited for longer.
    """
    sampler, begin = Sampler(without), time.monotonic()
    due = begin
    while (now := time.monotonic()) < begin + seconds:
        due = max(due + SAMPLE_SECONDS, now)  # samples that are late are not made up for
        if ended.wait(due - now):
            break
        sampler.sample()
    return {"samples": sampler.samples, "seconds": round(time.monotonic() - begin, 3), "stacks": sampler.stacks()}


class Sampler:
    """Counts the stacks of all threads but the one that samples."""

    def __init__(self, without: str = "") -> None:
        """No samples yet. Stacks with code of the folder `without` are not counted."""
        self.samples = 0
        self._counts: Counter[Key] = Counter()
        self._used: dict[int, float] = {}
        self._without = without and f"{without.rstrip(os.sep)}{os.sep}"

    def sample(self) -> None:
        """Look at every thread once."""
        names = names_of_threads()
        self.samples += 1
        for ident, frame in sys._current_frames().items():  # noqa: SLF001 - documented, underscore and all
            if ident in names and ident != threading.get_ident() and self._counts_for(ident, frame):
                key = names[ident], tuple(each.f_code for each in reversed(frames_of(frame)))
                if self._without and any(code.co_filename.startswith(self._without) for code in key[1]):
                    continue
                if key in self._counts or len(self._counts) < MOST_STACKS:
                    self._counts[key] += 1
                else:
                    self._counts[OTHERS, ()] += 1

    def stacks(self) -> list[tuple[list[str], int]]:
        """Each stack with its number of samples, the most frequent first."""
        return [
            ([name, *(line(code, code.co_firstlineno) for code in codes)], count)
            for (name, codes), count in self._counts.most_common()
        ]

    def _counts_for(self, ident: int, frame: FrameType) -> bool:
        try:
            used = time.clock_gettime(time.pthread_getcpuclockid(ident))
        except OSError:  # it has ended
            return False
        since = used - self._used.get(ident, used)
        self._used[ident] = used
        # A loop in C has no frame of its own: whether it works or waits, the innermost one is the call that runs it.
        return since > (SAMPLE_SECONDS / 2 if _waits(frame) else 0)


def _waits(frame: FrameType) -> bool:
    code = frame.f_code
    return (code.co_name, code.co_filename.rpartition("/")[2]) in _WAITS
