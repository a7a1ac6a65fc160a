"""Check `deployments`: the files in deploy/ name only paths, ports and variables that exist."""

import re
from collections.abc import Iterator

from . import contract, variables
from .finding import Finding, each
from .project import Project

PATH = re.compile(r"/(?:health|metrics)\b[a-z/]*")
PORT = re.compile(r"(?:containerPort|_port): (\d+)")
VARIABLE = re.compile(r"^(?:\s*- name: )?([A-Z][A-Z_]+)(?:=.*)?$", re.MULTILINE)


def findings(project: Project) -> Iterator[Finding]:
    """Paths, ports and variables that the service does not have."""
    yield from each(project, (_paths, _ports, _variables))


def _texts(project: Project) -> Iterator[tuple[str, str]]:
    for file in project.glob("deploy/**/*"):
        if "__pycache__" not in file:
            yield file, project.text(file)


def _paths(project: Project) -> Iterator[Finding]:
    known = contract.of(project).paths
    for file, text in _texts(project):
        for path in sorted(set(PATH.findall(text)) - known):
            yield Finding(
                file, f"names {path}, which the service does not answer; it answers {', '.join(sorted(known))}."
            )


def ports(project: Project) -> dict[str, int]:
    """The service port as `http`, and the management port of each kind of process."""
    shipped = contract.of(project)
    management = {"web": shipped.fact("management", "port"), **project.processes}
    return {"http": shipped.fact("service", "port"), **management}


def _ports(project: Project) -> Iterator[Finding]:
    known = ports(project)
    for file, text in _texts(project):
        for port in sorted({int(number) for number in PORT.findall(text)} - set(known.values())):
            named = ", ".join(f"{port} ({name})" for name, port in known.items())
            yield Finding(file, f"names port {port}, on which nothing listens; there are {named}.")


def _variables(project: Project) -> Iterator[Finding]:
    """Variables that the service would ignore. The variables of scripts are left out."""
    known = variables.known(project)
    for file, text in _texts(project):
        names = set(VARIABLE.findall(text)) if not file.endswith(".sh") else set()
        mentioned = set(re.findall(r"\$\(([A-Z][A-Z0-9_]+)\)", text))
        for name in sorted(names - known - mentioned):
            yield variables.unread(file, name)
