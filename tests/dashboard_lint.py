"""Our own rules for dashboards. A rule takes a dashboard and yields what is wrong with it."""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

from dashboard_queries import (
    UNITS,
    fitting_units,
    kept_labels,
    matchers,
    parses,
    result_labels,
    vector_selectors,
)
from dashboards import (
    Json,
    Query,
    dashboards,
    explored,
    links,
    log_queries,
    panels,
    queries,
    queries_of_panel,
    variables,
)
from promql_parser import VectorSelector
from rulebook import (
    CONTRACT,
    TARGET_LABELS,
    components,
    contract,
    grouping_labels,
    known_series,
    log_events,
    selectors,
)

Rule = Callable[[Json], Iterable[str]]

ONE_AT_A_TIME = {"env", "service"}
RATES = {"rate", "irate", "increase"}
GRID = 24


def env_and_service_are_one_choice(of: Json) -> Iterator[str]:
    """Environment and service are chosen one at a time, from what there is."""
    for name in ONE_AT_A_TIME & variables(of).keys():
        variable = variables(of)[name]
        if variable["type"] != "query" or variable.get("multi") or _source(variable) != "${datasource}":
            yield f"variable {name} is not a single choice out of the data source"


def other_variables_begin_with_all(of: Json) -> Iterator[str]:
    """Everything below a service can be chosen in any number, and all of it is chosen at first."""
    wanted = {"type": "query", "multi": True, "includeAll": True}
    for name in variables(of).keys() - ONE_AT_A_TIME - {"datasource"}:
        variable = variables(of)[name]
        of_all = {"allValue": ".*" if name == "cluster" else ".+"}  # a target may have no cluster
        if not (wanted | of_all).items() <= variable.items() or variable["current"]["value"] != ["$__all"]:
            yield f"variable {name} is not any choice out of the data source, all of them at first"


def log_queries_are_about_the_service(of: Json) -> Iterator[str]:
    """A log query selects a stream, parses its JSON, and filters by what the contract says is logged."""
    log = tomllib.loads((CONTRACT / "runtime.toml").read_text("utf-8"))["log"]
    for place, query in log_queries(of):
        if not re.search(r'\{service_name="\$\{service\}"\} \| json \| env="\$\{env\}"( |$)', query):
            yield f"{place} does not read the lines of the service: {query}"
        fields = set(re.findall(r'(\w+)=~?"', query)) - {"service_name"}
        if unknown := fields - {*log["fields"], *log["request_fields"]}:
            yield f"{place} filters by {sorted(unknown)}, which nobody logs"
        events = {event for match in re.findall(r'event=~?"([^"]+)"', query) for event in match.split("|")}
        if unknown := events - log_events(_component(of)):
            yield f"{place} looks for {sorted(unknown)}, which nobody logs"


def log_queries_choose_their_range(of: Json) -> Iterator[str]:
    """A log query that counts over time lets Grafana choose over how much."""
    for place, query in log_queries(of):
        if any(duration != "$__auto" for duration in re.findall(r"\[([^\]]+)\]", query)):
            yield f"{place} counts over a fixed time: {query}"


def queries_are_about_what_was_chosen(of: Json) -> Iterator[str]:
    """A query is about the environment and the service that were chosen, or shows all of them by name."""
    for query in _sound(of):
        for name in ONE_AT_A_TIME & variables(of).keys() - kept_labels(query.tree):
            for selector in vector_selectors(query.tree):
                if (name, f"${name}") not in matchers(selector):
                    yield f"{query.place} reads {selector.name} of every {name}"


def queries_read_what_was_chosen(of: Json) -> Iterator[str]:
    """What is exported by instance, or recorded by what another variable chooses, is read for what was chosen."""
    for name in variables(of).keys() - ONE_AT_A_TIME - {"datasource"}:
        for query in _sound(of):
            for selector in vector_selectors(query.tree):
                asked = {label for label, _ in matchers(selector)}
                of_targets = name == "cluster" or not query.place.startswith("annotation")
                if _has(selector, name) and name not in asked and of_targets:
                    yield f"{query.place} reads {selector.name} of every {name}"


def series_exist(of: Json) -> Iterator[str]:
    """A series is in the contract, recorded by a rule, or exported by a listed exporter."""
    known = known_series()
    for query in _sound(of):
        for selector in selectors(query.filled):
            yield from (f"{query.place} reads {name}, which nobody exports" for name in selector.metrics - known.keys())


def labels_exist(of: Json) -> Iterator[str]:
    """A label that is filtered by, grouped by or shown is one that the series has."""
    known = known_series()
    for query in _sound(of):
        read = [selector for selector in selectors(query.filled) if selector.metrics <= known.keys()]
        for selector in read:
            labels = frozenset().union(*(known[name] for name in selector.metrics))
            if unknown := selector.labels - labels - TARGET_LABELS:
                yield f"{query.place} filters {sorted(selector.metrics)} by {sorted(unknown)}"
        labels = frozenset({"__name__"}).union(*(known[name] for selector in read for name in selector.metrics))
        if unknown := grouping_labels(query.filled) - labels - TARGET_LABELS:
            yield f"{query.place} groups by {sorted(unknown)}, which none of its series has"


