"""The rules of the public dashboard-linter (github.com/grafana/dashboard-linter), under its names.

A rule takes a dashboard and yields what is wrong with it: at least what the linter itself would find. The linter reads
the exceptions from `.lint` beside the dashboards, and so do the tests. It is a Go program that no package index has, so
its rules are written again here.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import yaml
from dashboard_queries import UNITS, parses, ranges, vector_selectors
from dashboards import GRAFANA, RATE_INTERVAL, Json, Query, panels, queries, queries_of_panel, variables
from rulebook import seconds

Rule = Callable[[Json], Iterable[str]]

RATES = {"rate", "irate", "increase"}
WITH_UNITS = {"gauge", "graph", "singlestat", "stat", "table", "timeseries"}
EXCEPTIONS: Json = yaml.safe_load((GRAFANA / "dashboards/.lint").read_text("utf-8"))["exclusions"]


def template_datasource(of: Json) -> Iterator[str]:
    """One variable chooses the data source of everything."""
    wanted = {"type": "datasource", "query": "prometheus", "label": "Data source"}
    if not wanted.items() <= variables(of).get("datasource", {}).items():
        yield "no variable 'datasource' for Prometheus with the label 'Data source'"


def template_label_promql(of: Json) -> Iterator[str]:
    """What a variable is filled from is PromQL."""
    for name, variable in variables(of).items():
        if variable["type"] != "query":
            continue
        match = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"])
        if not match or match[2] != name or not parses(match[1]):
            yield f"variable {name} is filled from {variable['query']}"


def template_on_time_change_reload(of: Json) -> Iterator[str]:
    """Variables are read again when the time range changes."""
    for name, variable in variables(of).items():
        if variable["type"] == "query" and variable.get("refresh") != 2:
            yield f"variable {name} is not refreshed when the time changes"


def panel_datasource(of: Json) -> Iterator[str]:
    """Panels, queries and annotations ask the data source that was chosen."""
    asking = [(panel["title"], panel) for panel in panels(of)]
    asking += [(f"{panel['title']} {target['refId']}", target) for panel in panels(of) for target in panel["targets"]]
    asking += [(f"annotation {each['name']}", each) for each in of["annotations"]["list"]]
    yield from (f"{place} asks another data source" for place, each in asking if _source(each) != "${datasource}")


def panel_title_description(of: Json) -> Iterator[str]:
    """A panel has a title and a description."""
    for panel in panels(of):
        if not panel.get("title") or not panel.get("description"):
            yield f"panel {panel['id']} has no title or no description"


def panel_units(of: Json) -> Iterator[str]:
    """A number has a unit."""
    drawn = [query for panel in panels(of) for query in queries_of_panel(panel)]
    yield from (f"{query.place} has the unit {query.unit}" for query in drawn if query.unit not in UNITS)
    for panel in panels(of):  # the linter wants the unit of the whole panel as well
        unit = panel["fieldConfig"]["defaults"].get("unit")
        if panel["type"] in WITH_UNITS and unit not in UNITS:
            yield f"{panel['title']} has the unit {unit}"


def panel_no_targets(of: Json) -> Iterator[str]:
    """A panel has a query."""
    yield from (f"{panel['title']} asks nothing" for panel in panels(of) if not panel.get("targets"))


def target_promql(of: Json) -> Iterator[str]:
    """A query is valid PromQL."""
    yield from (f"{query.place} is not PromQL: {query.expr}" for query in queries(of) if not parses(query.expr))


def target_rate_interval(of: Json) -> Iterator[str]:
    """A rate is taken over what the resolution asks for."""
    for query in _sound(of):
        for function, selector in ranges(query.tree):
            if function in {"rate", "irate"} and selector.range.total_seconds() != seconds(RATE_INTERVAL):
                yield f"{query.place} has a rate over a fixed time: {query.expr}"


def target_counter_agg(of: Json) -> Iterator[str]:
    """A counter is read as a rate or an increase."""
    for query in _sound(of):
        rated = Counter(read.vector_selector.name for function, read in ranges(query.tree) if function in RATES)
        for name in Counter(selector.name for selector in vector_selectors(query.tree)) - rated:
            if name and name.endswith("_total"):
                yield f"{query.place} shows the counter {name} as it is"


def uneditable_dashboard(of: Json) -> Iterator[str]:
    """What is provisioned is not edited in the browser."""
    if of.get("editable") is not False:
        yield "can be edited"


def target_logql(of: Json) -> Iterator[str]:
    """A query of a panel to Loki is valid LogQL, which only the linter itself can tell."""
    yield from (f"{place} asks Loki" for place, _ in _to_loki(of))


def target_logql_auto(of: Json) -> Iterator[str]:
    """A query of a panel to Loki lets Grafana choose over how much it counts."""
    for place, query in _to_loki(of):
        if any(duration != "$__auto" for duration in re.findall(r"\[([^\]]+)\]", query)):
            yield f"{place} counts over a fixed time"


def template_job(of: Json) -> Iterator[str]:
    """There is a variable `job`, of which any number can be chosen."""
    yield from _template(of, "job")


def template_instance(of: Json) -> Iterator[str]:
    """There is a variable `instance`, of which any number can be chosen."""
    yield from _template(of, "instance")


def target_job(of: Json) -> Iterator[str]:
    """Every selector filters by the variable `job`."""
    yield from _filters(of, "job")


def target_instance(of: Json) -> Iterator[str]:
    """Every selector filters by the variable `instance`."""
    yield from _filters(of, "instance")


def _template(of: Json, name: str) -> Iterator[str]:
    wanted = {"type": "query", "label": name.capitalize(), "multi": True, "allValue": ".+"}
    variable = variables(of).get(name, {})
    if not wanted.items() <= variable.items() or _source(variable) not in {"$datasource", "${datasource}"}:
        yield f"no variable {name} as the linter wants it"


def _filters(of: Json, name: str) -> Iterator[str]:
    for query in (query for panel in panels(of) for query in queries_of_panel(panel) if parses(query.expr)):
        for selector in vector_selectors(query.tree):
            found = [(each.name, str(each.op), each.value) for each in selector.matchers.matchers]
            if not any(label == name and value == f"${name}" and "Re" in op for label, op, value in found):
                yield f"{query.place} reads {selector.name} without {name}"


def _to_loki(of: Json) -> Iterator[tuple[str, str]]:
    for panel in panels(of):
        for target in panel.get("targets", []):
            if target["datasource"].get("type") == "loki":
                yield f"{panel['title']} {target['refId']}", target["expr"]


def _source(asking: Json) -> str | None:
    uid: str | None = asking.get("datasource", {}).get("uid")
    return uid


def _sound(of: Json) -> list[Query]:
    """Those that parse; the others are another rule's."""
    return [query for query in queries(of) if parses(query.expr)]


PUBLIC: dict[str, Rule] = {
    "template-datasource-rule": template_datasource,
    "template-job-rule": template_job,
    "template-instance-rule": template_instance,
    "template-label-promql-rule": template_label_promql,
    "template-on-time-change-reload-rule": template_on_time_change_reload,
    "panel-datasource-rule": panel_datasource,
    "panel-title-description-rule": panel_title_description,
    "panel-units-rule": panel_units,
    "panel-no-targets-rule": panel_no_targets,
    "target-logql-rule": target_logql,
    "target-logql-auto-rule": target_logql_auto,
    "target-promql-rule": target_promql,
    "target-rate-interval-rule": target_rate_interval,
    "target-job-rule": target_job,
    "target-instance-rule": target_instance,
    "target-counter-agg-rule": target_counter_agg,
    "uneditable-dashboard": uneditable_dashboard,
}
HELD = {name: rule for name, rule in PUBLIC.items() if name not in EXCEPTIONS}
