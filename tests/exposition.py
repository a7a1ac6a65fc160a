"""What an instance exports about one component: every series of its contract, for a real Prometheus."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from dashboard_answers import LABELS, SCRAPE_SECONDS, hurry
from live import Prometheus, Settings, prometheus
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from rulebook import part

Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily
KINDS: dict[str, type[Family]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "histogram": HistogramMetricFamily,
}


@dataclass(eq=False)
class Exposition(Collector):
    """Bad values of one component. Counters and histograms grow with each scrape."""

    component: str
    values: Mapping[str, Sequence[str]]
    """The values of each label; a series of the contract has all combinations."""
    gauges: Mapping[str, float] = field(default_factory=dict)
    """Where 10 is not bad enough, or no value of this gauge."""
    growth: Mapping[str, float] = field(default_factory=dict)
    """By which a counter grows with each scrape, if not by 10."""
    scrapes: int = 0

    def collect(self) -> Iterator[Metric]:
        """Every metric of the contract, and the check."""
        self.scrapes += 1
        health = GaugeMetricFamily("health_check_status", "As in the contract.", labels=["check"])
        health.add_metric([self.component], 0)
        yield health
        for name, metric in part(self.component)["metrics"].items():
            yield self._family(name, metric["kind"], metric["labels"])

    def _family(self, name: str, kind: str, labels: list[str]) -> Metric:
        family = KINDS[kind](name, "As in the contract.", labels=labels)
        for values in product(*(self.values[label] for label in labels)):
            if isinstance(family, HistogramMetricFamily):
                count = 10 * self.scrapes
                family.add_metric(values, [("0.1", count / 2), ("1.0", count), ("+Inf", count)], sum_value=count / 4)
            elif kind == "counter":
                family.add_metric(values, self.growth.get(name, 10) * self.scrapes)
            else:
                family.add_metric(values, self.gauges.get(name, 10))
        return family


@contextmanager
def scraped(exposition: Exposition, rules: Path, folder: Path) -> Iterator[Prometheus]:
    """A Prometheus with every rule, in the folder `rules`; it scrapes the exposition."""
    registry = CollectorRegistry()
    registry.register(exposition)
    hurry(rules)
    page, thread = start_http_server(0, "127.0.0.1", registry)
    assert isinstance(thread, threading.Thread)
    try:
        targets = {f"127.0.0.1:{page.server_port}": LABELS}
        with prometheus(folder, targets, settings=Settings(f"{SCRAPE_SECONDS}s", rules)) as running:
            yield running
    finally:
        page.shutdown()
        thread.join()
        page.server_close()
