"""When an instance gets no calls: after failures, for a time that grows, until a trial succeeds."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from ....balancing import Load
from ....errors import ArrangementError
from .instance import Instance

FAILED_SECONDS = 1.0  # a failed call counts as one of so long: what fails at once must not look fast


@dataclass(frozen=True, slots=True)
class Ejection:
    """When an instance is ejected, and for how long."""

    failures: int = 5
    """So many failed calls in a row."""
    ratio: float = 0.5
    """Or so many of the calls of the last time,"""
    calls: int = 20
    """if there were so many;"""
    half_life_seconds: float = 10.0
    """older ones count half after this time."""
    first_seconds: float = 5.0
    """The time of the first ejection. It doubles with each trial that fails."""
    longest_seconds: float = 300.0
    most: float = 0.5
    """The share of the instances that may be ejected at once."""

    def __post_init__(self) -> None:
        """Check the numbers. Raises `ArrangementError`."""
        numbers = (self.failures, self.ratio, self.calls, self.half_life_seconds, self.first_seconds)
        if not all(number > 0 for number in numbers) or self.longest_seconds < self.first_seconds:
            msg = "Ejection must have numbers above 0, and longest_seconds of at least first_seconds"
            raise ArrangementError(msg)
        if not 0 <= self.most < 1:
            msg = "Ejection must have a share from 0 to below 1 in most; with 0, no instance is ejected"
            raise ArrangementError(msg)


class Member:
    """An instance of a dependency, its calls, and whether it gets more."""

    def __init__(self, instance: Instance, policy: Ejection, clock: Callable[[], float] = time.monotonic) -> None:
        """It is used until its calls fail. `clock` returns seconds."""
        self.instance = instance
        self.load = Load(clock)
        self.ejected = False
        self.on_trial = False
        self._policy = policy
        self._clock = clock
        self._failures = 0
        self._good = self._bad = 0.0
        self._counted = clock()
        self._ejections = 0
        self._since = 0.0

    @property
    def name(self) -> str:
        """Host and port."""
        return self.instance.name

    @property
    def weight(self) -> float:
        """Its share of the calls."""
        return self.instance.weight

    @property
    def ejected_seconds(self) -> float:
        """How long the ejection lasts that it has now, or had last."""
        return min(math.ldexp(self._policy.first_seconds, min(self._ejections - 1, 30)), self._policy.longest_seconds)

    @property
    def ejected_at(self) -> float:
        """When it was ejected."""
        return self._since

    def is_due(self, *, repeatable: bool) -> bool:
        """Whether a call may try it. One that cannot be repeated elsewhere comes later, if there is no other."""
        if not self.ejected or self.on_trial:
            return False
        return self._clock() >= self._since + self.ejected_seconds * (1 if repeatable else 2)

    def count(self, *, failed: bool) -> str:
        """Count a call. The reason to eject the instance, or an empty text."""
        self._fade()
        if not failed:
            self._good += 1
            self._failures = 0
            return ""
        self._bad += 1
        self._failures += 1
        if self._failures >= self._policy.failures:
            return "consecutive_failures"
        calls = self._good + self._bad
        return "failure_ratio" if calls >= self._policy.calls and self._bad >= self._policy.ratio * calls else ""

    def eject(self) -> None:
        """It gets no calls until its time is over."""
        if not self.ejected and self._clock() > self._since + 2 * self._policy.longest_seconds:
            self._ejections = 0  # the last time is long ago
        self.ejected, self._since = True, self._clock()
        self._ejections += 1

    def readmit(self) -> None:
        """It gets calls again, and its failures are forgotten."""
        self.ejected, self._failures, self._good, self._bad = False, 0, 0.0, 0.0

    def _fade(self) -> None:
        now = self._clock()
        left = math.exp2(-max(now - self._counted, 0) / self._policy.half_life_seconds)
        self._good, self._bad, self._counted = self._good * left, self._bad * left, now
