"""Every query of the cache's dashboard and every alert about it, asked of a real Prometheus.

It scrapes each series of the contract with bad values, those included that a service in development has not: a server
that is lost, and queues that wait.
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
VALUES: dict[str, tuple[str, ...]] = {
    "cache": ("links",),
    "outcome": ("memory", "redis", "stale", "miss", "done", "failed", "refused"),
    "operation": ("get", "forget"),
    "reason": ("timeout", "out_of_memory"),
    "queue": ("visits",),
    "server": ("redis",),
    "state": ("used", "idle"),
}
GAUGES = {"cache_server_up": 0, "cache_write_behind_age_seconds": 600, "cache_server_memory_max_bytes": 20}
# It compares with the hours before, which this Prometheus has not seen. alerts/tests/cache.yml has them.
NEEDS_HOURS = {"CacheHitRatioLow"}


@pytest.fixture(scope="module")
def server(_programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Run Prometheus with every rule; it scrapes the exposition."""
    rules, folder = (tmp_path_factory.mktemp(name) for name in ("rules", "server"))
    with scraped(Exposition("cache", VALUES, GAUGES), rules, folder) as running:
        yield running


def test_every_query_has_an_answer(server: Prometheus) -> None:
    """None is refused, and each shows something. Annotations are those of every dashboard."""
    asked = asked_by(with_uid("firstlight-cache"), RATE_INTERVAL)
    everything = [each for each in asked if "annotation" not in each.place]
    assert len(everything) > len(part("cache")["metrics"])
    end, pause = time.monotonic() + ANSWERED_WITHIN, threading.Event()
    while missing := [each.place for each in everything if not each.of(server)]:
        assert time.monotonic() < end, f"no answer: {missing}"
        pause.wait(0.5)


@pytest.mark.parametrize("alert", sorted({rule.name for rule in alerts() if rule.component == "cache"} - NEEDS_HOURS))
def test_every_alert_fires(server: Prometheus, alert: str) -> None:
    """From the series of the contract."""
    server.until(f'ALERTS{{alertname="{alert}",alertstate="firing",service="acme-links"}}', ANSWERED_WITHIN)


def test_no_rule_fails(server: Prometheus) -> None:
    """None joins series that have several matches."""
    server.until('ALERTS{alertname="CacheUnavailable"}', ANSWERED_WITHIN)
    assert [name for name in server.failing_rules() if name.startswith("Cache")] == []
