"""Children of a histogram are made once each, and their number has a limit."""

import pytest
from prometheus_client import Histogram

from firstlight.metrics.children import OVERFLOW, Children, Labels, class_of
from firstlight.metrics.instruments import REGISTRY

NAMES = ("method", "route", "status", "error_type")


@pytest.fixture
def requests() -> Histogram:
    """A histogram that no scrape shows."""
    return Histogram("test_children", "For tests.", NAMES, registry=None)


def overflowed(labels: Labels) -> Labels:
    """As requests do it: status and error type tell failures from the rest."""
    return OVERFLOW, OVERFLOW, class_of(labels[2]), OVERFLOW if labels[3] else ""


def label_sets(histogram: Histogram) -> set[Labels]:
    """Every label set of the histogram."""
    return {
        tuple(sample.labels[name] for name in NAMES)
        for family in histogram.collect()
        for sample in family.samples
        if sample.name.endswith("_count")
    }


def limited() -> float:
    """How often the limit has been exceeded."""
    value = REGISTRY.get_sample_value("telemetry_dropped_total", {"signal": "metrics", "reason": "series_limit"})
    assert value is not None
    return value


def test_a_label_set_has_one_child(requests: Histogram) -> None:
    """The second request of a kind finds the first one's child."""
    children = Children(requests, overflowed)
    labels = ("GET", "/a", "200", "")
    assert children[labels] is children[labels]
    assert label_sets(requests) == {labels}


@pytest.mark.parametrize("position", range(4), ids=NAMES)
def test_the_limit_holds_for_each_label(requests: Histogram, position: int) -> None:
    """A bug that puts values into one label costs a limited number of series, and is counted."""
    children = Children(requests, overflowed, limit=3)
    before = limited()
    for number in range(50):
        labels = ["GET", "/a", "200", ""]
        labels[position] = f"{labels[position]}{number}"
        children[tuple(labels)].observe(0.1)
    assert limited() - before == 47
    assert len(label_sets(requests)) < 10
    assert any(OVERFLOW in labels for labels in label_sets(requests))


def test_known_label_sets_keep_counting_beyond_the_limit(requests: Histogram) -> None:
    """A label set that was there before keeps its requests."""
    children = Children(requests, overflowed, limit=1)
    first = children["GET", "/a", "200", ""]
    before = limited()
    assert children["GET", "/b", "500", "KeyError"] is not first
    assert children["GET", "/a", "200", ""] is first
    assert limited() - before == 1


def test_an_overflowing_failure_still_counts_as_a_failure(requests: Histogram) -> None:
    """Status and error type are kept as far as they say that."""
    Children(requests, overflowed, limit=0)["GET", "/b", "500", "KeyError"].observe(0.1)
    assert label_sets(requests) == {(OVERFLOW, OVERFLOW, "500", OVERFLOW)}


@pytest.mark.parametrize(("status", "expected"), [("404", "400"), ("200", "200"), ("", "")])
def test_a_status_overflows_to_its_class(status: str, expected: str) -> None:
    """None stays none."""
    assert class_of(status) == expected
