"""The rules, read as data: valid for the tools, limited in number, complete, and about metrics that exist."""

import re
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from live import PROMTOOL, program
from rulebook import (
    ALERTS,
    EXTERNAL,
    RULE_FILES,
    RUNBOOKS,
    TARGET_LABELS,
    TEST_FILES,
    Rule,
    alerts,
    contract,
    grouping_labels,
    groups,
    known_series,
    recordings,
    rules,
    seconds,
    selectors,
    template_labels,
)

MAY_PAGE: dict[str, set[str | None]] = {
    "ErrorBudgetBurn": {"fast", "medium"},
    "ServiceDown": {None},
    "ServiceNotReady": {None},
}
SEVERITY = {"P1": "critical", "P2": "warning", "P3": "warning", "P4": "info", "none": "none"}
FIRES_AT_ONCE = {
    "Watchdog": "it must never be silent",
    "ServiceRestarting": "half an hour of restarts is in the expression",
    "CommandFailed": "a command that has failed does not get better by waiting",
    "PagesTooOften": "a day of pages is in the expression",
}
ANNOTATIONS = {"summary", "description", "impact", "action", "runbook_url", "dashboard_url"}
SCRAPE_INTERVAL = 60  # seconds; the slowest one the rules are made for
LOOKBACK = 300  # seconds; what Prometheus looks back for an instant value
# What is recorded with the label `process` on every series, whether or not its target has it.
NORMALISED = {"process:up:avg", "process:service_ready:avg"}
# About Prometheus and Alertmanager, not about a service.
OF_THE_PLATFORM = {
    "Watchdog",
    "PrometheusRuleFailing",
    "PrometheusEvaluationsMissed",
    "ConfigReloadFailed",
    "NotificationsFailing",
}
# What kube-state-metrics exports has its own labels for service and env.
OF_A_SERVICE = {name for name in contract() | EXTERNAL if not re.match("kube_|prometheus_|alertmanager_|alerts:", name)}
UNREAD = {"alerts:pages_short:count": "for people: runbook and dashboard"}

every_rule = pytest.mark.parametrize("rule", rules(), ids=str)
every_alert = pytest.mark.parametrize("rule", alerts(), ids=str)
every_alert_of_a_service = pytest.mark.parametrize(
    "rule", [rule for rule in alerts() if rule.name not in OF_THE_PLATFORM], ids=str
)
every_recording = pytest.mark.parametrize("rule", recordings(), ids=str)


@pytest.fixture(scope="module")
def promtool(programs: Path | None) -> str:
    """One of each release."""
    return program(PROMTOOL, programs)


def test_two_releases_check_them(promtool: str, figure: Callable[[str], None]) -> None:
    """The rules must work in both, because fleets run both."""
    version = subprocess.run([promtool, "--version"], check=True, capture_output=True, text=True).stdout.split()[2]
    figure(f"rules loaded and tested by promtool {version}")
    assert version.startswith(("2.", "3."))


@pytest.mark.parametrize("file", RULE_FILES, ids=lambda file: file.name)
def test_promtool_finds_nothing(promtool: str, file: Path) -> None:
    """Prometheus loads the file unchanged."""
    subprocess.run([promtool, "check", "rules", "--lint=all", "--lint-fatal", file], check=True)


