"""Readings of metrics: what a counter has grown by in a time, and what a gauge was at a moment."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge

from firstlight.console.readings import SECONDS, Readings

GOOD = (("outcome", "good"), ("slo", "availability"))


class Measured:
    """A counter and a gauge, read once a second."""

    def __init__(self) -> None:
        """At the second 1000."""
        self.now = 1000.0
        registry = CollectorRegistry()
        self.events = Counter("slo_events", "Events.", ("slo", "outcome"), registry=registry)
        self.ready = Gauge("service_ready", "Ready.", registry=registry)
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
    """In the last seconds, or in those before a moment."""
    for good in (5, 1, 2, 3, 4):
        measured.second(good)

    assert measured.readings.increase("slo_events_total", 2) == {GOOD: 7}
    assert measured.readings.increase("slo_events_total", 2, moment=1003.5) == {GOOD: 5}
    assert measured.readings.increase("slo_events_total", 100) == {GOOD: 10}  # since it was first read


def test_a_series_that_appears_has_grown_from_nothing(measured: Measured) -> None:
    """Such as the first bad event."""
    measured.second(1)
    measured.events.labels("availability", "bad").inc(3)
    measured.second(1)

    assert measured.readings.increase("slo_events_total", 1)[("outcome", "bad"), ("slo", "availability")] == 3


def test_the_value_of_a_gauge_at_a_moment(measured: Measured) -> None:
    """That of the last reading before it."""
    for ready in (1, 0, 1):
        measured.second(0, ready)

    assert measured.readings.at("service_ready") == {(): 1.0}
    assert measured.readings.at("service_ready", 1001.9) == {(): 0.0}
    assert measured.readings.at("service_ready", 999.0) == {}
    assert measured.readings.times() == [1000.0, 1001.0, 1002.0]


def test_readings_older_than_their_time_are_forgotten(measured: Measured) -> None:
    """The arrays are used again."""
    for _ in range(SECONDS + 10):
        measured.second(1)

    assert len(measured.readings.times()) == SECONDS
    assert measured.readings.increase("slo_events_total", 10_000) == {GOOD: SECONDS - 1}
    assert measured.readings.increase("slo_events_total", 60) == {GOOD: 60}
