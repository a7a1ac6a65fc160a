"""Every dashboard keeps every rule, and every rule finds its planted fault."""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from dashboard_lint import OWN, TIME, Rule
from dashboards import FILES, Json, dashboard, dashboards, with_uid
from public_lint import EXCEPTIONS, HELD, PUBLIC

RULES = HELD | OWN
LOKI = {"target-logql-rule", "target-logql-auto-rule"}


def explore(query: str) -> str:
    """A link to log lines, as Grafana reads it."""
    loki = {"type": "loki", "uid": "loki"}
    pane = {"datasource": "loki", "queries": [{"refId": "A", "datasource": loki, "expr": query}], "range": TIME}
    return f"/explore?schemaVersion=1&panes={quote(json.dumps({'a': pane}))}"


# The rule, where a dashboard is changed, and into what; a pair is replaced within the text that is there.
UP, ERRORS, BUDGET = (f"service/panels/{title}" for title in ("Up", "Error log lines", "Error budget left"))
TO_LOGS = f"{ERRORS}/fieldConfig/defaults/links/Logs/url"
TO_SLO = f"{BUDGET}/fieldConfig/defaults/links/SLO/url"
CHOSEN = 'service="$service", env="$env", cluster=~"$cluster", instance=~"$instance"'
DROPPED = f"sum by (signal, reason) (telemetry_dropped_total{{{CHOSEN}}})"
TO_TRACES = "service/panels/Failures by route/fieldConfig/defaults/links/Traces/url"
LINES = '{service_name="${service}"} | json | env="${env}"'
BROKEN: list[tuple[str, str, Any]] = [
    ("template-datasource-rule", "service/templating/list/datasource/label", "Prometheus"),
    ("env-and-service-are-one-choice", "service/templating/list/env/multi", True),
    ("other-variables-begin-with-all", "service/templating/list/instance/allValue", ".*"),
    ("template-label-promql-rule", "service/templating/list/env/query", ('=""}', '=""')),
    ("template-label-promql-rule", "service/templating/list/env/query", (", env)", ", service)")),
    ("template-on-time-change-reload-rule", "service/templating/list/env/refresh", 1),
    ("panel-datasource-rule", f"{UP}/datasource", {"type": "prometheus", "uid": "prometheus"}),
    ("panel-datasource-rule", f"{UP}/targets/A/datasource", {"type": "prometheus", "uid": "prometheus"}),
    ("panel-datasource-rule", "service/annotations/list/Deploys/datasource", {"uid": "-- Grafana --"}),
    ("panel-title-description-rule", f"{UP}/title", ""),
    ("panel-units-rule", f"{UP}/fieldConfig/defaults/unit", "percent"),
    ("panel-units-rule", "fleet/panels/Every service/fieldConfig/overrides/Firing/properties/unit/value", "clicks"),
    ("panel-units-rule", "fleet/panels/Every service/fieldConfig/defaults/unit", "clicks"),
    ("panel-no-targets-rule", f"{UP}/targets", []),
    ("log-queries-are-about-the-service", TO_LOGS, explore('{job="acme"} | json | env="${env}"')),
    ("log-queries-are-about-the-service", TO_LOGS, explore('{service_name="${service}"} | json')),
    ("log-queries-are-about-the-service", TO_LOGS, explore(f'{LINES} | mood="bad"')),
    ("log-queries-are-about-the-service", TO_LOGS, explore(f'{LINES} | event="http.requested"')),
    ("log-queries-choose-their-range", TO_LOGS, explore(f"sum(count_over_time({LINES} [5m]))")),
    ("target-promql-rule", f"{UP}/targets/A/expr", ("}", "")),
    ("target-rate-interval-rule", "service/panels/CPU/targets/A/expr", ("$__rate_interval", "5m")),
    ("queries-are-about-what-was-chosen", f"{UP}/targets/A/expr", ("$env", "production")),
    ("queries-read-what-was-chosen", f"{UP}/targets/A/expr", (', cluster=~"$cluster"', "")),
    ("other-variables-begin-with-all", "service/templating/list/cluster/allValue", ".+"),
    ("queries-read-what-was-chosen", f"{UP}/targets/A/expr", (', instance=~"$instance"', "")),
    ("target-counter-agg-rule", "telemetry/panels/Dropped/targets/A/expr", DROPPED),
    ("uneditable-dashboard", "service/editable", True),
    ("series-exist", f"{UP}/targets/A/expr", ("up{", "upp{")),
    ("series-exist", "runtime/panels/Latency burn rate/targets/A/expr", ("burn_rate", "burn")),
    ("labels-exist", f"{UP}/targets/A/expr", ("}", ', check="x"}')),
    ("labels-exist", "service/panels/Requests by status/targets/A/expr", ("sum by (", "sum by (check, ")),
    ("legends-exist", f"{UP}/targets/A/legendFormat", "{{http_route}}"),
    ("units-fit", f"{UP}/fieldConfig/defaults/unit", "bytes"),
    ("grid-is-filled", f"{UP}/gridPos/w", 11),
    ("grid-is-filled", f"{UP}/gridPos/h", 6),
    ("grid-is-filled", "service/panels/Instances/gridPos/y", 0),
    ("names-are-unique", f"{UP}/id", 99),
    ("names-are-unique", f"{UP}/title", "Ready"),
    ("names-are-unique", "service/panels/Latency/targets/B/refId", "A"),
    ("uid-is-a-word", "service/uid", "bdkq3f"),
    ("uid-is-a-word", "service/uid", "firstlight-slo"),
    ("uid-is-a-word", "service/title", "SLO"),
    ("nothing-is-left-of-an-export", "service/__inputs", []),
    ("nothing-is-left-of-an-export", "service/id", 7),
    ("nothing-is-left-of-an-export", "service/schemaVersion", 36),
    ("description-says-what-is-good", f"{UP}/description", "Which instances answer?"),
    ("latency-has-exemplars", "service/panels/Latency/targets/A/exemplar", False),
    ("latency-has-exemplars", f"{UP}/targets/A/exemplar", True),
    ("links-lead-somewhere", TO_SLO, ("firstlight-slo", "firstlight-slow")),
    ("links-lead-somewhere", TO_SLO, ("&${__url_time_range}", "")),
    ("links-lead-somewhere", TO_SLO, ("&${env:queryparam}", "")),
    ("links-lead-somewhere", TO_LOGS, ("${__from}", "now-1h")),
    ("trace-queries-are-about-the-service", TO_TRACES, ("${service}", "acme")),
    ("trace-queries-are-about-the-service", TO_TRACES, ("service.name", "service.title")),
    ("links-use-variables-that-exist", TO_SLO, ("${env:queryparam}", "${env:queryparam}&var-slo=${slo}")),
    ("every-page-leads-to-every-other", "service/tags", []),
    ("every-page-leads-to-every-other", "service/links/Dashboards/keepTime", False),
    ("thresholds-are-red-lines", "service/panels/CPU/fieldConfig/defaults/custom/thresholdsStyle/mode", "off"),
    ("thresholds-are-red-lines", "service/panels/Slow requests/fieldConfig/overrides/limit/matcher/options", "bound"),
    ("components-keep-to-themselves", f"{UP}/description", "Is http_client well? Good: it is."),
]


