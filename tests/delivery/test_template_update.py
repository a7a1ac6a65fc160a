"""`make update` merges or names conflicts, and the weekly pipeline opens a pull request for either."""

import json
import os
import sys
from pathlib import Path

import pytest
from delivery.workflows import Act
from template import SERVICE_DIRECTORY, Machine, Outcome, replace

pytestmark = pytest.mark.delivery
# The calls of `gh`, one line each.
GH = """#!/bin/sh
echo "$*" >> "$GH_CALLS"
"""
# A cruft that finds an update, and stages a file with conflict markers.
CRUFT = """
import subprocess, sys

if sys.argv[1] == "check":
    sys.exit(1)
with open("README.md", "a") as readme:
    readme.write("<<<<<<< ours\\n=======\\n>>>>>>> theirs\\n")
subprocess.run(["git", "add", "README.md"], check=True)
"""
CONFLICTS = "these files have conflicts; resolve them, then commit:"


@pytest.fixture
def platform(machine: Machine) -> Path:
    """Give the test a template it may change."""
    return machine.template()


@pytest.fixture
def service(machine: Machine, platform: Path) -> Path:
    """Commit a service unedited: updates start from there."""
    service = machine.cookiecutter(platform).service
    machine.commit(service)
    return service


def change_template(machine: Machine, platform: Path) -> None:
    """Change a line of the template's Makefile."""
    replace(platform / SERVICE_DIRECTORY / "Makefile", "## Fix style", "## Theirs")
    machine.commit(platform)


def edit(machine: Machine, service: Path) -> None:
    """Change the same line in the service."""
    replace(service / "Makefile", "## Fix style", "## Ours")
    machine.commit(service)


def update(machine: Machine, service: Path) -> Outcome:
    """Follow the template, as people do."""
    return machine.run(["make", "update"], service)


def test_an_up_to_date_service_is_unchanged(machine: Machine, service: Path) -> None:
    """Exit status 0, and no changed file."""
    outcome = update(machine, service)
    assert outcome.status == 0, outcome.stderr
    assert machine.git("status", "--porcelain", directory=service) == ""


def test_an_update_without_conflicts_succeeds(machine: Machine, platform: Path, service: Path) -> None:
    """The template's lines are merged."""
    change_template(machine, platform)
    outcome = update(machine, service)
    assert outcome.status == 0, outcome.stderr
    assert "## Theirs" in (service / "Makefile").read_text(encoding="utf-8")
    assert update(machine, service).stderr.startswith("There are uncommitted changes;")


def test_a_conflict_is_named_and_fails(machine: Machine, platform: Path, service: Path) -> None:
    """The same line was edited on both sides: cruft ends with 0, this does not."""
    edit(machine, service)
    change_template(machine, platform)
    outcome = update(machine, service)
    assert outcome.status != 0
    assert f"{CONFLICTS}\n  Makefile\n" in outcome.stderr
    assert "<<<<<<<" in (service / "Makefile").read_text(encoding="utf-8")


def test_markers_alone_are_named_and_fail(machine: Machine, service: Path) -> None:
    """Whatever left them and whatever git's index says: a file with markers is not finished."""
    modules = machine.directory / "modules"
    (modules / "cruft").mkdir(parents=True)
    (modules / "cruft/__init__.py").touch()
    (modules / "cruft/__main__.py").write_text(CRUFT, encoding="utf-8")
    command = ["env", f"PYTHONPATH={modules}", sys.executable, "scripts/update_from_template.py"]
    outcome = machine.run(command, service)
    assert outcome.status != 0
    assert outcome.stderr.endswith(f"{CONFLICTS}\n  README.md\n")


def test_what_one_side_removed_or_both_added_is_named_and_fails(
    machine: Machine, platform: Path, service: Path
) -> None:
    """Cruft passes over it and git has no markers for it. Nothing of the team's is touched, and `skip` ends it."""
    emitted, patch = platform / SERVICE_DIRECTORY, service / ".cache/template-update.patch"
    (service / "Makefile").rename(service / "makefile")
    (service / ".dockerignore").unlink()
    replace(service / ".editorconfig", "charset = utf-8", "charset = latin1")
    (service / "docs/news.md").write_text("Ours.\n", encoding="utf-8")
    machine.commit(service)
    (emitted / ".editorconfig").unlink()
    (emitted / "docs/news.md").write_text("Theirs.\n", encoding="utf-8")
    change_template(machine, platform)

    outcome = machine.run(["make", "update"], service)

    removed, renamed, added = outcome.stderr.split(":\n  ")[1:]
    assert outcome.status != 0
    assert outcome.stderr.startswith("The template removed these files, which you had edited; remove them, or keep ")
    assert removed.splitlines()[0] == ".editorconfig"
    assert renamed.splitlines()[0] == "Makefile"  # and not .dockerignore, which the template left alone
    assert renamed.splitlines()[1].startswith("The template adds these files, and you have others in their place.")
    assert added.splitlines()[0] == "docs/news.md"
    assert "charset = latin1" in (service / ".editorconfig").read_text("utf-8")
    assert (service / "docs/news.md").read_text("utf-8") == "Ours.\n"
    assert "+fmt: $(UV) ## Theirs\n" in patch.read_text("utf-8")
    assert "+Theirs.\n" in patch.read_text("utf-8")

    replace(service / "pyproject.toml", "skip = [", 'skip = [\n    "Makefile",\n    "docs/news.md",')
    machine.commit(service)
    replace(emitted / "Makefile", "## Theirs", "## Later")
    replace(emitted / "docs/news.md", "Theirs.", "Later.")
    machine.commit(platform)
    outcome = machine.run(["make", "update"], service)
    assert outcome.status == 0, outcome.stderr


