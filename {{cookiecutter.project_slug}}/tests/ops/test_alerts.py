"""The alerts of this repository read what this service exports, and each tells its reader what to do."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

PROJECT = Path(__file__).parents[2]
ALERTS = PROJECT / "ops/alerts"
# What Prometheus and Alertmanager export about themselves, about a scrape and about alerts.
OTHERS = re.compile(r"up|ALERTS(_FOR_STATE)?|scrape_\w+|(prometheus|alertmanager)_\w+")
SUFFIXES = {"histogram": ("_bucket", "_count", "_sum")}
HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]

Rule = dict[str, Any]
RULES: list[Rule] = [
    rule
    for file in sorted(ALERTS.glob("*/*.rules.yml"))
    for group in yaml.safe_load(file.read_text())["groups"]
    for rule in group["rules"]
]
ALERTING = [rule for rule in RULES if "alert" in rule]
RECORDED = {rule["record"] for rule in RULES if "record" in rule}


def exported() -> set[str]:
    """Every series the contract promises."""
    metrics = [tomllib.loads(file.read_text())["metrics"] for file in (PROJECT / "contract").glob("*.toml")]
    types = {name: metric["type"] for part in metrics for name, metric in part.items()}
    return {name + suffix for name in types for suffix in SUFFIXES.get(types[name], ("",))}


def read_by(expression: str) -> Iterator[str]:
    """Every series an expression reads."""
    for node in nodes(expression):
        if isinstance(node, promql_parser.VectorSelector):
            names = [matcher.value for matcher in node.matchers.matchers if matcher.name == "__name__"]
            yield from [node.name] if node.name else "|".join(names).split("|")


def nodes(expression: str) -> list[promql_parser.Expr]:
    """Every node of an expression."""
    found: list[promql_parser.Expr] = []
    promql_parser.walk(promql_parser.parse(expression), found.append)
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_reads_what_the_service_exports(rule: Rule) -> None:
    """A rule about a series that nobody exports never fires."""
    known = exported() | RECORDED
    assert [name for name in read_by(rule["expr"]) if name not in known and not OTHERS.fullmatch(name)] == []


@pytest.mark.parametrize("rule", ALERTING, ids=lambda rule: rule["alert"])
def test_says_what_to_do(rule: Rule) -> None:
    """Whoever is woken finds a runbook under the alert's name."""
    runbook = ALERTS / "runbooks" / f"{rule['alert']}.md"
    assert rule["annotations"]["runbook_url"] == f"/runbooks/{runbook.name}"
    assert re.findall(r"^## (.+)$", runbook.read_text(), re.MULTILINE) == HEADINGS
