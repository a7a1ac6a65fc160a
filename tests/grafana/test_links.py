"""From an alert to the panel that shows it."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from dashboards import GRAFANA, dashboards, explored, links, panels, queries_of_panel, variables, with_uid
from rulebook import Rule, alerts, recordings, selectors

CHOSEN = {"env", "service"}


def named_by(expr: str) -> set[str]:
    """Every series that an expression names."""
    return {name for selector in selectors(expr) for name in selector.metrics}


def read_by(expr: str) -> set[str]:
    """Every series that an expression reads, those included from which others are recorded."""
    found = named_by(expr)
    while more := {name for rule in recordings() if rule.name in found for name in named_by(rule.expr)} - found:
        found |= more
    return found


@pytest.mark.parametrize("alert", alerts(), ids=str)
def test_an_alert_lands_on_a_panel_that_shows_it(alert: Rule) -> None:
    """One whose description names the alert, and which reads what the alert reads, or the alert itself."""
    page = with_uid(urlsplit(alert.annotations["dashboard_url"]).path.removeprefix("/d/"))
    about = [panel for panel in panels(page) if re.search(rf"\b{alert.name}\b", panel["description"])]
    assert about, "no panel names it"
    shown = {name for panel in about for query in queries_of_panel(panel) for name in read_by(query.filled)}
    itself = any(f'alertname="{alert.name}"' in query.expr for panel in about for query in queries_of_panel(panel))
    assert itself or shown & read_by(alert.expr)


@pytest.mark.parametrize("alert", alerts(), ids=str)
def test_an_alert_brings_along_what_the_dashboard_asks_for(alert: Rule) -> None:
    """Whom it is about, under the names of the dashboard's variables."""
    url = urlsplit(alert.annotations["dashboard_url"])
    given = {name.removeprefix("var-"): value for name, (value,) in parse_qs(url.query).items()}
    known = variables(with_uid(url.path.removeprefix("/d/"))).keys()
    assert CHOSEN & known <= given.keys() <= known
    assert given == {name: f"{{{{ $labels.{name} }}}}" for name in given}


def test_links_to_logs_and_traces_lead_to_provisioned_data_sources() -> None:
    """By their uids; and the data source that is chosen at first is one of them."""
    provisioned = yaml.safe_load((GRAFANA / "provisioning/datasources/datasources.yaml").read_text("utf-8"))
    sources = {source["uid"]: source["type"] for source in provisioned["datasources"]}
    asked = [explored(url) for of in dashboards() for _, url in links(of) if url.startswith("/explore")]
    assert {each["to"]: each["datasource"]["type"] for each in asked} == {"loki": "loki", "tempo": "tempo"}
    chosen = {variables(of)["datasource"]["current"]["value"] for of in dashboards()}
    assert chosen == {"prometheus"} <= sources.keys() == {"loki", "prometheus", "tempo"}
    assert all(uid == kind for uid, kind in sources.items())