@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.name)
def test_rules_do_what_their_tests_say(promtool: str, file: Path) -> None:
    """The unit tests of the rules pass."""
    command = [promtool, "test", "rules", file.name]
    run = subprocess.run(command, cwd=file.parent, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_one_set_of_rules_serves_any_fleet(figure: Callable[[str], None]) -> None:
    """What every service has, has at most 60 rules, a component at most eight. No rule names a service."""
    loaded = Counter(rule.component for rule in rules() if rule.file.parent.name == "rules")
    figure(f"rules for a whole fleet: {loaded[None]} of at most 60, and {loaded.total() - loaded[None]} of components")
    assert loaded.pop(None) <= 60
    assert all(number <= 8 for number in loaded.values()), loaded
    assert all(len(group["rules"]) <= 20 for _, group in groups())
    assert len({group["name"] for _, group in groups()}) == len(groups())
    assert not [rule for rule in rules() if re.search(r"service=~?\"", rule.expr)]


def test_groups_are_evaluated_often_enough() -> None:
    """No group is slower than five minutes, and only ranges read what comes that slowly."""
    assert all(seconds(group["interval"]) <= LOOKBACK for _, group in groups())
    slow = {rule.name for rule in recordings() if rule.interval > LOOKBACK / 2}
    instant = {metric for rule in rules() for s in selectors(rule.expr) if s.seconds is None for metric in s.metrics}
    assert not slow & instant


def test_files_of_alerts_have_no_jinja() -> None:
    """A platform loads these files unchanged."""
    texts = {file: file.read_text("utf-8") for file in ALERTS.rglob("*") if file.is_file()}
    assert not [file for file, text in texts.items() if "{%" in text or "cookiecutter" in text]


@every_rule
def test_reads_only_series_that_somebody_exports(rule: Rule) -> None:
    """A metric is in the contract, is recorded here, or comes from a listed exporter; so do its labels."""
    known = known_series()
    for selector in selectors(rule.expr):
        assert selector.metrics <= known.keys()
        for metric in selector.metrics:
            assert selector.labels <= known[metric] | TARGET_LABELS


@every_rule
def test_groups_and_matches_by_labels_that_exist(rule: Rule) -> None:
    """Prometheus accepts a misspelt label in `by`, `on` or `ignoring`. This test does not."""
    known = known_series()
    labels = frozenset().union(*(known[metric] for s in selectors(rule.expr) for metric in s.metrics))
    assert grouping_labels(rule.expr) <= labels | TARGET_LABELS


@every_rule
def test_reads_services_only(rule: Rule) -> None:
    """Exporters and services of others have metrics with the same names, and often one of the two labels."""
    scraped = [s for s in selectors(rule.expr) if s.metrics & OF_A_SERVICE]
    assert [s for s in scraped if not {"service", "env"} <= s.labels] == []


@every_rule
def test_groups_and_matches_by_cluster(rule: Rule) -> None:
    """One Prometheus over two clusters must not add them up, nor take one for the other."""
    clauses = re.findall(r"\b(?:by|on) \(([^)]*)\)", rule.expr)
    assert [clause for clause in clauses if not clause.startswith("cluster, ")] == []
    assert not re.search(r"\b(?:sum|avg|max|min|count|group) ?\(", rule.expr)


@every_rule
def test_rates_see_enough_samples(rule: Rule) -> None:
    """A range over scraped series spans at least two scrapes. What rules write comes as often as they are evaluated."""
    scraped = contract().keys() | EXTERNAL.keys() - {"ALERTS", "ALERTS_FOR_STATE"}
    assert not [
        s for s in selectors(rule.expr) if s.seconds and s.metrics & scraped and s.seconds < 2 * SCRAPE_INTERVAL
    ]


@every_recording
def test_recorded_series_are_read(rule: Rule) -> None:
    """A recorded series that nothing reads is a cost without a use."""
    assert re.fullmatch(r"[a-z_]+:[a-z_]+:[a-z0-9_]+", rule.name)
    readers = {metric for other in rules() for selector in selectors(other.expr) for metric in selector.metrics}
    assert rule.name in readers | UNREAD.keys()


@every_recording
def test_sums_of_samples_are_divided_by_a_full_window(rule: Rule) -> None:
    """The divisor of a window is its length over the interval at which its samples are recorded."""
    match = re.fullmatch(r"sum_over_time\((\S+?)(?:\{window=\"5m\"\})?\[(\w+)\]\) / (\d+)", rule.expr)
    if not match:
        assert "sum_over_time" not in rule.expr
        return
    source, window, divisor = match.groups()
    (interval,) = {other.interval for other in recordings() if other.name == source and _is_source(other)}
    assert seconds(window) == interval * int(divisor)
    assert rule.labels["window"] == window


def _is_source(rule: Rule) -> bool:
    return rule.name != "slo:events:rate" or rule.labels["window"] == "5m"


@every_alert
def test_is_complete(rule: Rule) -> None:
    """Name, priority, severity, and texts that say what is wrong, who is affected, what to do and where to look."""
    assert re.fullmatch(r"([A-Z][a-z0-9]+)+", rule.name)
    assert rule.labels["severity"] == SEVERITY[rule.labels["priority"]]
    assert rule.annotations.keys() == ANNOTATIONS
    # What is grouped has one summary, so it has no value and no label that notifications are not grouped by.
    assert template_labels(rule.annotations["summary"]) <= {"cluster", "service", "env", "process"}
    assert "$value" not in rule.annotations["summary"]
    assert rule.annotations["runbook_url"] == f"/runbooks/{rule.name}.md"
    assert (RUNBOOKS / f"{rule.name}.md").is_file()


@every_alert
def test_a_process_that_may_be_unnamed_is_web(rule: Rule) -> None:
    """A target without the label `process` is web, and no text has a gap where the label is missing."""
    texts = " ".join(rule.annotations.values())
    if "$labels.process" in texts:
        normalised = {metric for s in selectors(rule.expr) for metric in s.metrics} & NORMALISED
        assert normalised or re.findall(r"(?<!or )\$labels\.process", texts) == []


@every_alert
def test_waits_or_has_a_reason_not_to(rule: Rule) -> None:
    """An alert that fires on one bad evaluation says why it may."""
    assert (rule.hold is None) == (rule.name in FIRES_AT_ONCE)


@every_alert
def test_only_the_allow_list_may_page(rule: Rule) -> None:
    """No other alert is P1."""
    if rule.labels["priority"] == "P1":
        assert rule.labels.get("burn") in MAY_PAGE.get(rule.name, set())


@every_alert
def test_pages_are_about_symptoms_of_all_users(rule: Rule) -> None:
    """No quantile, no single worst instance, no ranking decides about a page."""
    if rule.labels["priority"] == "P1":
        assert not re.search(r"quantile|topk|\binstance\b", rule.expr)


@every_alert
def test_labels_never_carry_a_value(rule: Rule) -> None:
    """A value in a label makes a new alert at every evaluation."""
    assert not [value for value in rule.labels.values() if "{{" in value]


@every_alert_of_a_service
def test_has_the_label_of_its_team(rule: Rule) -> None:
    """All have the same template: `team: *team`, with the anchor at the first alert of the file."""
    assert rule.team == next(other.team for other in alerts() if other.team)


@every_alert_of_a_service
def test_can_be_excepted(rule: Rule) -> None:
    """The last line of the expression, after parentheses around `or`, lets an exception hold the alert back."""
    rest, _, last = rule.expr.strip().rpartition("\n")
    assert last == f'unless on (cluster, service, env) alerts:exception:info{{alert="{rule.name}"}}'
    outside = rest
    while (inner := re.sub(r"\([^()]*\)", "", outside)) != outside:
        outside = inner
    assert not re.search(r"\bor\b", outside)


def test_tiers_are_four_and_told_apart() -> None:
    """Four tiers of one alert share its name, so that the higher one silences the lower."""
    tiers = [(rule.labels["burn"], rule.labels["priority"]) for rule in alerts() if rule.name == "ErrorBudgetBurn"]
    assert tiers == [("fast", "P1"), ("medium", "P1"), ("slow", "P2"), ("trickle", "P3")]


@every_alert
def test_components_keep_to_their_own_names(rule: Rule) -> None:
    """The files of a component can be left out by name: rules, tests and runbooks begin with it."""
    prefixes = {
        component: component.title().replace("_", "") for component in {r.component for r in rules()} if component
    }
    for component, prefix in prefixes.items():
        assert rule.name.startswith(prefix) == (rule.component == component)


@every_rule
def test_components_read_nothing_of_each_other(rule: Rule) -> None:
    """A rule reads the metrics of the service and of its own component only."""
    for selector in selectors(rule.expr):
        for metric in selector.metrics:
            (owner,) = {other.component for other in recordings() if other.name == metric} or {None}
            assert owner in {None, rule.component}
