"""What alerts and budgets read: the series that the console has seen in the last minutes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

Labels = Mapping[str, str]


class History(Protocol):
    """Samples in memory, read at one time. Labels given select every series that has them; none select all."""

    def series(self, name: str) -> Iterable[Labels]:
        """The labels of each series of a metric."""

    def value(self, name: str, labels: Labels) -> float | None:
        """The sum of the last values. None without a series."""

    def values(self, name: str, labels: Labels, seconds: float, step: float) -> Sequence[float]:
        """The same at each `step` of the last `seconds`, the oldest first, as far as it is known."""

    def increase(self, name: str, labels: Labels, seconds: float) -> float:
        """By how much counters grew within the last `seconds`, or since their first sample, added up."""
