"""The content of `alerts/`, read once: rules, expressions, runbooks, and the contract."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser
import yaml

ROOT = Path(__file__).resolve().parent.parent
ALERTS = ROOT / "alerts"
EXCEPTIONS = ALERTS / "rules/exceptions.rules.yml"  # written from the platform's own data, a rule for each exception
RULE_FILES = sorted({*ALERTS.glob("rules/*.rules.yml"), *ALERTS.glob("opt-in/*.rules.yml")} - {EXCEPTIONS})
TEST_FILES = sorted(ALERTS.glob("tests/*.yml"))
RUNBOOKS = ALERTS / "runbooks"
CONTRACT = ROOT / "runtime/src/firstlight/contract"  # not the team's part: rules are for every service

Test = dict[str, Any]

TARGET_LABELS = frozenset({"cluster", "service", "env", "instance", "process", "job"})

# Series of other exporters, with their labels.
EXTERNAL: dict[str, frozenset[str]] = {
    # every scrape
    "up": frozenset(),
    "scrape_samples_post_metric_relabeling": frozenset(),
    "scrape_sample_limit": frozenset(),
    "scrape_duration_seconds": frozenset(),
    "scrape_series_added": frozenset(),
    # every rule that alerts
    "ALERTS": frozenset({"alertname", "alertstate", "priority", "severity", "slo", "team"}),
    "ALERTS_FOR_STATE": frozenset({"alertname", "priority", "severity", "slo", "team"}),
    # Prometheus
    "prometheus_config_last_reload_successful": frozenset(),
    "prometheus_notifications_dropped_total": frozenset(),
    "prometheus_rule_evaluation_failures_total": frozenset({"rule_group"}),
    "prometheus_rule_group_interval_seconds": frozenset({"rule_group"}),
    "prometheus_rule_group_iterations_missed_total": frozenset({"rule_group"}),
    "prometheus_rule_group_last_duration_seconds": frozenset({"rule_group"}),
    "prometheus_tsdb_head_series": frozenset(),
    "prometheus_tsdb_lowest_timestamp_seconds": frozenset(),
    # Alertmanager
    "alertmanager_alerts": frozenset({"state"}),
    "alertmanager_config_last_reload_successful": frozenset(),
    "alertmanager_notifications_failed_total": frozenset({"integration"}),
    "alertmanager_notifications_total": frozenset({"integration"}),
}


# About a service, but not from it: the contract says which.
EXTERNAL |= {
    name: frozenset(labels)
    for name, labels in tomllib.loads((CONTRACT / "runtime.toml").read_text("utf-8"))["external"].items()
}


@dataclass(frozen=True)
class Rule:
    """One recording or alerting rule, and where it stands."""

    file: Path
    group: str
    interval: int
    name: str
    alerts: bool
    expr: str
    hold: str | None
    team: str | None = None  # the template of that label
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Name the rule and what tells it from others of that name."""
        own = [value for key, value in self.labels.items() if key in {"burn", "outcome", "priority", "slo", "window"}]
        return "-".join([self.name, *own])

    @property
    def component(self) -> str | None:
        """The component whose file the rule is in."""
        stem = self.file.name.removesuffix(".rules.yml")
        return stem if stem in components() else None


@dataclass(frozen=True)
class Selector:
    """One selector of an expression: the metrics it may read, the labels it names, and whether it reads a range."""

    metrics: frozenset[str]
    labels: frozenset[str]
    seconds: float | None


def seconds(duration: str) -> int:
    """Read a duration such as 30s, 5m or 1d."""
    return round(promql_parser.parse_duration(duration).total_seconds())


