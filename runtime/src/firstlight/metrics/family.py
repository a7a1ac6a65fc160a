"""A family of instruments with one child for each label set.

prometheus_client does the same with several calls, locks and objects for each observation. A scrape reads the same text
from both. The locks are reentrant: a signal handler or a finalizer may log, and so count, while its thread is counting.
"""

import threading
from collections.abc import Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from ..forks import renew_in_child

Labels = tuple[str, ...]


class Child(Protocol):
    """The instrument of one label set."""

    lock: threading.RLock


ChildT = TypeVar("ChildT", bound=Child)


class Family(Collector, Generic[ChildT]):
    """Children by their labels. Any thread may call it."""

    def __init__(self, name: str, text: str, labelnames: Labels, registry: CollectorRegistry | None) -> None:
        """Register the family without children. `text` is its help text."""
        self._name, self._text, self._labelnames = name, text, labelnames
        self._children: dict[Labels, ChildT] = {}
        self._lock = threading.RLock()
        renew_in_child(self._renew)
        if registry is not None:
            registry.register(self)

    def labels(self, *values: str) -> ChildT:
        """The child of these label values, created at the first call."""
        with self._lock:
            child = self._children.get(values)
            if child is None:
                child = self._children[values] = self._made()
            return child

    def children(self) -> Sequence[tuple[Labels, ChildT]]:
        """All children with their labels, as they are now."""
        with self._lock:
            return list(self._children.items())

    def clear(self) -> None:
        """Forget all children."""
        with self._lock:
            self._children.clear()

    def describe(self) -> Iterable[Metric]:
        """The family without its children. A registry uses it to find duplicate names."""
        return [self._family(())]

    def collect(self) -> Iterable[Metric]:
        """The family as it is now."""
        return [self._family(self.children())]

    def _made(self) -> ChildT:
        raise NotImplementedError

    def _family(self, children: Iterable[tuple[Labels, ChildT]]) -> Metric:
        raise NotImplementedError

    def _renew(self) -> None:
        """Keep the parent's counts in a child by fork, with new locks: another thread may have held the old ones."""
        self._lock = threading.RLock()
        for child in self._children.values():
            child.lock = threading.RLock()
