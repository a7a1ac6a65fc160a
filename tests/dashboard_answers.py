"""The queries of dashboards as Grafana sends them, and the rules at a pace that a test can wait for."""

import re
from math import isnan
from pathlib import Path
from typing import Any, NamedTuple

from dashboards import Json, panels, queries, variables
from live import Prometheus
from rulebook import ALERTS

LABELS = {"service": "acme-links", "env": "test"}
SCRAPE_SECONDS = 1
RATE_INTERVAL = f"{4 * SCRAPE_SECONDS}s"  # what Grafana makes of that
RULES_EVERY = "5s"


def hurry(directory: Path) -> None:
    """Write every rule to a directory, evaluated often, and alerts held for as long as that."""
    for file in ALERTS.glob("rules/*.rules.yml"):
        often = re.sub(r"^( +interval: )\w+$", rf"\g<1>{RULES_EVERY}", file.read_text("utf-8"), flags=re.MULTILINE)
        soon = re.sub(r"^( +for: )\w+$", rf"\g<1>{RULES_EVERY}", often, flags=re.MULTILINE)
        (directory / file.name).write_text(soon, "utf-8")


class Asked(NamedTuple):
    """A query as Grafana sends it."""

    place: str
    expr: str
    instant: bool

    def of(self, server: Prometheus) -> list[dict[str, Any]]:
        """The series that have a number to show."""
        if self.instant:
            return [each for each in server.query(self.expr) if not isnan(float(each["value"][1]))]
        found = server.query_range(self.expr, seconds=300, step=5)
        return [each for each in found if any(not isnan(float(value)) for _, value in each["values"])]


def filled(expr: str, of: Json, rate_interval: str) -> str:
    """Fill in the variables as Grafana does: what is chosen, or the pattern for all."""
    values = {name: LABELS.get(name) or variable.get("allValue", "") for name, variable in variables(of).items()}
    values["__rate_interval"] = rate_interval
    return re.sub(r"\$([a-z_]\w*)", lambda match: values[match[1]], expr)  # $1 belongs to label_replace


def asked_by(of: Json, rate_interval: str = "1m") -> list[Asked]:
    """Every query of a dashboard. The rate interval is by default what a scrape every 15 s makes of it."""
    instants = {
        f"{panel['title']} {target['refId']}": target.get("instant", False)
        for panel in panels(of)
        for target in panel["targets"]
    }
    return [
        Asked(f"{of['title']}: {query.place}", filled(query.expr, of, rate_interval), instants.get(query.place, False))
        for query in queries(of)
    ]


def query_of(of: Json, place: str) -> Asked:
    """One query, at the highest resolution."""
    (asked,) = (each for each in asked_by(of, RATE_INTERVAL) if each.place == f"{of['title']}: {place}")
    return asked
