"""Check `schema`: tables and migrations agree, and a migration leaves what the previous release needs.

It needs the team's code and alembic, so the component's own program does the work in another process.
"""

import json
from collections.abc import Iterator

from . import page, start
from .finding import Finding, each
from .project import Project

COMPONENT = "database"
PROGRAM = f"firstlight.components.{COMPONENT}.schema.report"


def findings(project: Project) -> Iterator[Finding]:
    """Nothing for a service without the component."""
    yield from each(project, (_schema,))


def _schema(project: Project) -> Iterator[Finding]:
    if COMPONENT not in project.components:
        return
    if start.page(project).refusal or not page.names(project, COMPONENT):  # a finding of `page`, to be mended first
        return
    done = start.program(project, ["-m", PROGRAM, str(project.root), project.package])
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it ended without output"])[-1]
        yield Finding(f"{project.source}/migrations", f"cannot be compared with the tables: {last}.")
        return
    for file, sentence in json.loads(done.stdout.splitlines()[-1]):
        yield Finding(file, sentence)