def legends_exist(of: Json) -> Iterator[str]:
    """A legend shows labels that the result still has."""
    for query in _sound(of):
        left = result_labels(query.tree)
        shown = set(re.findall(r"\{\{(\w+)\}\}", query.legend))
        if shown - left:
            yield f"{query.place} has no {sorted(shown - left)} to show"


def units_fit(of: Json) -> Iterator[str]:
    """The unit is what the names of the series say. A heatmap shows the unit of its buckets."""
    for query in _drawn(of):
        if not parses(query.expr) or query.unit not in UNITS:
            continue  # another rule's
        fitting = fitting_units(vector_selectors(query.tree)[0] if query.legend == "{{le}}" else query.tree)
        if query.unit not in fitting:
            yield f"{query.place} is shown in {query.unit} and measured in {sorted(fitting)}"


def grid_is_filled(of: Json) -> Iterator[str]:
    """Panels stand side by side from edge to edge, and none on another."""
    rows: dict[int, list[Json]] = {}
    for panel in of["panels"]:
        rows.setdefault(panel["gridPos"]["y"], []).append(panel["gridPos"])
    for y, places in rows.items():
        edges = [0, *(edge for place in places for edge in (place["x"], place["x"] + place["w"])), GRID]
        heights = {place["h"] for place in places}
        if any(left != right for left, right in list(pairwise(edges))[::2]) or len(heights) > 1:
            yield f"the panels at {y} do not fill their line"
    lines = sorted((y, y + places[0]["h"]) for y, places in rows.items())
    yield from (f"something is above {start}" for (_, end), (start, _) in pairwise(lines) if end != start)


def names_are_unique(of: Json) -> Iterator[str]:
    """Panels count from 1, titles and the names of a panel's queries and curves are there once."""
    if [panel["id"] for panel in of["panels"]] != list(range(1, len(of["panels"]) + 1)):
        yield "the panels are not counted from 1"
    yield from (f"two panels {title}" for title, count in Counter(p["title"] for p in panels(of)).items() if count > 1)
    for panel in panels(of):
        for key in ("refId", "legendFormat"):
            names = Counter(target.get(key) for target in panel.get("targets", []))
            yield from (f"{panel['title']} has two {key} {name}" for name, count in names.items() if count > 1)


def uid_is_a_word(of: Json) -> Iterator[str]:
    """People and alerts link to it; no other dashboard has it, nor the title."""
    if not re.fullmatch(r"firstlight-[a-z-]{1,29}", of.get("uid", "")):
        yield f"uid {of.get('uid')}"
    others = [other for other in dashboards() if (other["uid"], other["title"]) != (of.get("uid"), of.get("title"))]
    for key in ("uid", "title"):
        yield from (f"{other['title']} has the {key} {of[key]}, too" for other in others if other[key] == of.get(key))


def nothing_is_left_of_an_export(of: Json) -> Iterator[str]:
    """File provisioning cannot fill in what an export leaves open; a number of its own belongs to one Grafana."""
    yield from (f"has {key}" for key in ("__inputs", "__requires", "__elements", "id", "version") if key in of)
    if of.get("schemaVersion") != 41:
        yield "is not of schema version 41"


def description_says_what_is_good(of: Json) -> Iterator[str]:
    """The description of a panel says what is good."""
    for panel in panels(of):
        if not re.fullmatch(r"([A-Z].+\? .*)?Good: .+\.", panel["description"]):
            yield f"{panel['title']} does not say what is good: {panel['description']}"


def latency_has_exemplars(of: Json) -> Iterator[str]:
    """Latency panels show exemplars, which link to traces."""
    for panel in panels(of):
        for target in panel.get("targets", []):
            wanted = "http_server_request_duration_seconds_bucket" in target["expr"]
            if wanted != target.get("exemplar", False):
                yield f"{panel['title']} {target['refId']} {'has no' if wanted else 'cannot have'} exemplars"


def links_lead_somewhere(of: Json) -> Iterator[str]:
    """Other dashboards get the variables they know and the time; log and trace queries get the time."""
    here = variables(of).keys()
    for place, url in links(of):
        if url.startswith("/explore"):
            asked = explored(url)
            sources = (asked["datasource"], asked["to"], asked["range"])
            if sources not in [({"type": to, "uid": to}, to, TIME) for to in ("loki", "tempo")]:
                yield f"{place} leads to {asked}"
            continue
        page, _, query = url.removeprefix("/d/").partition("?")
        target = next((other for other in dashboards() if other["uid"] == page), None)
        given = set(re.findall(r"\$\{(\w+):queryparam\}|var-(\w+)=", query))
        names = {name for pair in given for name in pair if name}
        if target is None or "${__url_time_range}" not in query or not names >= here & variables(target).keys():
            yield f"{place} leads to {url}"


