"""`dashboard_url` leads to a dashboard that is there, is about the ailing service, and shows what the alert read."""

import re

import pytest
from dashboards import Json, dashboards, filled, queries, variables, with_uid
from rulebook import Rule, alerts, selectors

LINK = re.compile(r"/d/([a-z-]+)(?:\?(.+))?")
# What an alert leaves open: the data source is the reader's choice, and alerts are about all instances.
OPEN = {"datasource", "instance"}

every_alert = pytest.mark.parametrize("rule", alerts(), ids=str)


def target(rule: Rule) -> tuple[Json, str]:
    """The dashboard that an alert links to, and the query of the link."""
    match = LINK.fullmatch(rule.annotations["dashboard_url"])
    assert match
    assert match[1] in {each["uid"] for each in dashboards()}
    return with_uid(match[1]), match[2] or ""


def read_by(expr: str) -> frozenset[str]:
    """Every series that an expression reads."""
    return frozenset(metric for selector in selectors(filled(expr)) for metric in selector.metrics)


@every_alert
def test_the_link_chooses_what_the_alert_is_about(rule: Rule) -> None:
    """Nobody has to choose a service at night: the dashboard's variables come from the labels, each from its own."""
    dashboard, query = target(rule)
    chosen = {f"var-{name}={{{{ $labels.{name} }}}}" for name in variables(dashboard).keys() - OPEN}
    assert set(query.split("&")) - {""} == chosen


@every_alert
def test_the_dashboard_shows_what_the_alert_read(rule: Rule) -> None:
    """Every series of the expression is in a panel; the one alert that reads none has a panel by its name."""
    shown = [query.expr for query in queries(target(rule)[0])]
    assert read_by(rule.expr) <= frozenset().union(*map(read_by, shown))
    assert read_by(rule.expr) or any(f'alertname="{rule.name}"' in expr for expr in shown)
