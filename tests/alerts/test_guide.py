"""`docs/guides/alerts.md` agrees with the rules."""

import re
from collections import defaultdict
from typing import Any

from rulebook import ROOT, Rule, alerts, groups, seconds

GUIDE = (ROOT / "docs/guides/alerts.md").read_text("utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of every table below a heading."""
    section = GUIDE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]


def test_the_catalogue_lists_every_alert_with_its_priorities() -> None:
    """Every alert is in the table, and nothing else."""
    priorities: dict[str, list[str]] = defaultdict(list)
    for rule in alerts():
        if rule.file.parent.name == "rules":
            priorities[rule.name].append(rule.labels["priority"])
    listed = [(re.match(r"`(\w+)`", cells[1]), re.findall(r"P\d|none", cells[2])) for cells in rows("The catalogue")]
    found = [(match[1], of) for match, of in listed if match]
    assert {name for name, _ in found} == priorities.keys()
    assert not [(name, of) for name, of in found if of != priorities[name]]


def test_the_tiers_are_those_of_the_rules() -> None:
    """Priority, burn rate, windows and wait of each."""
    tiers = [rule for rule in alerts() if rule.name == "ErrorBudgetBurn"]
    told = [cells[:5] for cells in rows("From request to alert") if re.fullmatch(r"P\d", cells[1])]
    assert told == [tier(rule) for rule in tiers]


def tier(rule: Rule) -> list[str]:
    """A row of the guide."""
    (short, rate), (long, _) = re.findall(r'ratio\{window="(\w+)"\} > ([\d.]+)', rule.expr)[:2]
    return [f"`{rule.labels['burn']}`", rule.labels["priority"], rate, f"{long} and {short}", str(rule.hold)]


def test_the_costs_are_those_of_all_groups() -> None:
    """The measured groups are those of the rules, with their sizes and intervals."""
    measured = [(cells[0], cells[1], cells[2]) for cells in rows("What it costs") if cells[2].endswith(" s")]
    loaded = [(group["name"], str(len(group["rules"])), f"{seconds(group['interval'])} s") for group in of_everybody()]
    assert sorted(measured) == sorted(loaded)


def of_everybody() -> list[dict[str, Any]]:
    """Every group that is not opt-in."""
    return [group for file, group in groups() if file.parent.name == "rules"]
