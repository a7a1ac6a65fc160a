"""`dashboard_url` leads to an existing dashboard of the alerting service that shows the series of the alert."""

import re

import pytest
from dashboards import Json, dashboards, panels, queries, queries_of_panel, variables, with_uid
from rulebook import Rule, alerts, recordings, selectors

LINK = re.compile(r"/d/([a-z-]+)(?:\?(.+))?")
# What an alert leaves open: the data source is the reader's choice, and alerts are about all instances.
OPEN = {"cluster", "datasource", "instance"}
EXCEPTION = {"alerts:exception:info"}  # every rule about a service reads it

every_alert = pytest.mark.parametrize("rule", alerts(), ids=str)


def target(rule: Rule) -> tuple[Json, str]:
    """The dashboard that an alert links to, and the query of the link."""
    match = LINK.fullmatch(rule.annotations["dashboard_url"])
    assert match
    assert match[1] in {each["uid"] for each in dashboards()}
    return with_uid(match[1]), match[2] or ""


def named_by(expr: str) -> set[str]:
    """Every series that an expression names."""
    return {name for selector in selectors(expr) for name in selector.metrics}


def read_by(expr: str) -> set[str]:
    """Every series that an expression reads, those included from which others are recorded."""
    found = named_by(expr)
    while more := {name for rule in recordings() if rule.name in found for name in named_by(rule.expr)} - found:
        found |= more
    return found


@every_alert
def test_the_link_chooses_what_the_alert_is_about(rule: Rule) -> None:
    """Every variable of the dashboard is set in the link, from the label of the same name."""
    dashboard, query = target(rule)
    chosen = {f"var-{name}={{{{ $labels.{name} }}}}" for name in variables(dashboard).keys() - OPEN}
    of_cluster = "{{ with $labels.cluster }}&var-cluster={{ . }}{{ end }}"
    assert query.count(of_cluster) == ("cluster" in variables(dashboard))
    assert set(query.replace(of_cluster, "").split("&")) - {""} == chosen


@every_alert
def test_a_panel_names_the_alert_and_shows_it(rule: Rule) -> None:
    """Its description names the alert, and its query reads the alert's series or the alert itself."""
    about = [panel for panel in panels(target(rule)[0]) if re.search(rf"\b{rule.name}\b", panel["description"])]
    assert about, "no panel names it"
    asked = [query for panel in about for query in queries_of_panel(panel)]
    itself = any(f'alertname="{rule.name}"' in query.expr for query in asked)
    assert itself or {name for query in asked for name in read_by(query.filled)} & read_by(rule.expr) - EXCEPTION


@every_alert
def test_the_dashboard_shows_all_that_the_alert_read(rule: Rule) -> None:
    """Every series of the expression is in some panel. Exceptions are on the dashboard of alerts."""
    shown = {name for query in queries(target(rule)[0]) for name in named_by(query.filled)}
    assert named_by(rule.expr) - EXCEPTION <= shown
