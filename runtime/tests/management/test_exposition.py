"""`/metrics` leaves out collectors that fail, counts them and logs them with a limited rate."""

from collections.abc import Callable, Iterator

import pytest
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from firstlight.management.exposition import SECONDS_PER_LINE, Exposition
from firstlight.metrics.instruments import REGISTRY
from firstlight.testing.lines import Lines

OPENMETRICS = "application/openmetrics-text;version=1.0.0"


class Clock:
    """Seconds that the test sets."""

    seconds = 0.0

    def __call__(self) -> float:
        """The time now."""
        return self.seconds


@pytest.fixture
def registry() -> CollectorRegistry:
    """A registry with one working instrument."""
    registry = CollectorRegistry()
    Gauge("first", "Works.", registry=registry)
    return registry


def names(page: bytes) -> list[str]:
    """The names of the families on a page."""
    return [family.name for family in text_string_to_metric_families(page.decode())]


def dropped() -> float:
    """The number of families that were left out."""
    value = REGISTRY.get_sample_value("telemetry_dropped_total", {"signal": "metrics", "reason": "not_rendered"})
    assert value is not None
    return value


def raises(error: BaseException) -> Callable[[], float]:
    """A function of a gauge that raises."""

    def function() -> float:
        raise error

    return function


class Partial(Collector):
    """A collector that fails after its first family."""

    def collect(self) -> Iterator[Metric]:
        """Yield one family, and raise."""
        yield GaugeMetricFamily("yielded", "Before the failure.", 1)
        raise OSError(24, "Too many open files")


def _surrogates(registry: CollectorRegistry) -> None:
    Gauge("broken", "Cannot be encoded.", ("revision",), registry=registry).labels("a\udcff").set(1)


def _no_number(registry: CollectorRegistry) -> None:
    Gauge("broken", "Is no number.", registry=registry).set_function(lambda: "many")  # type: ignore[arg-type,return-value]


def _raising(registry: CollectorRegistry) -> None:
    Gauge("broken", "Raises.", registry=registry).set_function(raises(ValueError("no queue")))


def _leaving(registry: CollectorRegistry) -> None:
    Gauge("broken", "Would end a process.", registry=registry).set_function(raises(SystemExit(1)))


def _deep(registry: CollectorRegistry) -> None:
    def function() -> float:
        return function()

    Gauge("broken", "Never returns.", registry=registry).set_function(function)


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
@pytest.mark.parametrize("add", [_surrogates, _no_number, _raising, _leaving, _deep])
def test_a_failing_collector_is_left_out(
    registry: CollectorRegistry, add: Callable[[CollectorRegistry], None], accept: str
) -> None:
    """The families before and after it are served. Each failure is counted."""
    add(registry)
    Gauge("last", "Works.", registry=registry)
    before = dropped()

    for times in (1, 2):
        page, content_type = Exposition(registry).render(accept)
        assert names(page) == ["first", "last"]
        assert content_type.startswith("application/openmetrics-text" if accept else "text/plain")
        assert page.endswith(b"# EOF\n") == bool(accept)
        assert dropped() == before + times


def test_what_a_collector_yielded_before_it_failed_is_served(registry: CollectorRegistry) -> None:
    """Those families were read correctly."""
    registry.register(Partial())

    page, _ = Exposition(registry).render("")

    assert names(page) == ["first", "yielded"]


@pytest.mark.usefixtures("app")
def test_a_failing_collector_is_logged_once_per_minute(registry: CollectorRegistry, lines: Lines) -> None:
    """Each scrape would log the same traceback otherwise."""
    _raising(registry)
    clock = Clock()
    exposition = Exposition(registry, clock=clock)
    for clock.seconds in (0, 15, 30, SECONDS_PER_LINE - 1):
        exposition.render("")
    (line,) = lines.named("telemetry.failed")
    assert (line["collector"], line["signal"], line["level"]) == ("broken", "metrics", "error")
    assert "no queue" in str(line["exception"])

    clock.seconds = SECONDS_PER_LINE
    exposition.render("")
    assert len(lines.named("telemetry.failed")) == 2
