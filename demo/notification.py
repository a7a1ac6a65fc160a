"""The notification that people on call would get for an alert: annotations of the shipped rule, in the shipped text.

Prometheus and Alertmanager render both in production. This covers the templates that rules use with labels and a value;
a test holds it against a text that the real programs have rendered.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

ALERTS = Path(__file__).parents[1] / "alerts"
RULES = ALERTS / "rules/slo.rules.yml"
LINKS = ALERTS / "alertmanager/templates/links.tmpl"
_WITH = re.compile(r"{{ with \$labels\.(\w+) }}(.*?){{ end }}")
_LABEL = re.compile(r"{{ \$labels\.(\w+) }}")
_VALUE = re.compile(r'{{ printf "(%\.\df)" \$value }}')
_BASE = re.compile(r'define "link\.base" }}(.*?){{ end }}')
_LINES = (
    ("What is wrong: ", "description"),
    ("Who is affected: ", "impact"),
    ("What to do: ", "action"),
    ("Where to look:\n  Runbook: ", "runbook_url"),
    ("  Dashboard: ", "dashboard_url"),
)

Labels = Mapping[str, str]


def notification(alert: Mapping[str, Any], service: str, env: str) -> str:
    """Title and text for an alert of the console, without the links of the servers that would send it.

    Raises `LookupError` if there is no such rule about error budgets.
    """
    labels = {**alert["labels"], "service": service, "env": env}
    found = {name: _rendered(text, labels, alert["value"]) for name, text in _annotations(alert).items()}
    base = _BASE.findall(LINKS.read_text("utf-8"))[0]
    lines = [f"{lead}{base if name.endswith('_url') else ''}{found[name]}" for lead, name in _LINES]
    since = datetime.fromtimestamp(alert["since"], UTC)
    return "\n".join(
        [f"[FIRING:1] {alert['priority']} {found['summary']}", "", *lines, f"Since: {since:%Y-%m-%d %H:%M} UTC"]
    )


def _annotations(alert: Mapping[str, Any]) -> Mapping[str, str]:
    """The templates of the rule for this alert."""
    for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"]:
        for rule in group["rules"]:
            if rule.get("alert") == alert["name"] and rule["labels"].get("burn") == alert["labels"].get("burn"):
                return {name: " ".join(text.split()) for name, text in rule["annotations"].items()}
    msg = f"{RULES.name} has no rule {alert['name']} for {dict(alert['labels'])}."
    raise LookupError(msg)


def _rendered(template: str, labels: Labels, value: float) -> str:
    def within(found: re.Match[str]) -> str:
        text = labels.get(found[1], "")
        return found[2].replace("{{ . }}", text) if text else ""

    text = _WITH.sub(within, template)
    text = _LABEL.sub(lambda found: labels.get(found[1], ""), text)
    return _VALUE.sub(lambda found: found[1] % value, text)
