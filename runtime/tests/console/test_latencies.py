"""The golden signals are those that Prometheus would compute from the same histogram."""

import pytest

from firstlight.console.latencies import MOST_ROUTES, OTHERS, Latencies
from firstlight.console.points import Points, Process
from firstlight.metrics.durations import Durations
from firstlight.metrics.instruments import LATENCY_BUCKETS_SECONDS

LABELS = ("http_request_method", "http_route", "http_response_status_code", "error_type", "url_scheme")


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        """At 100 s."""
        self.now = 100.0

    def __call__(self) -> float:
        """The time in seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The clock of a test."""
    return Clock()


@pytest.fixture
def durations() -> Durations:
    """A histogram without observations."""
    return Durations("d", "d", LABELS, buckets=LATENCY_BUCKETS_SECONDS, registry=None)


def observe(durations: Durations, route: str, *seconds: float, error: str = "") -> None:
    """Requests to a route that took so long."""
    for each in seconds:
        durations.labels("GET", route, "500" if error else "200", error, "http").observe(each)


def test_quantiles_are_interpolated_in_their_bucket(durations: Durations, clock: Clock) -> None:
    """As by `histogram_quantile`: 50 requests below 5 ms, 40 to 10 ms, 10 to 25 ms."""
    latencies = Latencies(durations, clock)
    before = latencies.totals()
    observe(durations, "/x", *[0.001] * 50, *[0.007] * 40, *[0.02] * 10)

    ended = latencies.totals().since(before)

    assert (ended.number, ended.quantile(0.25), ended.quantile(0.5)) == (100, 0.0025, 0.005)
    assert ended.quantile(0.9) == pytest.approx(0.01)
    assert ended.quantile(0.95) == pytest.approx(0.0175)


def test_what_takes_longer_than_all_buckets_counts_as_the_last_limit(durations: Durations, clock: Clock) -> None:
    """As in Prometheus. Without requests there is no quantile."""
    latencies = Latencies(durations, clock)
    nothing = latencies.totals()
    observe(durations, "/x", 60.0)

    assert latencies.totals().quantile(0.99) == LATENCY_BUCKETS_SECONDS[-1]
    assert (nothing.quantile(0.5), nothing.ratio) == (None, None)


def test_a_point_has_what_came_since_the_last_one(durations: Durations, clock: Clock) -> None:
    """Rates are for a second, whatever the time between two points."""
    used = Clock()
    points = Points(Latencies(durations, clock), Process(lambda: 3, lambda: 1_000_000, used), clock)
    observe(durations, "/x", 0.001, 0.001, 0.001)
    observe(durations, "/y", 0.3, error="RuntimeError")
    observe(durations, "/z", 0.3, error="client_disconnected")
    clock.now, used.now = 102.0, 100.5

    points.take(0.04)
    points.take(0.0)
    first, second = points.since(0)

    assert (first["rate"], first["errors"], first["lag"]) == (2.5, 0.2, 0.04)
    assert (first["active"], first["memory"], first["cpu"]) == (3, 1_000_000, 0.25)
    assert first["p50"] == pytest.approx(0.0041667, abs=1e-6)
    assert (second["rate"], second["errors"], second["p99"]) == (0.0, None, None)


def test_routes_show_the_last_minute(durations: Durations, clock: Clock) -> None:
    """The busiest first. What is older does not count."""
    latencies = Latencies(durations, clock)
    points = Points(latencies, Process(lambda: 0, lambda: 0), clock)
    observe(durations, "/old", *[0.001] * 500)
    for _ in range(14):
        clock.now += 5
        points.take(0.0)
    observe(durations, "/busy", *[0.001] * 110)
    observe(durations, "/idle", 0.02, error="500")
    clock.now += 1

    busy, idle = points.routes()

    assert (busy["route"], busy["errors"], busy["rate"]) == ("/busy", 0.0, pytest.approx(110 / 56, abs=0.001))
    assert (idle["route"], idle["errors"], idle["p50"]) == ("/idle", 1.0, 0.0175)


def test_the_number_of_routes_is_limited(durations: Durations, clock: Clock) -> None:
    """Those beyond the limit are one."""
    latencies = Latencies(durations, clock)
    for number in range(MOST_ROUTES + 20):
        observe(durations, f"/{number}", 0.001)

    _, routes = latencies.last_minute()

    assert len(routes) == MOST_ROUTES + 1
    assert routes[OTHERS].number == 20
