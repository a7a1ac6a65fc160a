"""Readings of metrics: what a counter has grown by in a time, and what a gauge was at a moment."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge

from firstlight.console.points import SECONDS
from firstlight.console.readings import Readings, Snapshot

GOOD = {"outcome": "good", "slo": "availability"}


class Measured:
    """A counter and a gauge, read once a second."""

    def __init__(self) -> None:
        """At the second 1000."""
        self.now = 1000.0
        registry = CollectorRegistry()
        self.events = Counter("slo_events", "Events.", ("slo", "outcome"), registry=registry)
        self.ready = Gauge("service_ready", "Ready.", registry=registry)
        self.level = Gauge("level", "Level.", ("place",), registry=registry)
        self.readings = Readings(registry, ("slo_events_total", "service_ready"), lambda: self.now)

    def second(self, good: int, ready: int = 1) -> None:
        """A second passes."""
        self.events.labels("availability", "good").inc(good)
        self.ready.set(ready)
        self.readings.take()
        self.now += 1


@pytest.fixture
def measured() -> Measured:
    """Nothing is read yet."""
    return Measured()


def test_the_increase_of_a_counter(measured: Measured) -> None:
    """In the last seconds, or since it was first read. Labels select every series that has them."""
    for good in (5, 1, 2, 3, 4):
        measured.second(good)

    assert measured.readings.increase("slo_events_total", GOOD, 2) == 7
    assert measured.readings.increase("slo_events_total", {"slo": "availability"}, 2) == 7
    assert measured.readings.increase("slo_events_total", {}, 100) == 10
    assert measured.readings.increase("slo_events_total", {"slo": "other"}, 100) == 0


def test_a_series_that_appears_has_grown_from_nothing(measured: Measured) -> None:
    """Such as the first bad event."""
    measured.second(1)
    measured.events.labels("availability", "bad").inc(3)
    measured.second(1)

    assert measured.readings.increase("slo_events_total", {"outcome": "bad"}, 1) == 3
    assert [*measured.readings.series("slo_events_total")] == [GOOD, {**GOOD, "outcome": "bad"}]


def test_the_values_of_a_gauge(measured: Measured) -> None:
    """The last one, and those before it at equal steps."""
    for ready in (1, 0, 1, 0, 0):
        measured.second(0, ready)

    assert measured.readings.value("service_ready", {}) == 0.0
    assert measured.readings.values("service_ready", {}, 4, 1) == [1, 0, 1, 0, 0]
    assert measured.readings.values("service_ready", {}, 100, 2) == [1, 1, 0]
    assert measured.readings.value("none", {}) is None


def test_metrics_that_are_not_read_each_second_have_their_last_value(measured: Measured) -> None:
    """Read when somebody asks; once for a snapshot."""
    snapshot = Snapshot(measured.readings)
    measured.level.labels("a").set(1)
    measured.level.labels("b").set(2)

    assert (snapshot.value("level", {}), snapshot.value("level", {"place": "b"})) == (3, 2)
    measured.level.labels("b").set(5)
    assert (measured.readings.value("level", {"place": "b"}), snapshot.value("level", {"place": "b"})) == (5, 2)


def test_readings_older_than_their_time_are_forgotten(measured: Measured) -> None:
    """The arrays are used again."""
    for _ in range(SECONDS + 10):
        measured.second(1)

    assert len(measured.readings.values("service_ready", {}, 10_000, 1)) == SECONDS
    assert measured.readings.increase("slo_events_total", GOOD, 10_000) == SECONDS - 1
    assert measured.readings.increase("slo_events_total", GOOD, 60) == 60
