"""Instruments are exposed under the contract's names, and the number of label sets has a limit."""

import pytest
from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from firstlight.metrics.instruments import (
    METRICS_SERIES_LIMIT,
    OVERFLOW,
    REGISTRY,
    REQUEST_DURATION,
    TELEMETRY_DROPPED,
    RequestChildren,
    identify,
)


@pytest.fixture(autouse=True)
def _no_requests_yet() -> None:
    REQUEST_DURATION.clear()


def label_sets() -> set[tuple[str, ...]]:
    """Every label set of the request histogram: method, route, status code, error type."""
    names = ("http_request_method", "http_route", "http_response_status_code", "error_type")
    return {
        tuple(sample.labels[name] for name in names)
        for family in REQUEST_DURATION.collect()
        for sample in family.samples
        if sample.name.endswith("_count")
    }


def overflowed() -> float:
    """How often the limit has been exceeded."""
    value = REGISTRY.get_sample_value("telemetry_dropped_total", {"signal": "metrics", "reason": "series_limit"})
    assert value is not None
    return value


def test_a_label_set_has_one_child() -> None:
    """The second request of a kind finds the first one's child."""
    children = RequestChildren()
    labels = ("GET", "/a", "200", "")
    assert children[labels] is children[labels]
    assert label_sets() == {labels}


@pytest.mark.parametrize("position", range(4), ids=["method", "route", "status", "error"])
def test_the_limit_holds_for_each_label(position: int) -> None:
    """A bug that puts values into one label costs a limited number of series, and is counted."""
    children = RequestChildren(limit=3)
    before = overflowed()
    for number in range(50):
        labels = ["GET", "/a", "200", ""]
        labels[position] = f"{labels[position]}{number}"
        method, route, status, error_type = labels
        children[method, route, status, error_type].observe(0.1)
    assert overflowed() - before == 47
    assert len(label_sets()) < 10
    assert any(OVERFLOW in labels for labels in label_sets())


def test_known_label_sets_keep_counting_beyond_the_limit() -> None:
    """A label set that was there before keeps its requests."""
    children = RequestChildren(limit=1)
    first = children["GET", "/a", "200", ""]
    before = overflowed()
    assert children["GET", "/b", "500", "KeyError"] is not first
    assert children["GET", "/a", "200", ""] is first
    assert overflowed() - before == 1


def test_an_overflowing_failure_still_counts_as_a_failure() -> None:
    """The availability objective reads status and error type, which the overflow keeps."""
    RequestChildren(limit=0)["GET", "/b", "500", "KeyError"].observe(0.1)
    ((_, route, status, error_type),) = label_sets()
    assert route == OVERFLOW
    assert status.startswith("5")
    assert error_type


def test_identity_is_one_series() -> None:
    """Version and revision are labels of a constant."""
    identify("1.2.3", "abc", "3.11.0")
    labels = {"version": "1.2.3", "revision": "abc", "python_version": "3.11.0"}
    assert REGISTRY.get_sample_value("build_info", labels) == 1


def test_counters_of_dropped_telemetry_start_at_zero() -> None:
    """`rate()` sees the first drop as an increase."""
    dropped = {
        (sample.labels["signal"], sample.labels["reason"])
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "telemetry_dropped_total"
    }
    assert dropped == {
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
    RequestChildren()["GET", "/a", "200", ""].observe(0.1)
    text = generate_openmetrics(REGISTRY).decode()  # type: ignore[no-untyped-call]
    names = {family.name for family in text_string_to_metric_families(text)}  # type: ignore[no-untyped-call]
    assert {"http_server_request_duration_seconds", "http_server_active_requests", "build_info"} <= names
    assert "_created" not in text
    assert "_created" not in generate_latest(REGISTRY).decode()
