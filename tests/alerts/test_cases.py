"""The unit tests of the rules, read as data: they cover firing, silence and resolution of every alert."""

from typing import Any

import pytest
from rulebook import Rule, Test, alert_names, alerts, cases_of, expected_alerts, template_labels

CASES = {"fires", "silent", "resolves", "no data", "low traffic", "two services"}

NO_RATIO = "is no ratio of events, so few events cannot mislead it"
PLATFORM = "is about Prometheus or Alertmanager, not about a service"
NOT_APPLICABLE: dict[str, dict[str, str]] = {
    "BackgroundWorkStopped": {"low traffic": "the time since the last success is no ratio"},
    "CacheInvalidationsWait": {"low traffic": NO_RATIO},
    "CacheUnavailable": {"low traffic": NO_RATIO},
    "CacheWritesSetAside": {"low traffic": "one is enough"},
    "CacheWritesWait": {"low traffic": "the age of a write is no ratio"},
    "CommandFailed": {"low traffic": "the last run of a command is no ratio"},
    "ConfigReloadFailed": {"low traffic": NO_RATIO, "two services": PLATFORM},
    "CpuThrottled": {"low traffic": NO_RATIO},
    "DatabasePoolSaturated": {"low traffic": "the connections in use are no ratio of events"},
    "DatabaseReplicaLagging": {"low traffic": "the seconds that a replica is late are no ratio"},
    "EventLoopLagging": {"low traffic": "the loop is measured on a clock, not on requests"},
    "FileDescriptorsNearLimit": {"low traffic": NO_RATIO},
    "HttpClientDiscoveryStale": {"low traffic": "the age of what is known is no ratio"},
    "HttpClientInstancesUnavailable": {"low traffic": "the instances are no ratio of events"},
    "LogLevelOverridden": {"low traffic": "the level is no ratio"},
    "MemoryNearLimit": {"low traffic": NO_RATIO},
    "NotificationsFailing": {"two services": PLATFORM},
    "PagesTooOften": {"low traffic": NO_RATIO},
    "PrometheusEvaluationsMissed": {"low traffic": NO_RATIO, "two services": PLATFORM},
    "PrometheusRuleFailing": {"low traffic": NO_RATIO, "two services": PLATFORM},
    "SeriesNearLimit": {"low traffic": NO_RATIO},
    "ServiceDown": {"low traffic": NO_RATIO},
    "ServiceInstancesDown": {"low traffic": NO_RATIO},
    "ServiceMissing": {"low traffic": NO_RATIO},
    "ServiceNotReady": {"low traffic": NO_RATIO},
    "ServiceRestarting": {"low traffic": NO_RATIO},
    "TemplateSupportEnding": {"low traffic": "the time until a day is no ratio"},
    "UnhandledErrors": {"low traffic": "one is enough"},
    "Watchdog": dict.fromkeys(CASES - {"fires", "no data"}, "always fires"),
}


def observations(alert: str, test: Test) -> list[bool]:
    """Whether the alert fires, at each time the test looks."""
    looks = [
        (look["eval_time"], look["exp_samples"]) for look in test.get("promql_expr_test", []) if _about(alert, look)
    ]
    looks += [
        (look["eval_time"], look["exp_alerts"])
        for look in test.get("alert_rule_test", [])
        if look["alertname"] == alert
    ]
    return [bool(expected) for _, expected in looks]


def _about(alert: str, look: dict[str, Any]) -> bool:
    return f'ALERTS{{alertname="{alert}"' in look["expr"] and 'alertstate="pending"' not in look["expr"]


@pytest.mark.parametrize("alert", alert_names())
def test_every_case_is_tested_or_does_not_apply(alert: str) -> None:
    """Fires, stays silent, resolves; no data, low traffic, two services of which one fails."""
    claimed = set().union(*(claims for claims, _ in cases_of(alert)))
    assert claimed <= CASES
    assert claimed | NOT_APPLICABLE.get(alert, {}).keys() == CASES


@pytest.mark.parametrize("alert", alert_names())
def test_a_test_looks_for_the_cases_in_its_name(alert: str) -> None:
    """A test whose name lists a case has an expectation for it."""
    for claims, test in cases_of(alert):
        fires = observations(alert, test)
        assert fires, test["name"]
        if claims & {"silent", "low traffic"} and "fires" not in claims:
            assert not any(fires)
        if "no data" in claims and alert != "Watchdog":
            assert not any(fires)
        if "fires" in claims:
            assert any(fires)
        if "resolves" in claims:
            assert not all(fires)
        if "two services" in claims:
            assert len(_services(test)) >= 2


def _services(test: Test) -> set[str]:
    return {
        part.split('"')[1] for one in test["input_series"] for part in one["series"].split(",") if "service=" in part
    }


@pytest.mark.parametrize("rule", alerts(), ids=str)
def test_texts_are_tested_and_no_label_renders_empty(rule: Rule) -> None:
    """Each tier is expected in full at least once, and every label its texts show has a value there."""
    expected = [one for one in expected_alerts(rule.name) if rule.labels.items() <= one["exp_labels"].items()]
    assert expected
    shown = frozenset().union(*(template_labels(text) for text in rule.annotations.values()))
    for one in expected:
        # A template sees the labels of the expression only, never those the rule adds.
        assert shown <= one["exp_labels"].keys() - rule.labels.keys()
        assert not [text for text in one["exp_annotations"].values() if "<no value>" in text or "  " in text]


@pytest.mark.parametrize("rule", [rule for rule in alerts() if rule.hold], ids=str)
def test_the_wait_of_an_alert_is_tested(rule: Rule) -> None:
    """An alert with `for` is pending in a test, tier by tier."""
    own = {f'burn="{rule.labels["burn"]}"'} if "burn" in rule.labels else {f'priority="{rule.labels["priority"]}"'}
    looks = [look["expr"] for _, test in cases_of(rule.name) for look in test.get("promql_expr_test", [])]
    assert any('alertstate="pending"' in look and all(label in look for label in own) for look in looks)


@pytest.mark.parametrize("alert", alert_names())
def test_only_the_failing_service_alerts(alert: str) -> None:
    """Of two services in a test that expects texts, exactly one is named."""
    for claims, test in cases_of(alert):
        for look in test.get("alert_rule_test", []) if "two services" in claims else []:
            assert {one["exp_labels"]["service"] for one in look["exp_alerts"]} == {"a"}
