"""Every query of the database's dashboard and every alert about it, asked of a real Prometheus.

It scrapes each series of the contract with bad values, those included that a service in development has not: replicas,
deadlocks, and a server with fewer connections than the pools.
"""

import threading
import time
from collections.abc import Iterator
from itertools import product

import pytest
from dashboard_answers import LABELS, RATE_INTERVAL, SCRAPE_SECONDS, asked_by, hurry
from dashboards import with_uid
from live import Prometheus, Settings, prometheus
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from rulebook import alerts, part

ANSWERED_WITHIN = 60
# The values of each label; a series of the contract has all combinations.
VALUES: dict[str, tuple[str, ...]] = {
    "db_client_connection_pool_name": ("primary", "replica_0"),
    "db_client_connection_state": ("used", "idle"),
    "db_system_name": ("postgresql",),
    "db_operation_name": ("SELECT", "INSERT"),
    "db_collection_name": ("links",),
    "server": ("primary", "replica_0"),
    "error_type": ("", "57014"),
    "outcome": ("committed", "rolled_back", "failed", "timed_out", "cancelled"),
    "reason": ("serialization_failure", "deadlock"),
    "http_route": ("/api/v1/links",),
}
# Where 10 is not bad enough, or no value of this gauge.
GAUGES = {"database_replica_lag_seconds": 60, "database_replica_usable": 0, "database_server_connections_max": 5}
GROWTH = {"database_transaction_retries_total": 1}  # fewer than transactions that fail, which are not all repeated

Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily
KINDS: dict[str, type[Family]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "histogram": HistogramMetricFamily,
}


class Exposition(Collector):
    """What an instance of a service exports about its database. Counters and histograms grow with each scrape."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._scrapes = 0

    def collect(self) -> Iterator[Metric]:
        """Every metric of the contract, and the check."""
        self._scrapes += 1
        health = GaugeMetricFamily("health_check_status", "As in the contract.", labels=["check"])
        health.add_metric(["database"], 0)
        yield health
        for name, metric in part("database")["metrics"].items():
            yield self._family(name, metric["kind"], metric["labels"])

    def _family(self, name: str, kind: str, labels: list[str]) -> Metric:
        family = KINDS[kind](name, "As in the contract.", labels=labels)
        for values in product(*(VALUES[label] for label in labels)):
            if isinstance(family, HistogramMetricFamily):
                count = 10 * self._scrapes
                family.add_metric(values, [("0.1", count / 2), ("1.0", count), ("+Inf", count)], sum_value=count / 4)
            else:
                grown = GROWTH.get(name, 10) * self._scrapes if kind == "counter" else GAUGES.get(name, 10)
                family.add_metric(values, grown)
        return family


@pytest.fixture(scope="module")
def server(_programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Run Prometheus with every rule; it scrapes the exposition."""
    registry, rules = CollectorRegistry(), tmp_path_factory.mktemp("rules")
    registry.register(Exposition())
    hurry(rules)
    page, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        targets = {f"127.0.0.1:{page.server_port}": LABELS}
        settings = Settings(f"{SCRAPE_SECONDS}s", rules)
        with prometheus(tmp_path_factory.mktemp("server"), targets, settings=settings) as running:
            yield running
    finally:
        page.shutdown()
        thread.join()
        page.server_close()


def test_every_query_has_an_answer(server: Prometheus) -> None:
    """None is refused, and each shows something. Annotations are those of every dashboard."""
    asked = asked_by(with_uid("firstlight-database"), RATE_INTERVAL)
    everything = [each for each in asked if "annotation" not in each.place]
    assert len(everything) > len(part("database")["metrics"])
    end, pause = time.monotonic() + ANSWERED_WITHIN, threading.Event()
    while missing := [each.place for each in everything if not each.of(server)]:
        assert time.monotonic() < end, f"no answer: {missing}"
        pause.wait(0.5)


@pytest.mark.parametrize("alert", sorted({rule.name for rule in alerts() if rule.component == "database"}))
def test_every_alert_fires(server: Prometheus, alert: str) -> None:
    """From the series of the contract."""
    server.until(f'ALERTS{{alertname="{alert}",alertstate="firing",service="acme-links"}}', ANSWERED_WITHIN)


def test_no_rule_fails(server: Prometheus) -> None:
    """None joins series that have several matches."""
    server.until('ALERTS{alertname="DatabaseUnavailable"}', ANSWERED_WITHIN)
    assert [name for name in server.failing_rules() if name.startswith("Database")] == []