def trace_queries_are_about_the_service(of: Json) -> Iterator[str]:
    """And its environment, by attributes that the resource has."""
    attributes = tomllib.loads((CONTRACT / "runtime.toml").read_text("utf-8"))["resource"]["attributes"]
    for place, url in links(of):
        if not url.startswith("/explore") or explored(url)["to"] != "tempo":
            continue
        asked = dict(re.findall(r'resource\.([\w.]+)="([^"]*)"', explored(url)["query"]))
        wanted = {"service.name": "${service}", "deployment.environment.name": "${env}"}
        if not wanted.items() <= asked.items() or asked.keys() - set(attributes):
            yield f"{place} asks for the traces of {asked}"


def links_use_variables_that_exist(of: Json) -> Iterator[str]:
    """A variable that is not there stays in the address as it is."""
    known = {*variables(of), "__from", "__to", "__url_time_range"}
    for place, url in links(of):
        for name in re.findall(r"\$\{([^}:]+)", url):
            if name not in known and not re.fullmatch(r"__(value\.raw|field\.labels\.\w+|data\.fields\.\w+)", name):
                yield f"{place} names {name}"


def every_page_leads_to_every_other(of: Json) -> Iterator[str]:
    """By one link for all of them, with variables and time, so that a component's page needs no line here."""
    wanted = {"type": "dashboards", "tags": ["firstlight"], "keepTime": True, "includeVars": True}
    if not any(wanted.items() <= link.items() for link in of["links"]) or "firstlight" not in of["tags"]:
        yield "is not among the linked dashboards"


def thresholds_are_red_lines(of: Json) -> Iterator[str]:
    """Curves with thresholds show them, and a curve called limit looks like one."""
    for panel in panels(of):
        defaults = panel["fieldConfig"]["defaults"]
        steps = defaults.get("thresholds", {}).get("steps", [])
        style = defaults.get("custom", {}).get("thresholdsStyle", {}).get("mode")
        if panel["type"] == "timeseries" and (style == "line") != (len(steps) > 1):
            yield f"{panel['title']} does not draw its thresholds"
        limit = any(target.get("legendFormat") == "limit" for target in panel.get("targets", []))
        drawn = [each for each in panel["fieldConfig"]["overrides"] if each["matcher"]["options"] == "limit"]
        if limit != bool(drawn):
            yield f"{panel['title']} does not draw its limit"


def components_keep_to_themselves(of: Json) -> Iterator[str]:
    """The dashboard of a component can be left out by name: nobody else reads its series or links to it."""
    for component in components():
        page = f"firstlight-{component.replace('_', '-')}"
        metrics = tomllib.loads((CONTRACT / f"{component}.toml").read_text("utf-8"))["metrics"]
        named = [name for name in (component, page, *metrics) if name in json.dumps(of)]
        if named and of["uid"] != page:
            yield f"names {named}, which a service without {component} does not have"


TIME = {"from": "${__from}", "to": "${__to}"}
OWN: dict[str, Rule] = {
    rule.__name__.replace("_", "-"): rule
    for rule in (
        env_and_service_are_one_choice,
        other_variables_begin_with_all,
        log_queries_are_about_the_service,
        log_queries_choose_their_range,
        queries_are_about_what_was_chosen,
        queries_read_what_was_chosen,
        series_exist,
        labels_exist,
        legends_exist,
        units_fit,
        grid_is_filled,
        names_are_unique,
        uid_is_a_word,
        nothing_is_left_of_an_export,
        description_says_what_is_good,
        latency_has_exemplars,
        links_lead_somewhere,
        trace_queries_are_about_the_service,
        links_use_variables_that_exist,
        every_page_leads_to_every_other,
        thresholds_are_red_lines,
        components_keep_to_themselves,
    )
}


def _component(of: Json) -> str | None:
    name = of["uid"].removeprefix("firstlight-").replace("-", "_")
    return name if name in components() else None


def _source(asking: Json) -> str | None:
    uid: str | None = asking.get("datasource", {}).get("uid")
    return uid


def _sound(of: Json) -> list[Query]:
    """Those that parse; the others are another rule's."""
    return [query for query in queries(of) if parses(query.expr)]


def _drawn(of: Json) -> list[Query]:
    return [query for panel in panels(of) for query in queries_of_panel(panel)]


def _has(selector: VectorSelector, label: str) -> bool:
    name = selector.name or ""
    if label == "cluster":
        return True
    if label == "instance":
        return not name or name in contract() or name == "up" or name.startswith("scrape_")
    return label in contract().get(name, ()) or name.startswith(f"{label}:")
