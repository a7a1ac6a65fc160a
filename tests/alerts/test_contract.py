"""The series that rules and runbooks read, compared with one scrape of a running service.

`test_rules.py` holds them against the contract file; here the service itself says which series,
labels and values it has.
"""

import re
import time
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import promql_parser
import pytest
from emitted import dependencies, drive, get, serving
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from rulebook import (
    CONTRACT,
    EXTERNAL,
    RUNBOOKS,
    TARGET_LABELS,
    grouping_labels,
    known_series,
    recordings,
    rules,
    selectors,
)
from template import EVERYTHING, Machine

pytestmark = pytest.mark.slow

# As Prometheus 2.42 asks.
ACCEPT = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
# The only optional series that depend on the machine: the traffic below brings forth every other.
DEPENDS_ON_THE_MACHINE = ("cgroup_", "http_server_accept_queue_")
# Only with PostgreSQL, and with replicas; with Redis (tests/grafana/test_cache.py has all of those).
DEPENDS_ON_THE_SERVER = ("cache_", "database_replica_", "database_server_", "database_pools_")
# The end of support is known only of a release, and this tree may be between two.
DEPENDS_ON_THE_RELEASE = frozenset({"template_supported_until_timestamp_seconds"})
# Counted only while a process stops, although a scrape may still see it; and where a request has less time left than a
# call takes, which runtime/tests/components/http_client/test_deadlines.py drives.
NOT_DRIVEN = {("error_type", "drained"), ("error_type", ".+RequestDeadlineError")}
PARTS = re.compile("_(?:bucket|count|sum)$")  # of a histogram, which the contract names as a whole
THRESHOLD_SECONDS = "0.75"
REGEX = (promql_parser.MatchOp.Re, promql_parser.MatchOp.NotRe)


@dataclass(frozen=True)
class Matcher:
    """One value that an expression names for a label of a series."""

    metric: str
    label: str
    pattern: str


@dataclass(frozen=True, repr=False)  # a failure would print all of it
class Scrape:
    """The samples of one scrape by series, and the series the contract lets a service leave out."""

    series: Mapping[str, list[dict[str, str]]]
    optional: frozenset[str]

    def labels(self, name: str) -> frozenset[str]:
        """The labels that every sample of a series has."""
        samples = self.series[name]
        return frozenset.intersection(*(frozenset(labels) for labels in samples))

    def values(self, name: str, label: str) -> set[str]:
        """Every value of a label; empty where a sample lacks it, as for Prometheus."""
        return {labels.get(label, "") for labels in self.series[name]}

    def may_lack(self, name: str) -> bool:
        """Whether this machine or this version, and nothing else, explains that the series is not there."""
        depends = name.startswith(DEPENDS_ON_THE_MACHINE + DEPENDS_ON_THE_SERVER) or name in DEPENDS_ON_THE_RELEASE
        return depends and not self.optional.isdisjoint({name, PARTS.sub("", name)})


@pytest.fixture(scope="module")
def scrape(shared: Machine, template: Path) -> Scrape:
    """Generate a service with everything, install it, run it, send it traffic and scrape it once."""
    start = time.perf_counter()
    directory = shared.cookiecutter(template, EVERYTHING).service
    installed = shared.run(["uv", "sync", "--quiet", "--no-dev"], directory)
    assert installed.status == 0, installed.stderr
    settings = {"SLO_LATENCY_SECONDS": THRESHOLD_SECONDS, "DATABASE_SLOW_SECONDS": "0.000001"}  # all are slow
    found = "found=consul://127.0.0.1:1/found"  # a dependency whose instances are looked up
    with (
        dependencies() as calls,
        serving(shared, directory, HTTP_CLIENT_DEPENDENCIES=f"{calls},{found}", **settings) as service,
    ):
        ports = service.wait_for("service.started")
        drive(service, ports["port"])
        status, content_type, text = get(ports["management_port"], "/metrics", ACCEPT)
    assert (status, content_type) == (200, "application/openmetrics-text")
    print(f"from the template to the scrape: {time.perf_counter() - start:.0f} s")
    series: dict[str, list[dict[str, str]]] = {}
    for sample in samples(text):
        series.setdefault(sample.name, []).append(sample.labels)
    return Scrape(series, optional_series())


def samples(text: str) -> list[Sample]:
    """Every sample of a scrape."""
    families = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    return [sample for family in families for sample in family.samples]


def optional_series() -> frozenset[str]:
    """The names that a service need not have always."""
    return frozenset(
        name
        for file in CONTRACT.glob("*.toml")
        for name, metric in tomllib.loads(file.read_text("utf-8"))["metrics"].items()
        if metric.get("optional", False)
    )


@cache
def expressions() -> tuple[tuple[str, str], ...]:
    """Every expression of every rule and runbook, with its place."""
    of_rules = [(f"{rule.file.name}: {rule}", rule.expr) for rule in rules()]
    of_runbooks = [
        (file.name, query)
        for file in sorted(RUNBOOKS.iterdir())
        for block in re.findall(r"```promql\n(.*?)```", file.read_text("utf-8"), re.DOTALL)
        for query in block.splitlines()
    ]
    return (*of_rules, *of_runbooks)


