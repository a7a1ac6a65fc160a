"""Histogram children, made once each and limited in number: `labels()` costs more than observing does."""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from .instruments import METRICS_SERIES_LIMIT

MAX_CHILDREN = 1000  # label sets of one instrument: some 17 series each
OVERFLOW = "overflow"

Labels = tuple[str, ...]
ChildT = TypeVar("ChildT")
ChildT_co = TypeVar("ChildT_co", covariant=True)


class Labelled(Protocol[ChildT_co]):
    """A histogram with labels: ours, or one of the library."""

    def labels(self, *values: str) -> ChildT_co:
        """The child of these label values."""


class Children(dict[Labels, ChildT], Generic[ChildT]):
    """The children of one histogram by their labels.

    The contract limits the labels; this limit holds even where a bug does not.
    """

    def __init__(
        self, histogram: Labelled[ChildT], overflowed: Callable[[Labels], Labels], limit: int = MAX_CHILDREN
    ) -> None:
        """No label set yet, and at most `limit`. `overflowed` makes the few that stand for all others."""
        super().__init__()
        self._histogram = histogram
        self._overflowed = overflowed
        self._limit = limit

    def __missing__(self, labels: Labels) -> ChildT:
        """Make a child, or count the overflow and fall back to one that stands for others."""
        if len(self) >= self._limit:
            METRICS_SERIES_LIMIT.inc()
            return self._histogram.labels(*self._overflowed(labels))
        child = self[labels] = self._histogram.labels(*labels)
        return child


def class_of(status: str) -> str:
    """`500` for every status code of that class; nothing for none."""
    return f"{status[0]}00" if status else ""