@cache
def groups() -> tuple[tuple[Path, dict[str, Any]], ...]:
    """Every group, with its file."""
    return tuple((file, group) for file in RULE_FILES for group in yaml.safe_load(file.read_text("utf-8"))["groups"])


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule, in the order of evaluation."""
    return tuple(
        Rule(
            file=file,
            group=group["name"],
            interval=seconds(group["interval"]),
            name=rule.get("alert") or rule["record"],
            alerts="alert" in rule,
            expr=rule["expr"],
            hold=rule.get("for"),
            team=rule.get("labels", {}).get("team"),
            labels={name: value for name, value in rule.get("labels", {}).items() if name != "team"},
            annotations=rule.get("annotations", {}),
        )
        for file, group in groups()
        for rule in group["rules"]
    )


def alerts() -> tuple[Rule, ...]:
    """Every alerting rule."""
    return tuple(rule for rule in rules() if rule.alerts)


def recordings() -> tuple[Rule, ...]:
    """Every recording rule."""
    return tuple(rule for rule in rules() if not rule.alerts)


def alert_names() -> list[str]:
    """Every alert once; its tiers share a name."""
    return sorted({rule.name for rule in alerts()})


@cache
def components() -> frozenset[str]:
    """The optional components: each has its own part of the contract."""
    return frozenset(file.stem for file in CONTRACT.glob("*.toml")) - {"runtime"}


@cache
def contract() -> dict[str, frozenset[str]]:
    """Every series the service exports, with the labels it sets."""
    series: dict[str, frozenset[str]] = {}
    for file in CONTRACT.glob("*.toml"):
        for name, metric in tomllib.loads(file.read_text("utf-8"))["metrics"].items():
            labels = frozenset(metric["labels"])
            if metric["kind"] == "histogram":
                series |= {f"{name}_bucket": labels | {"le"}, f"{name}_count": labels, f"{name}_sum": labels}
            else:
                series[name] = labels
    return series


@cache
def part(component: str | None) -> dict[str, Any]:
    """The part of the contract of a component, or that of the runtime."""
    return tomllib.loads((CONTRACT / f"{component or 'runtime'}.toml").read_text("utf-8"))


def log_events(component: str | None) -> frozenset[str]:
    """Every event that the runtime and a component log."""
    return frozenset(part(None)["log"]["events"]) | frozenset(part(component)["log"]["events"])


def known_series() -> dict[str, frozenset[str]]:
    """Every series a rule or a runbook may read, with the labels it may have beside those of the target."""
    own = frozenset({"slo", "window", "outcome", "dependency"})
    return contract() | EXTERNAL | {rule.name: own for rule in recordings()}


def selectors(expr: str) -> Iterator[Selector]:
    """Every selector of an expression."""
    found: list[Selector] = []

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.MatrixSelector):
            found.append(_selector(node.vector_selector, node.range.total_seconds()))
        elif isinstance(node, promql_parser.VectorSelector):
            found.append(_selector(node, None))

    promql_parser.walk(promql_parser.parse(expr), visit)
    ranges = [selector for selector in found if selector.seconds is not None]
    # The walk yields the selector inside a range a second time, without the range.
    for selector in ranges:
        found.remove(Selector(selector.metrics, selector.labels, None))
    yield from found


def grouping_labels(expr: str) -> frozenset[str]:
    """Every label an aggregation or a match names."""
    named: set[str] = set()

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier:
            named.update(node.modifier.labels)
        elif isinstance(node, promql_parser.BinaryExpr) and node.modifier and node.modifier.matching:
            named.update(node.modifier.matching.labels)

    promql_parser.walk(promql_parser.parse(expr), visit)
    return frozenset(named)


def _selector(node: promql_parser.VectorSelector, over: float | None) -> Selector:
    labels = frozenset(matcher.name for matcher in node.matchers.matchers) - {"__name__"}
    names = {matcher.value for matcher in node.matchers.matchers if matcher.name == "__name__"}
    metrics = {node.name} if node.name else {part for name in names for part in name.split("|")}
    return Selector(frozenset(metrics), labels, over)


def template_labels(text: str) -> frozenset[str]:
    """Every label a template shows, but for those it has another word for where there is none."""
    return frozenset(re.findall(r"(?<!or )(?<!with )\$labels\.(\w+)", text))


@cache
def unit_tests() -> tuple[Test, ...]:
    """Every unit test of the rules."""
    return tuple(test for file in TEST_FILES for test in yaml.safe_load(file.read_text("utf-8"))["tests"])


def cases_of(alert: str) -> list[tuple[set[str], Test]]:
    """The tests whose name begins with the alert, each with the cases its name claims."""
    found = []
    for test in unit_tests():
        subject, _, claims = test["name"].partition(": ")
        if subject.split()[0] == alert:
            found.append(({claim for claim in claims.split(", ") if claim}, test))
    return found


def expected_alerts(alert: str) -> list[dict[str, dict[str, str]]]:
    """Every alert of that name that a test expects in full, with its labels and texts."""
    return [
        expected
        for _, test in cases_of(alert)
        for look in test.get("alert_rule_test", [])
        if look["alertname"] == alert
        for expected in look["exp_alerts"]
    ]
