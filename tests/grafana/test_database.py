"""Every query of the database's dashboard and every alert about it, asked of a real Prometheus.

It scrapes each series of the contract with bad values, those included that a service in development has not: replicas,
deadlocks, and a server with fewer connections than the pools.
"""

import threading
import time
from collections.abc import Iterator

import pytest
from dashboard_answers import RATE_INTERVAL, asked_by
from dashboards import with_uid
from exposition import Exposition, scraped
from live import Prometheus
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
# Fewer than transactions that fail, which are not all repeated.
GROWTH = {"database_transaction_retries_total": 1}


@pytest.fixture(scope="module")
def server(_programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Run Prometheus with every rule; it scrapes the exposition."""
    rules, folder = (tmp_path_factory.mktemp(name) for name in ("rules", "server"))
    with scraped(Exposition("database", VALUES, GAUGES, GROWTH), rules, folder) as running:
        yield running


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
