"""Check `pipelines`: the template's pipelines run the checks, require them, pin actions and have no needless rights.

Workflows of the team's own are checked for pins only.
"""

import re
from collections.abc import Iterator, Mapping

from . import document
from .document import Document, strings
from .finding import Finding, each
from .project import Project

WORKFLOWS = ".github/workflows"
CI = f"{WORKFLOWS}/ci.yml"
GITLAB = ".gitlab-ci.yml"
GATE = "gate"
STEPS = ("make check", "make test")
PINNED = re.compile(r"[^@]+@[0-9a-f]{40}|\./.*|docker://.+@sha256:[0-9a-f]{64}")
# What jobs of the template's workflows may write.
WRITES: Mapping[str, frozenset[str]] = {
    "ci": frozenset(),
    "deploy-ansible": frozenset(),
    "deploy-kubernetes": frozenset(),
    "release": frozenset({"actions", "attestations", "id-token", "packages"}),
    "template-update": frozenset({"actions", "contents", "pull-requests"}),
}


def findings(project: Project) -> Iterator[Finding]:
    """Checks that nothing requires, and rights that nothing needs."""
    yield from each(project, (_gate, _steps, _pins, _rights, _gitlab))


def _workflow(project: Project, name: str) -> Document | None:
    file = f"{WORKFLOWS}/{name}.yml"
    return document.read(project, file) if project.has(file) else None


def _gate(project: Project) -> Iterator[Finding]:
    """One job needs all others, also when one of them failed, so that branch protection requires only it."""
    ci = _workflow(project, "ci")
    if ci is None:
        return
    jobs = ci.parts("jobs")
    gate = jobs.get(GATE)
    if gate is None:
        yield Finding(CI, "must have a job gate, which branch protection requires: it needs all other jobs.")
        return
    needed = gate.find("needs")
    absent = sorted(jobs.keys() - {GATE} - set(needed if isinstance(needed, list) else [needed]))
    if absent:
        yield Finding(CI, f"the job gate must need {', '.join(absent)}: without that, a failure there is merged.")
    if str(gate.find("if")).strip("${ }") != "always()":
        yield Finding(CI, "the job gate must have if: always(): a skipped job counts as passed.")


def _steps(project: Project) -> Iterator[Finding]:
    """The checks and the tests run, and their failure fails the job."""
    ci = _workflow(project, "ci")
    if ci is None:
        return
    steps = [(name, step) for name, job in ci.parts("jobs").items() for step in job.entries("steps")]
    for command in STEPS:
        if not any(command in str(step.find("run")) for _, step in steps):
            yield Finding(CI, f"no step runs `{command}`.")
    tolerant = {name for name, job in ci.parts("jobs").items() if job.find("continue-on-error")}
    for name in sorted(tolerant | {name for name, step in steps if step.find("continue-on-error")}):
        yield Finding(CI, f"the job {name} must not have continue-on-error: its failure would pass the gate.")


def _pins(project: Project) -> Iterator[Finding]:
    """An action is named by a commit: who owns it can move a tag."""
    for file in project.glob(f"{WORKFLOWS}/*.yml", f"{WORKFLOWS}/*.yaml"):
        for job in document.read(project, file).parts("jobs").values():
            steps = [job.find("uses"), *(step.find("uses") for step in job.entries("steps"))]
            for used in dict.fromkeys(str(step) for step in steps if step):
                if not PINNED.fullmatch(used):
                    yield Finding(file, f"{used} must be pinned to a commit, as {used.partition('@')[0]}@<40 digits>.")


def _rights(project: Project) -> Iterator[Finding]:
    """A workflow gives no right to all of its jobs, and a job of the template no more than the template's has."""
    for name, allowed in WRITES.items():
        workflow = _workflow(project, name)
        if workflow is None:
            continue
        if workflow.find("permissions") != {}:
            yield Finding(workflow.file, "permissions of the workflow must be {}: each job names its own.")
        for job, content in workflow.parts("jobs").items():
            given = content.find("permissions")
            rights = given if isinstance(given, dict) else {}
            if isinstance(given, str):
                yield Finding(workflow.file, f"the job {job} must not have permissions: {given}; name each right.")
            for right in sorted(key for key, value in rights.items() if value == "write" and key not in allowed):
                yield Finding(workflow.file, f"the job {job} must not have {right}: write.")


def _gitlab(project: Project) -> Iterator[Finding]:
    """The same for GitLab, where every job is required unless it allows its failure."""
    if not project.has(GITLAB):
        return
    jobs = {name: job for name, job in document.read(project, GITLAB).parts().items() if isinstance(job.content, dict)}
    for command in STEPS:
        if not any(command in text for job in jobs.values() for text in strings(job.find("script"))):
            yield Finding(GITLAB, f"no job runs `{command}`.")
    for name, job in jobs.items():
        if job.find("allow_failure"):
            yield Finding(GITLAB, f"the job {name} must not have allow_failure: it is required.")
