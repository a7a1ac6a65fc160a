"""A family of instruments with one child for each label set, as the requests of the service are counted.

The library's own do the same with several calls, locks and objects for each observation. What a scrape reads of these
is equal.
"""

import threading
from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from ..forks import renew_in_child

Labels = tuple[str, ...]


class Child(Protocol):
    """What has one label set."""

    lock: threading.Lock


ChildT = TypeVar("ChildT", bound=Child)


class Family(Collector, Generic[ChildT]):
    """Children by their labels, for any thread."""

    def __init__(self, name: str, text: str, labelnames: Labels, registry: CollectorRegistry | None) -> None:
        """No child yet. `text` is the help of the family."""
        self._name, self._text, self._labelnames = name, text, labelnames
        self._children: dict[Labels, ChildT] = {}
        self._lock = threading.Lock()
        renew_in_child(self._renew)
        if registry is not None:
            registry.register(self)

    def labels(self, *values: str) -> ChildT:
        """The child of these label values, made at the first call."""
        with self._lock:
            child = self._children.get(values)
            if child is None:
                child = self._children[values] = self._made()
            return child

    def clear(self) -> None:
        """Forget all children."""
        with self._lock:
            self._children.clear()

    def describe(self) -> Iterable[Metric]:
        """The family without its children: a registry finds names that are there twice."""
        return [self._family(())]

    def collect(self) -> Iterable[Metric]:
        """The family as it is now."""
        with self._lock:
            children = list(self._children.items())
        return [self._family(children)]

    def _made(self) -> ChildT:
        raise NotImplementedError

    def _family(self, children: Iterable[tuple[Labels, ChildT]]) -> Metric:
        raise NotImplementedError

    def _renew(self) -> None:
        """The counts of a child by fork go on from its parent's, whose threads may have held the locks."""
        self._lock = threading.Lock()
        for child in self._children.values():
            child.lock = threading.Lock()
