"""Check `rules`: alert rules read series that exist, and each alert has a runbook."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath

from . import contract, document
from .document import Document
from .finding import Finding, FindingError, each
from .project import Project
from .series import Series

ALERTS = "ops/alerts"
FILES = f"{ALERTS}/*/*.rules.yml"
README = "README"  # of the folder of runbooks
HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]
SEVERITY = {"P1": "critical", "P2": "warning", "P3": "warning", "P4": "info", "none": "none"}
ANNOTATIONS = ("summary", "description", "impact", "action", "runbook_url", "dashboard_url")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, its place and its name."""

    content: Document
    name: str
    alerts: bool

    @property
    def file(self) -> str:
        """The file that holds it."""
        return self.content.file

    @property
    def labels(self) -> Mapping[str, object]:
        """The labels that it sets."""
        labels = self.content.find("labels")
        return labels if isinstance(labels, dict) else {}

    def wrong(self, sentence: str) -> Finding:
        """A finding about this rule."""
        return Finding(self.file, f"{self.name} {sentence}")


def findings(project: Project) -> Iterator[Finding]:
    """Rules that would never fire, and alerts without what a reader needs."""
    if project.has(ALERTS):
        yield from each(project, (_readable, _read, _labelled, _annotated, _runbooks, _alerts))


def rules(project: Project) -> Iterator[Rule]:
    """Every rule of every file that can be read."""
    for file in project.glob(FILES):
        with suppress(FindingError):
            yield from in_file(project, file)


def in_file(project: Project, file: str) -> list[Rule]:
    """The rules of one file. Raises `FindingError` if Prometheus would refuse the file."""
    groups = document.read(project, file).items("groups")
    return [_rule(rule) for group in groups for rule in group.items("rules")]


def _rule(rule: Document) -> Rule:
    alerts = rule.find("alert") is not None
    rule.text("expr")
    return Rule(rule, rule.text("alert" if alerts else "record"), alerts)


def series(project: Project) -> Series:
    """The series that rules and dashboards of this service may read."""
    recorded = {rule.name: frozenset(rule.labels) for rule in rules(project) if not rule.alerts}
    return Series.of(contract.of(project), recorded)


def _readable(project: Project) -> Iterator[Finding]:
    for file in project.glob(FILES):
        try:
            in_file(project, file)
        except FindingError as error:
            yield error.finding


def _read(project: Project) -> Iterator[Finding]:
    """Rules that read series that do not exist. They would never fire."""
    known = series(project)
    for rule in rules(project):
        complaints = known.complaints(rule.content.text("expr"), unnamed=False)
        yield from (rule.wrong(complaint) for complaint in complaints)


def _labelled(project: Project) -> Iterator[Finding]:
    for rule in rules(project):
        priority = str(rule.labels.get("priority"))
        if rule.alerts and priority not in SEVERITY:
            yield rule.wrong(f"must have a label priority: one of {', '.join(SEVERITY)}.")
        elif rule.alerts and rule.labels.get("severity") != SEVERITY[priority]:
            yield rule.wrong(f"has priority {priority}, so its label severity must be {SEVERITY[priority]}.")


def _annotated(project: Project) -> Iterator[Finding]:
    for rule in rules(project):
        annotations = rule.content.mapping("annotations") if rule.content.find("annotations") else {}
        for name in ANNOTATIONS:
            if rule.alerts and not annotations.get(name):
                yield rule.wrong(f"must have an annotation {name}.")
        url = f"/runbooks/{rule.name}.md"
        if rule.alerts and annotations.get("runbook_url", url) != url:
            yield rule.wrong(f"must have the annotation runbook_url: {url}.")


def _runbooks(project: Project) -> Iterator[Finding]:
    """Each alert has a runbook with its name and the standard headings."""
    alerts = {rule.name: rule for rule in rules(project) if rule.alerts}
    for name, rule in alerts.items():
        file = f"{ALERTS}/runbooks/{name}.md"
        if not project.has(file):
            yield Finding(file, f"does not exist: write it for the alert of {rule.file}, with {', '.join(HEADINGS)}.")
        elif re.findall(r"^## (.+)$", project.text(file), re.MULTILINE) != HEADINGS:
            yield Finding(file, f"must have the headings {', '.join(HEADINGS)}, in this order, and no other.")


def _alerts(project: Project) -> Iterator[Finding]:
    """Each runbook has its alert: an alert that was removed or renamed fires no more."""
    alerts = {rule.name for rule in rules(project) if rule.alerts}
    for file in project.glob(f"{ALERTS}/runbooks/*.md"):
        name = PurePosixPath(file).stem
        if name != README and name not in alerts:
            yield Finding(f"{ALERTS}/rules", f"has no alert {name} for {file}: restore it, or remove its runbook.")
