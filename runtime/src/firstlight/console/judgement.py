"""Alerts that would fire and error budgets, from readings of the metrics that are taken once a second."""

import time
from typing import TYPE_CHECKING

from ..metrics.instruments import REGISTRY
from . import budget
from .alerts import Alerts
from .readings import Readings, Snapshot
from .runbooks import runbook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .api import Read, ReadOne

FACTOR = 60  # minutes of the rules are seconds here
SAMPLES = (
    "slo_events_total",
    "slo_objective_ratio",
    "slo_threshold_seconds",
    "service_ready",
    "event_loop_lag_seconds_bucket",
    "telemetry_dropped_total",
    "http_server_shed_requests_total",
    "http_server_accept_queue_connections",
    "http_server_accept_queue_max_connections",
    "background_interval_seconds",
    "background_last_success_timestamp_seconds",
)


class Judgement:
    """Evaluates the alerts once a second, also while no page is open, so that it knows since when they fire."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        readings = self._readings = Readings(REGISTRY, SAMPLES)
        alerts = self._alerts = Alerts(FACTOR, runbook)
        self.reads: Mapping[str, Read] = {
            "alerts": lambda _: alerts.document(),
            "budget": lambda _: budget.current(Snapshot(readings), budget.BURN_SECONDS / FACTOR),
        }
        self.one: Mapping[str, ReadOne] = {"alerts": lambda name, _: alerts.with_runbook(name)}

    def look(self) -> None:
        """Take a reading, and evaluate the alerts."""
        self._readings.take()
        self._alerts.evaluate(self._readings, time.time())
