"""What the page gets: the alerts with their runbooks, and the error budget with what has used it."""

from pathlib import Path

import pytest

from firstlight.console import runbooks
from firstlight.console.alerts import Alerts, approximates
from firstlight.console.budget import current
from firstlight.console.points import SECONDS
from firstlight.console.queries import NotFoundError
from firstlight.console.runbooks import runbook
from firstlight.console.thresholds import TIERS

from .scenarios import Key, Samples, Scenario, counter, gauge, key


def _requests(route: str, status: str, error_type: str, fast: int, slow: int) -> dict[Key, list[float]]:
    name, labels = (
        "http_server_request_duration_seconds",
        {"http_route": route, "http_response_status_code": status, "error_type": error_type},
    )
    counts = {"0.1": fast, "0.25": fast, "+Inf": fast + slow}
    found = {key(f"{name}_bucket", le=le, **labels): counter((1, count)) for le, count in counts.items()}
    return {**found, key(f"{name}_count", **labels): counter((1, fast + slow))}


SERIES = {
    key("slo_objective_ratio", slo="availability"): gauge((2, 0.99)),
    key("slo_objective_ratio", slo="latency"): gauge((2, 0.9)),
    key("slo_objective_ratio", slo="checkout"): gauge((2, 0.9)),
    key("slo_threshold_seconds", slo="latency"): gauge((2, 0.25)),
    key("slo_events_total", slo="availability", outcome="good"): counter((1, 960)),
    key("slo_events_total", slo="availability", outcome="bad"): counter((1, 40)),
    key("slo_events_total", slo="latency", outcome="good"): counter((1, 950)),
    key("slo_events_total", slo="latency", outcome="bad"): counter((1, 50)),
    **_requests("/links", "200", "", 900, 20),
    **_requests("/links", "500", "RuntimeError", 5, 30),
    **_requests("/r/{slug}", "503", "503", 5, 0),
    **_requests("/r/{slug}", "", "client_disconnected", 40, 0),
}


@pytest.fixture
def samples() -> Samples:
    """After one second of traffic."""
    samples = Samples(Scenario("", 1, SERIES, (), ()), 1)
    samples.now = 1
    return samples


def test_a_budget_says_what_has_used_it(samples: Samples) -> None:
    """By route and status. A client that left has used nothing."""
    availability, latency, checkout = current(samples)["items"]

    assert availability["broken_by"] == [
        {"route": "/links", "status": "500", "count": 35},
        {"route": "/r/{slug}", "status": "503", "count": 5},
    ]
    assert (availability["good"], availability["bad"], availability["ratio"]) == (960, 40, 0.96)
    assert availability["budget_left"] == pytest.approx(-3)
    assert availability["burn_rate"] == pytest.approx(4)
    assert [(row["status"], row["count"]) for row in latency["broken_by"]] == [("500", 30), ("200", 20)]
    assert latency["budget_left"] == pytest.approx(0.5)
    assert checkout == {
        "slo": "checkout",
        "objective": 0.9,
        "good": 0.0,
        "bad": 0.0,
        "ratio": None,
        "budget_left": 1.0,
        "burn_rate": 0.0,
        "broken_by": [],
    }


def test_alerts_that_fire_come_first() -> None:
    """With the time since when. The list, which a page asks for each second, has no runbooks."""
    series = {key("service_ready"): gauge((100, 0)), key("slo_objective_ratio", slo="latency"): gauge((100, 0.9))}
    samples, states = Samples(Scenario("", 1, series, (), ()), 1), Alerts(60, lambda name: f"# {name}")
    for now in range(10):
        samples.now = now
        states.evaluate(samples, now)

    document = states.document()
    first, second = document["items"][:2]
    assert "60 times shorter" in document["approximates"]
    assert (first["name"], first["state"], first["since"]) == ("ServiceNotReady", "firing", 5)
    assert [item for item in document["items"] if "runbook" in item] == []
    assert (second["state"], second["since"], second["threshold"]) == ("ok", None, 14.4)
    assert second["summary"] == "The error budget is spent too fast: gone in 2 days. (latency, fast)"


def test_one_alert_has_its_runbook() -> None:
    """And all its tiers. A name that no alert has is not looked for."""
    series = {key("service_ready"): gauge((100, 0)), key("slo_objective_ratio", slo="latency"): gauge((100, 0.9))}
    samples, states = Samples(Scenario("", 1, series, (), ()), 1), Alerts(60, lambda name: f"# {name}")
    states.evaluate(samples, 0)

    found = states.with_runbook("ErrorBudgetBurn")
    assert found["runbook"] == "# ErrorBudgetBurn"
    assert [item["name"] for item in found["items"]] == ["ErrorBudgetBurn"] * 4
    with pytest.raises(NotFoundError, match=r"^There is no alert of this name\.$"):
        states.with_runbook("Watchdog")


def test_it_says_how_it_approximates() -> None:
    """Which windows are shorter than those of the rules by more than the factor, because no more is kept."""
    assert approximates(60) == (
        "These are the alerts of ops/alerts/rules for this process alone, sooner: every window and wait is 60 times"
        " shorter, so an hour of a rule is 60 seconds here. Windows that would be longer than the 15 minutes that are"
        " kept (slow and trickle) end there. Prometheus decides in production."
    )
    assert [tier.burn for tier in TIERS if tier.long / 60 > SECONDS] == ["slow", "trickle"]
    assert "(none)" in approximates(300)


def test_a_runbook_is_one_of_a_fixed_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the folder in which the service was started; elsewhere, its place is named."""
    monkeypatch.chdir(tmp_path)
    assert (
        runbook("ServiceNotReady")
        == "The runbook is `ops/alerts/runbooks/ServiceNotReady.md` in the service's repository."
    )
    runbooks.FOLDER.mkdir(parents=True)
    (runbooks.FOLDER / "EventLoopLagging.md").write_text("# EventLoopLagging\n", "utf-8")
    assert runbook("EventLoopLagging") == "# EventLoopLagging\n"
    for name in ("../../../etc/passwd", "/etc/passwd", "Watchdog", ""):
        with pytest.raises(KeyError):
            runbook(name)
