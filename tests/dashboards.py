"""The content of `grafana/`, read once: dashboards, panels, queries."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import promql_parser
from rulebook import ROOT

Json = dict[str, Any]

GRAFANA = ROOT / "grafana"
FILES = sorted(GRAFANA.glob("dashboards/*.json"))
# Replaces $__rate_interval. Nobody writes this duration by hand, so it marks ranges that used the variable.
RATE_INTERVAL = "427s"


@dataclass(frozen=True)
class Query:
    """One query of a panel, or of an annotation."""

    place: str
    expr: str
    legend: str
    unit: str | None

    @property
    def filled(self) -> str:
        """The query with its durations filled in. Other variables are inside strings, where any text is valid."""
        return filled(self.expr)

    @property
    def tree(self) -> promql_parser.Expr:
        """The query as Prometheus reads it."""
        return parsed(self.expr)


def dashboard(file: Path) -> Json:
    """A fresh copy of one dashboard."""
    contents: Json = json.loads(file.read_text("utf-8"))
    return contents


@cache
def dashboards() -> tuple[Json, ...]:
    """Every dashboard."""
    return tuple(map(dashboard, FILES))


def with_uid(uid: str) -> Json:
    """The dashboard that a link names."""
    return next(each for each in dashboards() if each["uid"] == uid)


def panels(of: Json) -> list[Json]:
    """Every panel but the titles of the sections."""
    return [panel for panel in of["panels"] if panel["type"] != "row"]


def queries(of: Json) -> Iterator[Query]:
    """Every query of a dashboard."""
    for panel in panels(of):
        yield from queries_of_panel(panel)
    for annotation in of["annotations"]["list"]:
        yield Query(f"annotation {annotation['name']}", annotation["expr"], "", None)


def queries_of_panel(panel: Json) -> Iterator[Query]:
    """Every query of a panel, with its unit: in a table each column has its own."""
    default = panel["fieldConfig"]["defaults"].get("unit")
    columns = {override["matcher"]["options"]: override["properties"] for override in panel["fieldConfig"]["overrides"]}
    for target in panel.get("targets", []):
        legend = target.get("legendFormat", "")
        own = [each["value"] for each in columns.get(legend, []) if each["id"] == "unit"]
        place = f"{panel['title']} {target['refId']}"
        yield Query(place, target["expr"], legend, own[0] if own else default)


def variables(of: Json) -> dict[str, Json]:
    """The variables by name."""
    return {variable["name"]: variable for variable in of["templating"]["list"]}


def filled(expr: str) -> str:
    """A query with its durations filled in. Other variables are inside strings, where any text is valid."""
    return re.sub(r"\$__(rate_)?interval\b", RATE_INTERVAL, expr)


def parsed(expr: str) -> promql_parser.Expr:
    """A query as Prometheus reads it."""
    return promql_parser.parse(filled(expr))


def nodes(tree: promql_parser.Expr) -> list[promql_parser.Expr]:
    """Every node of a query, from the outside to the inside."""
    found: list[promql_parser.Expr] = []
    promql_parser.walk(tree, found.append)
    return found


def links(of: Json) -> Iterator[tuple[str, str]]:
    """Every link of a dashboard and of its panels: where it stands, where it leads."""
    yield from ((f"link {link['title']}", link["url"]) for link in of["links"] if link["type"] == "link")
    for panel in panels(of):
        for link in panel["fieldConfig"]["defaults"].get("links", []):
            yield f"{panel['title']}, link {link['title']}", link["url"]


def explored(url: str) -> Json:
    """What a link to Explore asks for: one query and where it goes."""
    (pane,) = json.loads(parse_qs(urlsplit(url).query)["panes"][0]).values()
    (query,) = pane["queries"]
    return {**query, "range": pane["range"], "to": pane["datasource"]}


def log_queries(of: Json) -> Iterator[tuple[str, str]]:
    """Every LogQL query: those of panels and those behind links."""
    for panel in panels(of):
        for target in panel.get("targets", []):
            if target["datasource"]["type"] == "loki":
                yield f"{panel['title']} {target['refId']}", target["expr"]
    for place, url in links(of):
        if url.startswith("/explore") and explored(url)["to"] == "loki":
            yield place, unquote(explored(url)["expr"])