def step_into(node: Any, step: str) -> Any:  # noqa: ANN401 - a part of a JSON document
    """What is under a key, or in a list under the name its readers know it by."""
    if isinstance(node, dict):
        return node[step]
    return [each for each in node if step in names(each)][-1]  # the panel rather than a section of that title


def names(item: Json) -> Iterator[str]:
    """The ways in which an item of a list is called."""
    yield from (item[key] for key in ("title", "name", "refId", "id") if key in item)
    yield from filter(None, [item.get("matcher", {}).get("options")])


def broken(path: str, value: Any) -> Json:  # noqa: ANN401 - a part of a JSON document
    """A copy of a dashboard with one change."""
    name, *steps, last = path.split("/")
    copy = deepcopy(with_uid(f"firstlight-{name}"))
    node: Any = copy
    for step in steps:
        node = step_into(node, step)
    if isinstance(value, tuple):
        old, new = value
        assert old in node[last]
        value = node[last].replace(old, new, 1)
    assert node.get(last) != value
    node[last] = value
    return copy


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_dashboard_keeps_every_rule(file: Path, rule: Rule) -> None:
    """Of the public linter, and our own."""
    assert list(rule(dashboard(file))) == []


@pytest.mark.parametrize(("rule", "path", "value"), BROKEN)
def test_each_planted_fault_is_found_by_its_rule_only(rule: str, path: str, value: object) -> None:
    """A rule that finds nothing is useless."""
    change = broken(path, value)
    assert [name for name in RULES if list(RULES[name](change))] == [rule]


def test_every_rule_has_a_planted_fault() -> None:
    """Except the two about panels that ask Loki, which no panel does."""
    assert {rule for rule, _, _ in BROKEN} == RULES.keys() - LOKI


def test_panels_that_ask_loki_are_found() -> None:
    """Another rule finds it as well, because the query is no PromQL."""
    change = broken(f"{UP}/targets/A/expr", 'count_over_time({service_name="a"}[5m])')
    step_into(step_into(change["panels"], "Up")["targets"], "A")["datasource"] = {
        "type": "loki",
        "uid": "${datasource}",
    }
    assert {name for name in HELD if list(HELD[name](change))} >= LOKI


def test_exceptions_are_named_needed_and_explained() -> None:
    """All 17 rules of the public linter are held, or excepted in the file that it reads itself."""
    assert len(PUBLIC) == 17
    assert EXCEPTIONS.keys() < PUBLIC.keys()
    assert HELD.keys() | EXCEPTIONS.keys() == PUBLIC.keys()
    for name, exception in EXCEPTIONS.items():
        assert exception.keys() == {"reason"}
        assert any(list(PUBLIC[name](of)) for of in dashboards()), name
