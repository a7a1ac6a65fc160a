"""Objectives travel as metrics, spelled so that the fleet's rules can join them."""

import re
from collections.abc import Iterator

import pytest
from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from firstlight.metrics.instruments import (
    LATENCY_BUCKETS_SECONDS,
    REGISTRY,
    REQUEST_DURATION,
    SLO_OBJECTIVE,
)
from firstlight.settings import Settings, SettingsError
from firstlight.slo import Objective, bad, good, objectives


@pytest.fixture(autouse=True)
def _no_objectives() -> Iterator[None]:
    """Each test sees only the objectives it declares."""
    SLO_OBJECTIVE.clear()
    yield
    SLO_OBJECTIVE.clear()


def _exported(slo: str, le: str = "") -> float | None:
    return REGISTRY.get_sample_value("slo_objective_ratio", {"slo": slo, "le": le})


def test_exports_both_objectives() -> None:
    """The settings' objectives are what a scrape finds."""
    for objective in objectives(Settings(slo_availability=0.995, slo_latency=0.95, slo_latency_seconds=0.5)):
        objective.export()

    assert _exported("availability") == 0.995
    assert _exported("latency", "0.5") == 0.95


def test_spells_a_threshold_as_the_histogram_does() -> None:
    """A rule joins objective and buckets on `le`: the same number in other words would join nothing."""
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
def test_refuses_a_threshold_that_no_bucket_ends_at(threshold: float) -> None:
    """The histogram could not say how many requests were faster."""
    with pytest.raises(SettingsError, match=r"^SLO_LATENCY_SECONDS must be a bound of .* \(0\.005, .* 10\.0\)"):
        objectives(Settings(slo_latency_seconds=threshold))


def test_counts_good_and_bad_events() -> None:
    """A business objective counts its own events."""
    names = [{"slo": "shipped", "outcome": outcome} for outcome in ("good", "bad")]
    before = [REGISTRY.get_sample_value("slo_events_total", name) or 0 for name in names]

    good("shipped")
    good("shipped")
    bad("shipped")

    after = [REGISTRY.get_sample_value("slo_events_total", name) or 0 for name in names]
    assert [new - old for new, old in zip(after, before, strict=True)] == [2, 1]


def test_exports_an_objective_of_the_team() -> None:
    """One line declares it; no threshold, no `le`."""
    Objective("shipped", 0.99).export()

    assert _exported("shipped") == 0.99


@pytest.mark.parametrize(
    ("ratio", "threshold"), [(0.5, None), (1, None), (99.9, None), (float("nan"), None), (0.99, 0.3)]
)
def test_refuses_an_objective_that_no_alert_could_watch(ratio: float, threshold: float | None) -> None:
    """An objective declared in code is held to what one from the environment is held to."""
    with pytest.raises(ValueError, match="shipped"):
        Objective("shipped", ratio, threshold).export()
