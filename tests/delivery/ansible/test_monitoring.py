"""The role `monitoring`: Prometheus and Alertmanager with the fleet's rules and the targets of each deploy."""

import json
from typing import Any

import pytest
from delivery.ansible.deployment import Deployment, Result
from delivery.containers import until

pytestmark = pytest.mark.delivery

PROMETHEUS = "http://127.0.0.1:9090/api/v1"


def ask(deployment: Deployment, query: str) -> list[dict[str, Any]]:
    """Ask Prometheus."""
    _, body = deployment.host.get(f"{PROMETHEUS}/query?query={query}")
    series: list[dict[str, Any]] = json.loads(body)["data"]["result"]
    return series


def targets(deployment: Deployment) -> list[dict[str, Any]]:
    """Ask Prometheus what it scrapes of the service."""
    _, body = deployment.host.get(f"{PROMETHEUS}/targets?state=active")
    active: list[dict[str, Any]] = json.loads(body)["data"]["activeTargets"]
    return sorted((t for t in active if t["labels"]["job"] == "service"), key=lambda t: str(t["scrapeUrl"]))


def test_the_second_run_changes_nothing(deployment: Deployment, monitored: Result) -> None:
    """Ansible reports no changed task."""
    assert monitored.status == 0, monitored.output
    assert monitored.changed > 0

    again = deployment.play("monitoring.yml")

    assert (again.status, again.changed) == (0, 0), again.output


@pytest.mark.usefixtures("deployed")
def test_prometheus_scrapes_the_active_slot_with_the_fleet_s_rules(deployment: Deployment) -> None:
    """Each instance of the active slot, none of the idle one; the objectives arrive in the rules."""
    slot, _ = deployment.runs
    instances = [f"127.0.0.1:{port}" for port in {"blue": (9601, 9602), "green": (9701, 9702)}[slot]]
    labels = {"job": "service", "service": "acme-links", "env": "staging", "process": "web", "slot": slot}
    until(lambda: [target["health"] for target in targets(deployment)] == ["up", "up"], "both instances are scraped")
    until(lambda: ask(deployment, "slo:objective:ratio"), "the rules know the objectives")

    assert [target["labels"] for target in targets(deployment)] == [labels | {"instance": at} for at in instances]
    _, rules = deployment.host.get(f"{PROMETHEUS}/rules")
    health = {rule["health"] for group in json.loads(rules)["data"]["groups"] for rule in group["rules"]}
    assert "err" not in health
    _, flags = deployment.host.get(f"{PROMETHEUS}/status/flags")
    assert json.loads(flags)["data"]["storage.tsdb.retention.time"] == "5w"  # 35d, as Prometheus says it


@pytest.mark.usefixtures("monitored")
def test_alertmanager_has_the_fleet_s_routes(deployment: Deployment) -> None:
    """And Prometheus knows where it is."""

    def known() -> list[str]:
        _, body = deployment.host.get(f"{PROMETHEUS}/alertmanagers")
        return [found["url"] for found in json.loads(body)["data"]["activeAlertmanagers"]]

    until(lambda: known() == ["http://localhost:9093/api/v2/alerts"], "Prometheus has found Alertmanager")
    _, body = deployment.host.get("http://127.0.0.1:9093/api/v2/receivers")
    assert {"pager", "dead-man"} <= {receiver["name"] for receiver in json.loads(body)}


@pytest.mark.usefixtures("monitored")
def test_rules_that_were_removed_go(deployment: Deployment) -> None:
    """With the next run, and rules of others stay."""
    rules, there = deployment.service / "ops/alerts/rules", "/etc/prometheus/rules"
    deployment.host.execute("sh", "-c", f"echo 'groups: []' > {there}/own.rules.yml")
    removed = (rules / "platform.rules.yml").read_bytes()
    (rules / "platform.rules.yml").unlink()
    try:
        played = deployment.play("monitoring.yml")
    finally:
        (rules / "platform.rules.yml").write_bytes(removed)
    assert played.status == 0, played.output
    left = deployment.host.execute("ls", there).split()
    assert "platform.rules.yml" not in left
    assert {"own.rules.yml", "slo.rules.yml"} < set(left)
