"""Static checks of pipelines: schemas, linters, and two rules of our own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

TOOLS = Path(sys.executable).parent
# Where a repository keeps what. In this one, services' pipelines lie in `ci/github/`, with words yet to be replaced.
WORKFLOWS = (".github/workflows/*.yml", "ci/github/[!d]*.yml", "ci/github/deploy-*.yml")
ACTIONS = ("ci/*/action.yml",)
DEPENDABOT = (".github/dependabot.yml", "ci/github/dependabot.yml")
GITLAB = (".gitlab-ci.yml", ".gitlab/*.yml")
SCHEMAS = {
    "vendor.github-workflows": WORKFLOWS,
    "custom.github-workflows-require-timeout": WORKFLOWS,
    "vendor.github-actions": ACTIONS,
    "vendor.dependabot": DEPENDABOT,
    "vendor.gitlab-ci": GITLAB,
}
# The jobs that may write, and what. Whatever else runs in them could write it, too: no scanner, no tool of others.
WRITING = {
    ("release", "publish"): {"packages", "id-token", "attestations"},
    ("release", "deploy"): {"actions"},
    ("template-update", "update"): {"contents", "pull-requests", "actions"},
}
TRUSTED_WITH_WRITING = {
    "actions/attest",
    "actions/checkout",
    "actions/download-artifact",
    "astral-sh/setup-uv",
    "docker/login-action",
    "sigstore/cosign-installer",
}
OURS = re.compile(r"(?:\$|[\w.-]+/[\w.-]+)/ci/[a-z-]+")
TARGETS = re.compile(r"^\W*(?:[A-Z]+=\S+ )?make((?: (?:[A-Z_]+=(?:\"[^\"]*\"|\S+)|[a-z]+(?:-[a-z]+)*))+)", re.MULTILINE)


def found(root: Path, places: Sequence[str]) -> list[str]:
    """List what a repository has in these places."""
    return sorted({str(path.relative_to(root)) for place in places for path in root.glob(place)})


def documents(root: Path, places: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Read the files of a kind."""
    for name in found(root, places):
        yield name, yaml.safe_load((root / name).read_text(encoding="utf-8"))


def jobs(root: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """List every job of GitHub's workflows: its workflow, its name, itself."""
    for _, workflow in documents(root, WORKFLOWS):
        for name, job in workflow["jobs"].items():
            yield workflow["name"], name, job


def steps(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """List every step of workflows and actions, with a name for where it is."""
    for workflow, name, job in jobs(root):
        yield from ((f"{workflow}/{name}", step) for step in job["steps"])
    for name, action in documents(root, ACTIONS):
        yield from ((name, step) for step in action["runs"]["steps"])


# --- schemas and linters --------------------------------------------------------------------------------------------


def actionlint(root: Path) -> list[str]:
    """GitHub's syntax, the inputs of our own actions, and every script with shellcheck."""
    return _complaints(["actionlint", "-no-color", "-shellcheck", "shellcheck"], found(root, WORKFLOWS), root)


def zizmor(root: Path) -> list[str]:
    """zizmor, with all findings."""
    files = found(root, (*WORKFLOWS, *ACTIONS, *DEPENDABOT))
    return _complaints(["zizmor", "--offline", "--no-config", "--quiet", "--persona=auditor"], files, root)


def schemas(root: Path) -> list[str]:
    """Every file by the schema that its own service publishes."""
    transform = {"vendor.gitlab-ci": ["--data-transform", "gitlab-ci"]}
    return [
        complaint
        for schema, places in SCHEMAS.items()
        for complaint in _complaints(
            ["check-jsonschema", "--builtin-schema", schema, *transform.get(schema, [])], found(root, places), root
        )
    ]


def _complaints(command: Sequence[str], files: Sequence[str], root: Path) -> list[str]:
    """Run a tool that ends with 0 when it has nothing to say about these files."""
    path = f"{TOOLS}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "NO_COLOR": "1"}
    if not files:
        return []
    done = subprocess.run(
        ["env", *command, *files], cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    return [done.stdout + done.stderr] if done.returncode else []


# --- our own rules --------------------------------------------------------------------------------------------------


def writing(root: Path) -> list[str]:
    """List jobs that write what they are not listed with, and those that write next to somebody else's code."""
    wrong = []
    for workflow, name, job in jobs(root):
        writes = {scope for scope, access in job["permissions"].items() if access != "read"}
        if writes != WRITING.get((workflow, name), set()):
            wrong.append(f"{workflow}/{name} may write {writes}")
        actions = {step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step}
        strangers = {action for action in actions - TRUSTED_WITH_WRITING if not OURS.fullmatch(action)}
        if writes and strangers:
            wrong.append(f"{workflow}/{name} may write, and runs {strangers}")
    return wrong


def pasted(root: Path) -> list[str]:
    """List scripts with an expression: it is inserted before a shell reads the script, so its value is code."""
    return [f"{where}: {step['run']}" for where, step in steps(root) if "${{" in step.get("run", "")]


# --- steps ----------------------------------------------------------------------------------------------------------


def targets(script: str) -> set[str]:
    """List the steps of the Makefile that a script calls."""
    words = [word for match in TARGETS.finditer(script) for word in match[1].split()]
    return {word for word in words if "=" not in word and '"' not in word}


def targets_on_github(root: Path, workflow: str) -> set[str]:
    """List the steps that a workflow calls, where its actions are written out."""
    scripts = [step.get("run", "") for where, step in steps(root) if where.startswith(f"{workflow}/")]
    return targets("\n".join(scripts))


def targets_on_gitlab(root: Path) -> dict[str, set[str]]:
    """List the steps that each job calls."""
    return {
        name: targets("\n".join(job["script"]))
        for _, pipeline in documents(root, GITLAB)
        for name, job in pipeline.items()
        if isinstance(job, dict) and "script" in job
    }


# --- time -----------------------------------------------------------------------------------------------------------


def keep_one_test(service: Path) -> None:
    """Leave a service one of the unit tests of its rules: all take half a minute, and `tests/alerts` has run them."""
    for file in (service / "ops/alerts/tests").glob("*.yml"):
        if file.name != "runtime.yml":
            file.unlink()