def test_a_service_edited_before_its_first_commit_is_merged_as_well(machine: Machine, platform: Path) -> None:
    """Its history has no version that both sides began with; the update brings that version."""
    service = machine.cookiecutter(platform).service
    replace(service / "Makefile", "## Fix style", "## Ours")
    machine.commit(service)
    change_template(machine, platform)
    outcome = update(machine, service)
    assert outcome.status != 0
    assert f"{CONFLICTS}\n  Makefile\n" in outcome.stderr
    assert "<<<<<<<" in (service / "Makefile").read_text(encoding="utf-8")


def test_without_state_one_sentence(machine: Machine, service: Path) -> None:
    """A service from an archive does not know its template."""
    (service / ".cruft.json").unlink()
    assert update(machine, service).stderr.startswith("There is no .cruft.json,")


class GitHub:
    """A remote to push to, and a `gh` that writes down what it was asked."""

    def __init__(self, machine: Machine, service: Path) -> None:
        """Publish the service."""
        self.machine = machine
        self.remote = machine.directory / "remote.git"
        machine.git("init", "--quiet", "--bare", str(self.remote), directory=machine.directory)
        machine.git("remote", "add", "origin", str(self.remote), directory=service)
        self.log = machine.directory / "gh-calls"
        self.log.touch()
        programs = machine.directory / "bin"
        programs.mkdir()
        gh = programs / "gh"
        gh.write_text(GH, encoding="utf-8")
        gh.chmod(0o755)
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        self.act = Act(machine, service, {"PATH": path, "GH_CALLS": str(self.log)}, {})

    def week(self) -> Outcome:
        """Run the weekly pipeline."""
        return self.act.run("template-update.yml", "--secret", "GITHUB_TOKEN=none", event="schedule")

    def calls(self) -> list[str]:
        """The calls of `gh` since the last time."""
        calls = self.log.read_text(encoding="utf-8").splitlines()
        self.log.write_text("", encoding="utf-8")
        return calls

    def branches(self) -> list[str]:
        """List the branches that were pushed."""
        return self.machine.git("for-each-ref", "--format=%(refname:short)", directory=self.remote).splitlines()


@pytest.fixture
def github(machine: Machine, service: Path) -> GitHub:
    """Publish the service where the weekly pipeline pushes to."""
    return GitHub(machine, service)


def test_without_changes_there_is_no_pull_request(github: GitHub) -> None:
    """No branch, no pull request."""
    outcome = github.week()
    assert outcome.status == 0, outcome.stdout
    assert (github.branches(), github.calls()) == ([], [])


def test_an_update_opens_one_pull_request(machine: Machine, platform: Path, service: Path, github: GitHub) -> None:
    """A branch named after the template's commit; the next week does not repeat it."""
    change_template(machine, platform)
    outcome = github.week()
    assert outcome.status == 0, outcome.stdout
    commit = machine.git("rev-parse", "HEAD", directory=platform)
    branch = f"template/{commit[:12]}"
    assert github.branches() == [branch]
    pushed = machine.git("show", f"{branch}:.cruft.json", directory=github.remote)
    assert json.loads(pushed)["commit"] == commit
    calls = github.calls()
    (request,) = [call for call in calls if call.startswith("pr create")]
    assert f"--head {branch}" in request
    assert "--label template " in request
    assert f"workflow run ci.yml --ref {branch}" in calls
    assert machine.git("status", "--porcelain", directory=service) == ""

    assert github.week().status == 0
    assert not [call for call in github.calls() if call.startswith("pr create")]


def test_a_conflict_becomes_a_labelled_pull_request_and_fails(
    machine: Machine, platform: Path, service: Path, github: GitHub
) -> None:
    """Somebody sees it twice: in the label and in the failed run."""
    edit(machine, service)
    change_template(machine, platform)
    outcome = github.week()
    assert outcome.status != 0
    assert CONFLICTS in outcome.stdout
    (branch,) = github.branches()
    assert "<<<<<<<" in machine.git("show", f"{branch}:Makefile", directory=github.remote)
    (request,) = [call for call in github.calls() if call.startswith("pr create")]
    assert "--label template,template-conflict " in request
