"""The instruments that every service has. Their names are the contract's (`contract/runtime.toml`)."""

from collections.abc import Mapping

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, GCCollector, ProcessCollector

from .counts import Count, Counts
from .durations import Durations

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call] # a series for each of ours, read by nobody

REGISTRY = CollectorRegistry()
# OpenTelemetry semantic conventions, http.server.request.duration.
LATENCY_BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
UNMATCHED = "unmatched"
OTHER_METHOD = "_OTHER"

REQUEST_DURATION = Durations(
    "http_server_request_duration_seconds",
    "Time from the first byte of a request to the last byte of its response.",
    ("http_request_method", "http_route", "http_response_status_code", "error_type", "url_scheme"),
    buckets=LATENCY_BUCKETS_SECONDS,
    registry=REGISTRY,
)
ACTIVE_WEBSOCKETS = Gauge("websocket_active_connections", "Websockets open now.", registry=REGISTRY)
SLO_OBJECTIVE = Gauge(
    "slo_objective_ratio", "Lowest ratio of good events that keeps the objective.", ("slo",), registry=REGISTRY
)
SLO_THRESHOLD = Gauge(
    "slo_threshold_seconds", "What takes longer is a bad event of a latency objective.", ("slo",), registry=REGISTRY
)
SLO_EVENTS = Counts("slo_events", "Events of a declared objective.", ("slo", "outcome"), REGISTRY)
HEALTH_CHECK_STATUS = Gauge("health_check_status", "1 while the check passes.", ("check",), registry=REGISTRY)
SERVICE_READY = Gauge("service_ready", "1 while the service asks for traffic.", registry=REGISTRY)
BUILD_INFO = Gauge(
    "build_info",
    "What runs here: always 1.",
    ("version", "revision", "python_version", "template_version", "team"),
    registry=REGISTRY,
)
LOG_EVENTS = Counts("log_events", "Log lines written.", ("level",), REGISTRY)
TELEMETRY_DROPPED = Counter("telemetry_dropped", "Telemetry lost.", ("signal", "reason"), registry=REGISTRY)

for collector in (ProcessCollector, GCCollector):
    collector(registry=REGISTRY)

# Create the children now, so that increase() sees the first drop.
LOGS_QUEUE_FULL = TELEMETRY_DROPPED.labels("logs", "queue_full")
LOGS_NOT_RENDERED = TELEMETRY_DROPPED.labels("logs", "not_rendered")
LOGS_WRITE_FAILED = TELEMETRY_DROPPED.labels("logs", "write_failed")
TRACES_QUEUE_FULL = TELEMETRY_DROPPED.labels("traces", "queue_full")
TRACES_EXPORT_FAILED = TELEMETRY_DROPPED.labels("traces", "export_failed")
TRACES_REJECTED = TELEMETRY_DROPPED.labels("traces", "rejected")
TRACES_NOT_RENDERED = TELEMETRY_DROPPED.labels("traces", "not_rendered")
ERRORS_QUEUE_FULL = TELEMETRY_DROPPED.labels("errors", "queue_full")
ERRORS_EXPORT_FAILED = TELEMETRY_DROPPED.labels("errors", "export_failed")
ERRORS_REJECTED = TELEMETRY_DROPPED.labels("errors", "rejected")
ERRORS_TOO_LARGE = TELEMETRY_DROPPED.labels("errors", "too_large")
ERRORS_NOT_RENDERED = TELEMETRY_DROPPED.labels("errors", "not_rendered")
METRICS_SERIES_LIMIT = TELEMETRY_DROPPED.labels("metrics", "series_limit")
METRICS_NOT_RENDERED = TELEMETRY_DROPPED.labels("metrics", "not_rendered")
LOG_EVENTS_BY_LEVEL: Mapping[str, Count] = {
    level: LOG_EVENTS.labels(level) for level in ("debug", "info", "warning", "error", "critical")
}
