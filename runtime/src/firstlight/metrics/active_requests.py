"""Requests in progress, counted at each scrape: a gauge would need a lock for each request."""

from collections import Counter
from collections.abc import Callable, Iterable

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from .instruments import REGISTRY

NAME = "http_server_active_requests"
TEXT = "Requests being served now."
LABELS = ("http_request_method", "url_scheme")

Labels = tuple[str, str]


class ActiveRequests(Collector):
    """A gauge by method and scheme. A child is kept with 0."""

    def __init__(self) -> None:
        """Nothing is served."""
        self._requests: Callable[[], Iterable[Labels]] = tuple
        self._known: Counter[Labels] = Counter({("GET", "http"): 0})

    def watch(self, requests: Callable[[], Iterable[Labels]]) -> None:
        """Count what `requests` returns: method and scheme of each request in progress."""
        self._requests = requests

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """One family."""
        family = GaugeMetricFamily(NAME, TEXT, labels=LABELS)
        counted = Counter(self._requests())
        self._known.update(dict.fromkeys(counted, 0))
        for labels in self._known:
            family.add_metric(labels, counted[labels])
        return [family]


ACTIVE_REQUESTS = ActiveRequests()
REGISTRY.register(ACTIVE_REQUESTS)