def exported(metrics: frozenset[str]) -> frozenset[str]:
    """The series that only the service exports: neither recorded nor exported by others."""
    return metrics - EXTERNAL.keys() - {rule.name for rule in recordings()}


def matchers(expr: str) -> Iterator[Matcher]:
    """Every value an expression names, alternatives one by one; variables of a runbook have none."""
    found: list[Matcher] = []

    def visit(node: promql_parser.Expr) -> None:
        if not isinstance(node, promql_parser.VectorSelector) or not node.name:
            return
        for matcher in node.matchers.matchers:
            if matcher.name in TARGET_LABELS or "$" in matcher.value:
                continue
            regex = matcher.op in REGEX
            patterns = matcher.value.split("|") if regex else [re.escape(matcher.value)]
            found.extend(Matcher(node.name, matcher.name, pattern) for pattern in patterns)

    promql_parser.walk(promql_parser.parse(expr), visit)
    yield from (matcher for matcher in found if exported(frozenset({matcher.metric})))


def nothing(complaints: Iterable[str]) -> None:
    """Fail with all complaints, if there are any."""
    found = sorted(set(complaints))
    assert not found, "\n".join(found)


def test_every_series_that_is_read_is_scraped(scrape: Scrape) -> None:
    """Except optional ones that depend on the machine."""
    read = {
        (place, metric)
        for place, expr in expressions()
        for selector in selectors(expr)
        for metric in exported(selector.metrics)
    }
    missing = {(place, metric) for place, metric in read if metric not in scrape.series}
    print("not on this machine:", sorted({metric for _, metric in missing if scrape.may_lack(metric)}))
    assert read > missing
    nothing(f"{place}: no {metric}" for place, metric in missing if not scrape.may_lack(metric))


def test_every_label_that_is_named_is_on_its_series(scrape: Scrape) -> None:
    """On each of its samples, because a selector skips samples without the label."""
    nothing(
        f"{place}: no {label} on {metric}"
        for place, expr in expressions()
        for selector in selectors(expr)
        for metric in exported(selector.metrics) & scrape.series.keys()
        for label in selector.labels - scrape.labels(metric) - TARGET_LABELS
    )


def test_every_label_that_groups_or_matches_is_on_a_series(scrape: Scrape) -> None:
    """Prometheus accepts an aggregation by a label that no series has. This test does not."""
    known = known_series()
    missing = []
    for place, expr in expressions():
        metrics = {metric for selector in selectors(expr) for metric in selector.metrics}
        labels = (scrape.labels(metric) if metric in scrape.series else known[metric] for metric in metrics)
        unset = grouping_labels(expr) - frozenset({"__name__"}).union(TARGET_LABELS, *labels)
        missing += [f"{place}: no {label} on any of {sorted(metrics)}" for label in unset]
    nothing(missing)


def test_every_value_that_is_named_occurs(scrape: Scrape) -> None:
    """A misspelt route, outcome or error type would never match."""
    named = {(place, matcher) for place, expr in expressions() for matcher in matchers(expr)}
    assert named
    # A rule may leave out the events of an objective that is declared, whether or not it has events of its own.
    declared = {"slo": scrape.values("slo_objective_ratio", "slo")}
    nothing(
        f"{place}: no {matcher.metric} whose {matcher.label} is {matcher.pattern!r}"
        for place, matcher in named
        if matcher.metric in scrape.series
        and matcher.pattern  # an empty one asks only whether the label is there
        and (matcher.label, matcher.pattern) not in NOT_DRIVEN
        and not any(
            re.fullmatch(matcher.pattern, value)
            for value in scrape.values(matcher.metric, matcher.label) | declared.get(matcher.label, set())
        )
    )


def test_labels_of_the_target_are_left_to_discovery(scrape: Scrape) -> None:
    """Prometheus would rename what the service sets, and the rules would read the target's."""
    assert [name for name, of in scrape.series.items() if any(TARGET_LABELS & labels.keys() for labels in of)] == []


def test_objectives_have_no_label_of_their_own(scrape: Scrape) -> None:
    """The rules would take each further one for another objective. Only latency has a threshold."""
    assert all(labels.keys() == {"slo"} for labels in scrape.series["slo_objective_ratio"])
    assert scrape.values("slo_objective_ratio", "slo") == {"availability", "latency", "orders"}
    assert scrape.series["slo_threshold_seconds"] == [{"slo": "latency"}]


def test_every_objective_has_both_events(scrape: Scrape) -> None:
    """From the start: `rate` does not see the first event of a series that starts with it."""
    declared = scrape.values("slo_objective_ratio", "slo")
    events = {(labels["slo"], labels["outcome"]) for labels in scrape.series["slo_events_total"]}
    assert events == {(slo, outcome) for slo in declared for outcome in ("good", "bad")}


def test_levels_are_in_lower_case(scrape: Scrape) -> None:
    """As the rules select them."""
    assert scrape.values("log_events_total", "level") == {"debug", "info", "warning", "error", "critical"}
