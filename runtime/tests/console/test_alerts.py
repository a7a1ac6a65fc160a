"""The alerts of the console agree with the shipped rules on the same data, and have their thresholds."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from firstlight.console import thresholds
from firstlight.console.alerts import Alerts
from firstlight.console.thresholds import THRESHOLDS, TIERS, Threshold

from .scenarios import EVALUATION_SECONDS, Key, Samples, Scenario, counter, gauge, key

ROOT = Path(__file__).parents[3]
RULES = ROOT / "alerts/rules"
# The releases that fleets run: the installed one, and one beside it.
PROMTOOLS = {"Prometheus 2": None, "Prometheus 3": str(ROOT / ".tools/prometheus-3/usr/bin")}
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
OBJECTIVES = {"availability": 0.999, "latency": 0.99}
FACTORS = (1.0, 60.0)
PER_SAMPLE = 6000.0


def burning(
    name: str, interval: int, parts: Sequence[tuple[float, float]], looks: Sequence[float], tiers: str
) -> Scenario:
    """Traffic of which, for so many minutes, a share is bad that burns each budget so many times too fast."""
    series: dict[Key, Sequence[float]] = {}
    for slo, objective in OBJECTIVES.items():
        shares = [(round(minutes * 60 / interval), min(1, burn * (1 - objective))) for minutes, burn in parts]
        series |= {
            key("slo_objective_ratio", slo=slo): gauge((1 + sum(count for count, _ in shares), objective)),
            key("slo_events_total", slo=slo, outcome="bad"): counter(*((n, PER_SAMPLE * bad) for n, bad in shares)),
            key("slo_events_total", slo=slo, outcome="good"): counter(
                *((n, PER_SAMPLE * (1 - bad)) for n, bad in shares)
            ),
        }
    alerts = [key("ErrorBudgetBurn", slo=slo, burn=tier) for slo in OBJECTIVES for tier in tiers.split()]
    return Scenario(name, interval, series, looks, alerts)


# Each has an hour without bad events first. The long windows are longer than what is known, as of a new service.
BURNS = (
    burning("fast", 30, [(60, 0), (50, 30), (30, 0)], [59, 75, 105, 120], "fast"),
    burning("medium", 60, [(60, 0), (180, 10), (60, 0)], [59, 120, 225, 290], "medium"),
    burning("slow", 60, [(60, 0), (360, 4), (120, 0)], [59, 200, 380, 530], "slow trickle"),
    replace(
        burning("outage", 30, [(60, 0), (8, 500), (30, 0)], [59, 66, 90], ""),  # no latency burns 172.8 times too fast
        alerts=[key("ErrorBudgetBurn", slo="availability", burn="fast")],
    ),
    burning("few bad events", 30, [(60, 0), (10, 0.0001)], [65], ""),
)


def _lag(late: int) -> Mapping[Key, Sequence[float]]:
    """Ten timers in each half minute: all on time, and in `late` samples all a second late."""
    parts = {"0.1": 0, "0.5": 0, "1.0": 10, "2.5": 10, "+Inf": 10}
    return {
        key("event_loop_lag_seconds_bucket", le=le): counter((20, 10), (late, step), (40, 10))
        for le, step in parts.items()
    }


CAUSES = (
    Scenario(
        "not ready", 30, {key("service_ready"): gauge((20, 1), (16, 0), (30, 1))}, [9, 13, 17, 19, 24],
        [key("ServiceNotReady")],
    ),
    Scenario(
        "again and again", 30, {key("service_ready"): gauge((20, 1), *(((5, 0), (6, 1)) * 5), (60, 1))},
        [9, 16, 27, 34, 55], [key("ServiceNotReady")],
    ),
    Scenario("lag", 30, _lag(40), [9, 15, 27, 38], [key("EventLoopLagging")]),
    Scenario(
        "dropped", 30,
        {
            key("telemetry_dropped_total", signal="spans", reason="queue_full"): counter((20, 0), (60, 1), (80, 0)),
            key("telemetry_dropped_total", signal="logs", reason="stdout"): counter((20, 0), (6, 1), (134, 0)),
        },
        [9, 20, 35, 75], [key("TelemetryDropped", signal="spans", reason="queue_full")],
    ),
    Scenario(
        "shed", 30,
        {
            key("http_server_shed_requests_total"): counter((20, 0), (20, 30), (30, 0)),
            key("slo_events_total", slo="availability", outcome="good"): counter((20, 300), (20, 270), (30, 300)),
            key("slo_events_total", slo="availability", outcome="bad"): counter((20, 0), (20, 30), (30, 0)),
        },
        [9, 18, 30], [key("RequestsShed")],
    ),
    Scenario(
        "few are shed", 30,
        {
            key("http_server_shed_requests_total"): counter((20, 0), (5, 1), (30, 0)),
            key("slo_events_total", slo="availability", outcome="good"): counter((60, 2)),
        },
        [9, 13, 20], [],
    ),
    Scenario(
        "accept queue", 30,
        {
            key("http_server_accept_queue_connections"): gauge((20, 2), (20, 90), (30, 2)),
            key("http_server_accept_queue_max_connections"): gauge((70, 100)),
        },
        [9, 18, 30], [key("RequestsShed")],
    ),
    Scenario(
        "background", 30,
        {
            key("background_interval_seconds", task="sweep"): gauge((100, 60)),
            key("background_last_success_timestamp_seconds", task="sweep"):
                [30.0 * n for n in range(20)] + gauge((40, 570)) + [30.0 * n for n in range(60, 100)],
        },
        [9, 16, 22, 33], [key("BackgroundWorkStopped", task="sweep")],
    ),
)  # fmt: skip
SCENARIOS = (*BURNS, *CAUSES)


def firing(scenario: Scenario, factor: float) -> Mapping[float, set[Key]]:
    """What fires in the console at each look, evaluated as often as the rules are."""
    samples, states = Samples(scenario, factor), Alerts(factor, str)
    found: dict[float, set[Key]] = {}
    for time in range(0, round(max(scenario.looks) * 60) + 1, EVALUATION_SECONDS):
        samples.now = time / factor
        states.evaluate(samples, samples.now)
        if time / 60 in scenario.looks:
            items = states.document()["items"]
            found[time / 60] = {key(item["name"], **item["labels"]) for item in items if item["state"] == "firing"}
    return found


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_shorter_windows_change_nothing(scenario: Scenario) -> None:
    """On data that is as much faster. Each alert fires at one time, and is silent at another."""
    found = {factor: firing(scenario, factor) for factor in FACTORS}

    assert found[1.0] == found[60.0]
    for alert in scenario.alerts:
        assert {alert in at for at in found[1.0].values()} == {True, False}, (alert, found[1.0])
    if not scenario.alerts:
        assert not any(found[1.0].values())


@pytest.fixture(params=PROMTOOLS)
def promtool(request: pytest.FixtureRequest) -> str:
    """One of each release."""
    found = shutil.which("promtool", path=PROMTOOLS[request.param])
    if found is None and not os.environ.get("CI"):
        pytest.skip("needs promtool: apt-get install prometheus, or .ci/beside for the other release")
    assert found
    return found


def test_the_console_agrees_with_the_rules(tmp_path: Path, promtool: str) -> None:
    """At every look, the same alerts fire in Prometheus, which evaluates the shipped rules on the same series."""
    files = []
    for name, (scenarios, rules) in {"burns": (BURNS, "slo*"), "causes": (CAUSES, "[rs][ue][nr]*")}.items():
        cases = {
            "rule_files": [*map(str, sorted(RULES.glob(f"{rules}.rules.yml")))],
            "evaluation_interval": f"{EVALUATION_SECONDS}s",
            "group_eval_order": ["slo-coarse", "slo-period", "slo"] if name == "burns" else [],
            "tests": [scenario.test(firing(scenario, 1.0)) for scenario in scenarios],
        }
        files.append(tmp_path / f"{name}.yml")
        files[-1].write_text(json.dumps(cases), "utf-8")

    run = subprocess.run([promtool, "test", "rules", *files], check=False, capture_output=True, text=True)  # noqa: S603 - a program of Prometheus

    assert run.returncode == 0, run.stdout + run.stderr


def _rule(threshold: Threshold) -> Mapping[str, Any]:
    """The rule of a threshold: the one of that name, tier and priority."""
    wanted = threshold.name, threshold.priority, getattr(threshold, "burn", None)
    groups = [
        group for file in RULES.glob("*.yml") for group in yaml.safe_load(file.read_text("utf-8")).get("groups") or ()
    ]
    alerts = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    (rule,) = (
        rule for rule in alerts if (rule["alert"], rule["labels"]["priority"], rule["labels"].get("burn")) == wanted
    )
    found: Mapping[str, Any] = rule
    return found


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * UNITS[duration[-1]]


@pytest.mark.parametrize("threshold", THRESHOLDS, ids=lambda each: f"{each.name}-{getattr(each, 'burn', each.limit)}")
def test_thresholds_are_those_of_the_rules(threshold: Threshold) -> None:
    """Severity and waits. The runbook exists."""
    rule = _rule(threshold)
    assert rule["labels"]["severity"] == threshold.severity
    assert _seconds(rule["for"]) == threshold.hold
    assert _seconds(rule.get("keep_firing_for", "0s")) == threshold.keep
    assert (ROOT / f"alerts/runbooks/{threshold.name}.md").is_file()


@pytest.mark.parametrize("tier", TIERS, ids=lambda tier: tier.burn)
def test_tiers_have_the_numbers_of_their_rules(tier: thresholds.Tier) -> None:
    """Two windows, the burn rate, the least number of bad events."""
    rule = _rule(tier)
    rates = [
        (_seconds(window), float(limit)) for window, limit in re.findall(r'window="(\w+)"\} > ([\d.]+)', rule["expr"])
    ]
    outright = [(tier.window, tier.outright)] if tier.outright is not None else []
    assert rates == [(tier.window, tier.limit), (tier.long, tier.limit), *outright]
    ((window, factor, least),) = re.findall(r'window="(\w+)",outcome="bad"\} \* (\d+) >= (\d+)', rule["expr"])
    assert (_seconds(window), int(factor), int(least)) == (tier.long, tier.long, tier.least)


def test_other_conditions_have_the_numbers_of_their_rules() -> None:
    """The parts of the expressions in which they stand."""
    expected = {
        thresholds.NOT_READY: [
            f"== {thresholds.NOT_READY.limit}\n",
            f"[15m:{thresholds.FLAP_STEP}s]) > {thresholds.FLAPS}\n",
            f"[15m:{thresholds.FLAP_STEP}s]) > {thresholds.FLAPPING_SHARE}\n",
        ],
        thresholds.LAGGING: [
            f"histogram_quantile({thresholds.LAG_QUANTILE}, ",
            "[5m]",
            f"> {thresholds.LAGGING.limit}\n",
        ],
        thresholds.DROPPED: [f"[15m])) >= {thresholds.DROPPED.limit}\n"],
        thresholds.SHED: [f"> {thresholds.SHED.limit}\n", f"[5m])) >= {thresholds.LEAST_SHED}\n"],
        thresholds.QUEUED: [f") > {thresholds.QUEUED.limit}\n", 'connections{service!="",env!=""}[5m]'],
        thresholds.STOPPED: [f"> {thresholds.STOPPED.limit} * ", f" + {thresholds.STOPPED.window}\n"],
    }
    for threshold, parts in expected.items():
        expr = _rule(threshold)["expr"]
        assert [part for part in parts if part not in expr] == []
    assert {threshold.window for threshold in (thresholds.LAGGING, thresholds.SHED, thresholds.QUEUED)} == {300}
    assert {threshold.window for threshold in (thresholds.NOT_READY, thresholds.DROPPED)} == {900}
    assert {*expected, *TIERS} == {*THRESHOLDS}
