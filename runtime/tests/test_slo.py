"""Objectives are metrics, in the form that the rules of a fleet join."""

from collections.abc import Callable, Iterator

import pytest

from firstlight import Service, create_app
from firstlight.errors import ArrangementError, SettingsError
from firstlight.metrics.instruments import REGISTRY, SLO_OBJECTIVE, SLO_THRESHOLD
from firstlight.settings import Settings, load
from firstlight.slo import Objective, bad, good, standard_objectives
from firstlight.testing.lines import Lines

from .faults import IDENTITY


@pytest.fixture(autouse=True)
def _no_objectives() -> Iterator[None]:
    """Each test sees only the objectives that it declares."""
    for gauge in (SLO_OBJECTIVE, SLO_THRESHOLD):
        gauge.clear()
    yield
    for gauge in (SLO_OBJECTIVE, SLO_THRESHOLD):
        gauge.clear()


def _exported(slo: str) -> float | None:
    return REGISTRY.get_sample_value("slo_objective_ratio", {"slo": slo})


def _counted(slo: str) -> list[float | None]:
    return [
        REGISTRY.get_sample_value("slo_events_total", {"slo": slo, "outcome": outcome}) for outcome in ("good", "bad")
    ]


def test_the_standard_objectives_are_exported() -> None:
    """A scrape finds the objectives of the settings."""
    for objective in standard_objectives(Settings(slo_availability=0.995, slo_latency=0.95, slo_latency_seconds=0.5)):
        objective.export()

    assert _exported("availability") == 0.995
    assert _exported("latency") == 0.95
    assert REGISTRY.get_sample_value("slo_threshold_seconds", {"slo": "latency"}) == 0.5


@pytest.mark.parametrize("threshold", [0.3, 0, -1, float("inf"), float("nan")])
def test_a_threshold_between_buckets_is_refused(threshold: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The histogram does not count how many requests were faster."""
    monkeypatch.setenv("SLO_LATENCY_SECONDS", str(threshold))

    with pytest.raises(SettingsError, match=r"^SLO_LATENCY_SECONDS must be a bucket of .* \(0\.005, .* 10\.0\)"):
        load(Settings)


def test_both_events_exist_at_zero() -> None:
    """A series that begins with its first failure hides that failure from `rate`."""
    Objective("packed", 0.99).export()

    assert _counted("packed") == [0, 0]


def test_good_and_bad_events_are_counted() -> None:
    """A business objective counts its own events."""
    Objective("shipped", 0.99).export()
    before = _counted("shipped")

    good("shipped")
    good("shipped")
    bad("shipped")

    assert [new - old for new, old in zip(_counted("shipped"), before, strict=True)] == [2, 1]  # type: ignore[operator]


@pytest.mark.parametrize("count", [good, bad])
def test_an_event_of_no_objective_is_refused(count: Callable[[str], None]) -> None:
    """A wrong name would count where no rule looks."""
    Objective("shipped", 0.99).export()

    with pytest.raises(ArrangementError, match=r"^no objective is named 'shiped'; add it to `objectives`"):
        count("shiped")


@pytest.mark.parametrize("slo", ["availability", "latency", "latency.report"])
@pytest.mark.parametrize("count", [good, bad])
def test_the_events_of_the_runtime_are_counted_by_the_runtime(count: Callable[[str], None], slo: str) -> None:
    """They would be counted twice."""
    Objective("shipped", 0.99).export()

    with pytest.raises(ArrangementError, match=f"^the runtime counts the events of {slo} itself"):
        count(slo)


def test_an_objective_of_the_team_is_exported() -> None:
    """It has no threshold."""
    Objective("shipped", 0.99).export()

    assert _exported("shipped") == 0.99
    assert REGISTRY.get_sample_value("slo_threshold_seconds", {"slo": "shipped"}) is None


@pytest.mark.parametrize(
    ("ratio", "threshold"), [(0.5, None), (1, None), (99.9, None), (float("nan"), None), (0.99, 0.3)]
)
def test_an_objective_that_no_rule_can_alert_on_is_refused(ratio: float, threshold: float | None) -> None:
    """An objective in code is checked as one from the environment is."""
    with pytest.raises(ValueError, match="shipped"):
        Objective("shipped", ratio, threshold)


def test_an_application_exports_the_objectives_of_its_service(settings: Settings, lines: Lines) -> None:
    """The standard ones and those of the team, by the process that serves requests."""
    service = Service(identity=IDENTITY, objectives=[Objective("shipped", 0.99)])

    create_app(settings, service, log_sink=lines)

    assert (_exported("availability"), _exported("shipped")) == (settings.slo_availability, 0.99)
    assert _exported("latency") == settings.slo_latency


def test_another_kind_of_process_exports_the_objectives_of_the_team_only(settings: Settings, lines: Lines) -> None:
    """It serves no requests, which could be available or fast; its work may be what an objective counts."""
    service = Service(identity=IDENTITY, objectives=[Objective("shipped", 0.99)])

    create_app(settings, service, process="worker", log_sink=lines)

    assert (_exported("availability"), _exported("shipped")) == (None, 0.99)
