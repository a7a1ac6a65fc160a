"""The pre-commit hooks pass on emitted services and on this repository, and each finds its planted fault."""

import re
from pathlib import Path

import pytest
from delivery.pipelines import keep_one_test
from template import Machine, Outcome, replace

pytestmark = [pytest.mark.delivery, pytest.mark.usefixtures("promtool")]
HOOKS = {"check", "gitleaks", "hadolint", "shellcheck", "yamllint", "actionlint", "zizmor", "promtool"}
RANDOM = "q7Rt2Xw9Lk4Vb8Nz1Yc6Md3Hs5Jf0Pg2Ta7U"
TOKEN = f"ghp_{RANDOM}"  # put together here: this file holds none


def failed(outcome: Outcome) -> set[str]:
    """List the hooks that found something."""
    return set(re.findall(r"^- hook id: (\S+)$", outcome.stdout, re.MULTILINE))


def test_each_hook_finds_what_it_is_for(machine: Machine, service: Path) -> None:
    """One of everything that should not be committed, all at once."""
    (service / "src/acme_links/unused.py").write_text("import os\n", encoding="utf-8")
    (service / "notes.md").write_text(f"The token is {TOKEN}\n", encoding="utf-8")
    replace(service / "Dockerfile", "USER 10001:10001", "USER root")
    (service / "scripts/clean.sh").write_text("#!/bin/sh\nrm -r $1/cache\n", encoding="utf-8")
    replace(service / "compose.yaml", "services:\n", "services: {}\nservices:\n")
    replace(service / ".github/workflows/ci.yml", "needs: [check", "needs: [chekc")
    replace(service / ".github/workflows/release.yml", "persist-credentials: false", "persist-credentials: true")
    replace(service / "ops/alerts/rules/runtime.rules.yml", "> 0.95", "> 9.5")
    keep_one_test(service)
    machine.git("add", "--all", directory=service)
    outcome = machine.run(["make", "hooks"], service)
    assert outcome.status != 0
    assert failed(outcome) == HOOKS, outcome.stdout
    assert TOKEN not in outcome.stdout


def test_what_is_emitted_passes_without_a_network(machine: Machine, service: Path) -> None:
    """Hooks are installed once, from the package index; from then on they need nobody. Git ignores `.env`."""
    keep_one_test(service)
    (service / ".env").write_text(f"DIAGNOSTICS_TOKEN={RANDOM}\n", encoding="utf-8")
    machine.git("add", "--all", directory=service)
    assert machine.run(["uv", "run", "pre-commit", "install-hooks"], service).status == 0
    outcome = machine.run(["unshare", "--map-root-user", "--net", "make", "hooks"], service)
    assert outcome.status == 0, outcome.stdout
    assert len(re.findall("Passed$", outcome.stdout, re.MULTILINE)) == len(HOOKS), outcome.stdout


def test_this_repository_passes_its_own(machine: Machine) -> None:
    """Style and types are checked by `make check`; the other hooks by nothing else."""
    outcome = machine.run(["env", "SKIP=check", "pre-commit", "run", "--all-files"], machine.template())
    assert outcome.status == 0, outcome.stdout
