"""Objectives are metrics, in the form that the rules of a fleet join."""

import re
from collections.abc import Iterator

import pytest
from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from firstlight import Service, create_app
from firstlight.errors import SettingsError
from firstlight.metrics.instruments import (
    LATENCY_BUCKETS_SECONDS,
    REGISTRY,
    REQUEST_DURATION,
    SLO_OBJECTIVE,
)
from firstlight.settings import Settings, load
from firstlight.slo import Objective, bad, good, standard_objectives
from firstlight.testing.lines import Lines

from .faults import IDENTITY


@pytest.fixture(autouse=True)
def _no_objectives() -> Iterator[None]:
    """Each test sees only the objectives that it declares."""
    SLO_OBJECTIVE.clear()
    yield
    SLO_OBJECTIVE.clear()


def _exported(slo: str, le: str = "") -> float | None:
    return REGISTRY.get_sample_value("slo_objective_ratio", {"slo": slo, "le": le})


def test_the_standard_objectives_are_exported() -> None:
    """A scrape finds the objectives of the settings."""
    for objective in standard_objectives(Settings(slo_availability=0.995, slo_latency=0.95, slo_latency_seconds=0.5)):
        objective.export()

    assert _exported("availability") == 0.995
    assert _exported("latency", "0.5") == 0.95


def test_a_threshold_is_written_as_the_histogram_writes_it() -> None:
    """A rule joins objective and buckets on `le`, so both are the same text."""
    REQUEST_DURATION.labels("GET", "/", "200", "").observe(0)
    for threshold in LATENCY_BUCKETS_SECONDS:
        Objective("latency", 0.99, threshold).export()

    for page in (generate_latest(REGISTRY), generate_openmetrics(REGISTRY)):  # type: ignore[no-untyped-call]
        text = page.decode()
        buckets = set(re.findall(r'http_server_request_duration_seconds_bucket.*le="([^"]+)"', text))
        thresholds = set(re.findall(r'slo_objective_ratio\{le="([^"]+)",slo="latency"', text))
        assert len(thresholds) == len(LATENCY_BUCKETS_SECONDS)
        assert thresholds == buckets - {"+Inf"}


@pytest.mark.parametrize("threshold", [0.3, 0, -1, float("inf"), float("nan")])
def test_a_threshold_between_buckets_is_refused(threshold: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The histogram does not count how many requests were faster."""
    monkeypatch.setenv("SLO_LATENCY_SECONDS", str(threshold))

    with pytest.raises(SettingsError, match=r"^SLO_LATENCY_SECONDS must be a bucket of .* \(0\.005, .* 10\.0\)"):
        load(Settings)


def test_good_and_bad_events_are_counted() -> None:
    """A business objective counts its own events."""
    names = [{"slo": "shipped", "outcome": outcome} for outcome in ("good", "bad")]
    before = [REGISTRY.get_sample_value("slo_events_total", name) or 0 for name in names]

    good("shipped")
    good("shipped")
    bad("shipped")

    after = [REGISTRY.get_sample_value("slo_events_total", name) or 0 for name in names]
    assert [new - old for new, old in zip(after, before, strict=True)] == [2, 1]


def test_an_objective_of_the_team_is_exported() -> None:
    """Without a threshold `le` is empty."""
    Objective("shipped", 0.99).export()

    assert _exported("shipped") == 0.99


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
    assert _exported("latency", str(settings.slo_latency_seconds)) == settings.slo_latency


def test_another_kind_of_process_exports_no_objectives(settings: Settings, lines: Lines) -> None:
    """It serves no requests that could meet them."""
    create_app(settings, Service(identity=IDENTITY), process="worker", log_sink=lines)

    assert _exported("availability") is None
