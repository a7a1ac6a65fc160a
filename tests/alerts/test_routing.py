"""The receivers of each alert, from the shipped Alertmanager configuration."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from live import AMTOOL, program
from rulebook import ALERTS, Rule, alerts

pytestmark = pytest.mark.usefixtures("installed")

CONFIG = ALERTS / "alertmanager" / "alertmanager.yml"

ROUTES = [
    ({"alertname": "Watchdog", "priority": "none"}, "dead-man"),
    ({"priority": "P1", "env": "production"}, "pager,slack"),
    ({"priority": "P1", "env": "prod"}, "pager,slack"),
    ({"priority": "P1"}, "pager,slack"),
    ({"priority": "P2", "env": "production"}, "slack-email"),
    ({"priority": "P2"}, "slack-email"),
    ({"priority": "P3", "env": "production"}, "ticket"),
    ({"priority": "P4", "env": "production"}, "log"),
    # Outside production nothing pages.
    ({"priority": "P1", "env": "staging"}, "non-production"),
    ({"priority": "P2", "env": "production-test"}, "non-production"),
    ({"priority": "P3", "env": "staging"}, "ticket"),
    ({"priority": "P4", "env": "staging"}, "log"),
    # An alert of an imported rule with any other priority goes to the default receiver.
    ({"severity": "critical"}, "default"),
    # kube-prometheus-stack has alerts that are for Alertmanager, not for people.
    ({"alertname": "Watchdog", "severity": "none"}, "log"),
    ({"alertname": "InfoInhibitor", "severity": "none"}, "log"),
    ({"priority": "P9", "env": "production"}, "default"),
]


def config() -> dict[str, Any]:
    """The configuration as Alertmanager reads it."""
    contents: dict[str, Any] = yaml.safe_load(CONFIG.read_text("utf-8"))
    return contents


def receivers(labels: Mapping[str, str]) -> str:
    """The receivers an alert with these labels goes to."""
    words = [f"{name}={value}" for name, value in ({"alertname": "Any"} | dict(labels)).items()]
    run = subprocess.run(
        ["amtool", "config", "routes", "test", f"--config.file={CONFIG}", *words],
        check=True,
        capture_output=True,
        text=True,
    )
    return run.stdout.strip()


def test_amtool_accepts_the_configuration(programs: Path | None) -> None:
    """Alertmanager loads the file unchanged."""
    subprocess.run([program(AMTOOL, programs), "check-config", CONFIG], check=True)


@pytest.mark.parametrize(("labels", "expected"), ROUTES, ids=str)
def test_routes(labels: dict[str, str], expected: str) -> None:
    """Priority and environment decide who hears of it."""
    assert receivers(labels) == expected


@pytest.mark.parametrize("rule", alerts(), ids=str)
def test_no_rule_falls_through(rule: Rule) -> None:
    """Every alert of these rules has a route of its own."""
    assert receivers(rule.labels | {"alertname": rule.name, "env": "production"}) != "default"


def test_the_default_receiver_is_read_by_somebody() -> None:
    """Alerts without a route of their own go to a channel."""
    by_name = {receiver["name"]: receiver for receiver in config()["receivers"]}
    assert by_name[config()["route"]["receiver"]]["slack_configs"]
    assert by_name["log"].keys() == {"name"}


def test_instances_are_grouped() -> None:
    """A hundred instances are one notification."""
    groups = [config()["route"]["group_by"], *(r["group_by"] for r in config()["route"]["routes"] if "group_by" in r)]
    assert all({"alertname", "cluster", "service", "env", "process"} <= set(group) for group in groups)
    assert not any("instance" in group for group in groups)


def test_tickets_wait_for_business_hours() -> None:
    """P3 notifies only in business hours."""
    (ticket,) = [route for route in config()["route"]["routes"] if route["receiver"] == "ticket"]
    (name,) = ticket["active_time_intervals"]
    (interval,) = [one for one in config()["time_intervals"] if one["name"] == name]
    assert all(one["weekdays"] == ["monday:friday"] and one["location"] for one in interval["time_intervals"])


def test_secrets_are_in_files() -> None:
    """The configuration has no secrets, only the names of files that hold them."""
    secrets = r"(?:api_url|password|token|routing_key|service_key|credentials|secret):"
    assert not re.findall(secrets, CONFIG.read_text("utf-8"))
    assert len(re.findall(r"_file: /etc/alertmanager/secrets/", CONFIG.read_text("utf-8"))) >= 4


def test_inhibitions_tell_objectives_apart() -> None:
    """An availability page must not hide a latency ticket."""
    by_priority = [rule for rule in config()["inhibit_rules"] if "priority = P" in str(rule["source_matchers"])]
    assert all(rule["equal"] == ["alertname", "cluster", "service", "env", "process", "slo"] for rule in by_priority)


def test_inhibitions_stay_within_a_service() -> None:
    """A label that both alerts lack counts as equal, so the source must have both. Others' alerts are apart."""
    for rule in config()["inhibit_rules"]:
        ours = {'service != ""', 'env != ""'} <= set(rule["source_matchers"])
        assert ours or 'priority = ""' in rule["target_matchers"]
        assert {"cluster", *(("service", "env") if ours else ())} <= set(rule["equal"])
