"""Check `dashboards`: the dashboards are rendered from their specs, and read series that exist."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

from . import rules
from .document import Document
from .finding import Finding, FindingError, each
from .project import Project

GRAFANA = "ops/grafana"
RENDER = f"{GRAFANA}/render.py"
LABEL_VALUES = re.compile(r"label_values\((.+), *\w+\)", re.DOTALL)


def findings(project: Project) -> Iterator[Finding]:
    """Dashboards that Grafana would not load, and panels that would stay empty."""
    if project.has(GRAFANA):
        yield from each(project, (_rendered, _readable, _told_apart, _panels, _variables, _links))


def _files(project: Project) -> list[str]:
    return project.glob(f"{GRAFANA}/dashboards/*.json")


def _dashboards(project: Project) -> Iterator[Document]:
    """Every dashboard that can be read."""
    for file in _files(project):
        with suppress(FindingError):
            yield Document(file, project.json(file))


def _rendered(project: Project) -> Iterator[Finding]:
    if not project.has(RENDER):
        yield Finding(RENDER, "does not exist; restore it, for instance with `git checkout`.")
        return
    command = [sys.executable, str(project.root / RENDER), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the service's own program
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        yield Finding(GRAFANA, f"{said[-1].rstrip('.')}: edit the specs, then run `make dashboards`.")


def _readable(project: Project) -> Iterator[Finding]:
    for file in _files(project):
        try:
            Document(file, project.json(file)).items("panels")
        except FindingError as error:
            yield error.finding


def _told_apart(project: Project) -> Iterator[Finding]:
    """Dashboards with the same uid or title: Grafana loads none of them."""
    owners: dict[tuple[str, str], str] = {}
    for dashboard in _dashboards(project):
        for key in ("uid", "title"):
            owner = owners.setdefault((key, dashboard.text(key)), dashboard.file)
            if owner != dashboard.file:
                yield Finding(_spec(dashboard), f"has the {key} of {owner}: Grafana loads neither; choose another.")


def _panels(project: Project) -> Iterator[Finding]:
    known = rules.series(project)
    for dashboard in _dashboards(project):
        for panel in panels(dashboard):
            title = f'panel "{panel.find("title")}"'
            for target in panel.items("targets"):
                query = re.sub(r"\$__(rate_)?interval", "5m", target.text("expr"))
                yield from (Finding(_spec(dashboard), f"{title} {wrong}") for wrong in known.complaints(query))
            if "Good: " not in str(panel.find("description")):
                yield Finding(_spec(dashboard), f"{title} must say what is good: add `good:` to it.")


def _variables(project: Project) -> Iterator[Finding]:
    known = rules.series(project)
    for dashboard in _dashboards(project):
        for variable in dashboard.entries("templating", "list"):
            match = LABEL_VALUES.fullmatch(str(variable.find("query")))
            wrong = known.complaints(match[1]) if match else ()
            yield from (Finding(_spec(dashboard), f'variable "{variable.find("name")}" {each}') for each in wrong)


def _links(project: Project) -> Iterator[Finding]:
    """Links of panels to dashboards that do not exist."""
    uids = {str(dashboard.find("uid")) for dashboard in _dashboards(project)}
    for dashboard in _dashboards(project):
        for panel in panels(dashboard):
            for uid in set(re.findall(r'"/d/([\w-]+)', json.dumps(panel.content))) - uids:
                sentence = f'panel "{panel.find("title")}" links to /d/{uid}, and no dashboard has that uid.'
                yield Finding(_spec(dashboard), sentence)


def panels(dashboard: Document) -> Iterator[Document]:
    """Every panel, including those in rows; the rows themselves are left out."""
    for panel in dashboard.items("panels"):
        if panel.find("type") != "row":
            yield panel


def _spec(dashboard: Document) -> str:
    """The spec from which a dashboard is rendered: the file to edit."""
    name = dashboard.file.rsplit("/", 1)[1].removesuffix(".json")
    return f"{GRAFANA}/specs/{name}.yml"
