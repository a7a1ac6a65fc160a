"""A service of every release, with a team's ordinary work in it, comes to this commit by its own `make update`."""

import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import history
import pytest
from conftest import FIGURE
from team import Edit
from template import Machine, files

from generator.releases import RELEASES, Release

ANSWERS = {"components": "http_client", "deploy": "kubernetes"}
# What a team does by its README, as the tests of the release have it.
WORK = "import sys, team; from pathlib import Path; print(*team.work(Path(sys.argv[1])), sep='\\n')"
# What it does beside that, also in places which the README does not name.
OF_ITS_OWN = (
    Edit("compose.override.yaml", "", "services:\n  cache:\n    image: docker.io/library/redis:8\n"),
    Edit("README.md", "", "\n## Who we are\n\nAsk in #links.\n"),
    Edit(".github/workflows/ci.yml", "name: ci\n", "name: ci\nrun-name: links of ${{ github.actor }}\n"),
    Edit(".github/workflows/nightly.yml", "", "name: nightly\non: workflow_dispatch\npermissions: {}\njobs: {}\n"),
    Edit("Makefile", "-include service.mk\n", "-include service.mk\n\nhello: ## Say hello\n\t@echo hello\n"),
)


@pytest.mark.slow
@pytest.mark.parametrize("entry", RELEASES, ids=lambda entry: entry.version)
def test_a_service_of_a_release_comes_to_this_commit(
    machine: Machine, entry: Release, record_property: Callable[[str, object], None]
) -> None:
    """No conflict, every line of the team is there, and its checks and tests pass. Time and size are printed."""
    history.need(machine, entry)
    template = history.at(machine, entry)
    service = machine.cookiecutter(template, ANSWERS).service
    machine.commit(service, "Generate the service")
    work(machine, template, service)
    before, added = files(service), additions(machine, service)
    machine.commit(service, "Do ordinary work")
    commit = history.become_this_one(machine, template)

    began = time.monotonic()
    updated = machine.run(["make", "update"], service)
    seconds = time.monotonic() - began

    assert updated.status == 0, f"{updated.stdout}\n{updated.stderr}"
    assert commit in (service / ".cruft.json").read_text("utf-8")
    assert lost(service, before, added) == []
    machine.git("add", "--all", directory=service)
    size = machine.git("diff", "--cached", "--shortstat", directory=service)
    record_property(FIGURE, f"update of a service from {entry.version}: {seconds:.1f} s, {size}")
    green = machine.run(["make", "openapi", "check", "test"], service)  # the first one describes the team's API
    assert green.status == 0, f"{green.stdout[-5000:]}\n{green.stderr[-3000:]}"


def work(machine: Machine, template: Path, service: Path) -> None:
    """Change the service as its team would."""
    done = subprocess.run(
        [sys.executable, "-c", WORK, str(service)],
        env=machine.environment() | {"PYTHONPATH": str(template / "tests")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "a route\n" in done.stdout, done.stderr
    for edit in OF_ITS_OWN:
        edit.apply(service)
    for command in (
        ["uv", "add", "--quiet", "--no-sync", "python-multipart"],
        [sys.executable, "-m", "ruff", "check", "--quiet", "--fix", "src", "tests"],
        [sys.executable, "-m", "ruff", "format", "--quiet", "src", "tests"],
    ):
        outcome = machine.run(command, service)
        assert outcome.status == 0, outcome.stdout + outcome.stderr


def additions(machine: Machine, service: Path) -> dict[str, list[str]]:
    """The lines that the team added to each file that was there, and no line for each file of its own."""
    machine.git("add", "--all", directory=service)
    found: dict[str, list[str]] = {}
    path = ""
    for line in machine.git("diff", "--cached", "--unified=0", "--", ":!uv.lock", directory=service).splitlines():
        if line.startswith("+++ b/"):
            path = line.removeprefix("+++ b/")
            found[path] = []
        elif line.startswith("+"):
            found[path].append(line[1:])
    return found


def lost(service: Path, before: dict[str, bytes], added: dict[str, list[str]]) -> list[str]:
    """The files of the team that are not as they were, and its lines that are no longer in a file of the template."""
    answers = tomllib.loads((service / "pyproject.toml").read_text("utf-8"))
    owned = (*answers["tool"]["cruft"]["skip"], "compose.override.yaml", ".github/workflows/nightly.yml")
    now = files(service)
    changed = [path for path in added if path.startswith(owned) and now.get(path) != before[path]]
    gone = [
        f"{path}: {line}"
        for path, lines in added.items()
        for line in sorted(set(lines) - set(now.get(path, b"").decode().splitlines()))
    ]
    return changed + gone
