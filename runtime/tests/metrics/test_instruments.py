"""Instruments are exposed under the contract's names."""

from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from firstlight.metrics.instruments import (
    METRICS_SERIES_LIMIT,
    REGISTRY,
    REQUEST_DURATION,
    TELEMETRY_DROPPED,
)

# There where these signals are exported, which another test may have done.
OF_EXPORTS = {(signal, reason) for signal in ("logs", "metrics") for reason in ("export_failed", "rejected")}


def test_counters_of_dropped_telemetry_start_at_zero() -> None:
    """`rate()` sees the first drop as an increase."""
    dropped = {
        (sample.labels["signal"], sample.labels["reason"])
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "telemetry_dropped_total"
    }
    assert dropped - OF_EXPORTS == {
        ("logs", "queue_full"),
        ("logs", "write_failed"),
        ("logs", "not_rendered"),
        ("traces", "queue_full"),
        ("traces", "export_failed"),
        ("traces", "rejected"),
        ("traces", "not_rendered"),
        ("errors", "queue_full"),
        ("errors", "export_failed"),
        ("errors", "rejected"),
        ("errors", "too_large"),
        ("errors", "not_rendered"),
        ("metrics", "series_limit"),
        ("metrics", "not_rendered"),
    }
    assert METRICS_SERIES_LIMIT is TELEMETRY_DROPPED.labels("metrics", "series_limit")


def test_the_exposition_is_strict_openmetrics_without_created_series() -> None:
    """The strict parser reads all of it; `_created` series are left out."""
    REQUEST_DURATION.labels("GET", "/a", "200", "", "http").observe(0.1)
    text = generate_openmetrics(REGISTRY).decode()  # type: ignore[no-untyped-call]
    names = {family.name for family in text_string_to_metric_families(text)}  # type: ignore[no-untyped-call]
    assert {"http_server_request_duration_seconds", "http_server_active_requests", "build_info"} <= names
    assert "_created" not in text
    assert "_created" not in generate_latest(REGISTRY).decode()
