"""The doctor of a generated service after a team's ordinary work: each lost guarantee is named, and nothing else is."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import team
from template import ROOT, SERVICE_DIRECTORY, Machine, replace

BASE = "deploy/kubernetes/base"
DEPLOYMENT, POLICY = f"{BASE}/deployment.yaml", f"{BASE}/network-policy.yaml"
CI, RELEASE, DEPLOY = (f".github/workflows/{name}.yml" for name in ("ci", "release", "deploy-kubernetes"))
ROLE = "deploy/ansible/roles/service"
ANSWERS = "src/acme_links/service.toml"
SHA = "3d3c42e5aac5ba805825da76410c181273ba90b1"
ALERT = "      - alert: NotificationsFailing\n"
RULES = "rules/platform.rules.yml"


@dataclass(frozen=True)
class Mutation:
    """`old` becomes `new` in a file; without `old` the file is removed. `findings` are the kind and a part of each."""

    file: str
    old: str
    new: str
    findings: tuple[tuple[str, str], ...]
    at: str = ""  # the file of the findings, if it is another
    note: bool = False

    def apply(self, service: Path) -> None:
        """Break the service."""
        if self.old:
            replace(service / self.file, self.old, self.new)
        else:
            (service / self.file).unlink()


def lost(file: str, old: str, new: str, part: str, at: str = "") -> Mutation:
    """A guarantee."""
    return Mutation(file, old, new, (("guarantee", part),), at)


def edited(file: str, old: str, new: str, part: str) -> Mutation:
    """An edit that costs no guarantee that a check knows."""
    return Mutation(file, old, new, (("edited", part),))


def rule() -> str:
    """The whole rule of an alert."""
    text = (ROOT / "alerts" / RULES).read_text(encoding="utf-8")
    return ALERT + text.partition(ALERT)[2].partition("      - alert: ")[0]


# All mutations of a round are done at once, and the findings must be exactly theirs. The second round has those that
# exclude one of the first.
FIRST = {
    "probe removed": lost(DEPLOYMENT, "livenessProbe:", "otherProbe:", "livenessProbe is missing"),
    "limit lifted": lost(DEPLOYMENT, "            limits:\n              memory: 192Mi\n", "", "limits.memory"),
    "grace below drain": lost(DEPLOYMENT, "GracePeriodSeconds: 40", "GracePeriodSeconds: 30", "is 30, and production"),
    "grace below drain in staging": Mutation(DEPLOYMENT, "G", "G", (("guarantee", "is 30, and staging"),)),
    "privileges": lost(DEPLOYMENT, "Escalation: false", "Escalation: true", "allowPrivilegeEscalation: false"),
    "writable root": lost(DEPLOYMENT, "readOnlyRootFilesystem: true", "other: 1", "readOnlyRootFilesystem: true"),
    "root in a pod": lost(DEPLOYMENT, "runAsNonRoot: true", "runAsNonRoot: false", "runAsNonRoot: true"),
    "network policy opened": lost(POLICY, "[Ingress, Egress]", "[Ingress]", "policyTypes must be"),
    "policy not applied": lost(f"{BASE}/kustomization.yaml", "  - network-policy.yaml\n", "", "must list"),
    "gate removed": lost(CI, "  gate:\n    name: gate", "  done:\n    name: done", "must have a job gate"),
    "rights for all": lost(CI, "permissions: {}\n\nconc", "permissions: write-all\n\nconc", "workflow must be {}"),
    "tests not run": lost(CI, "run: make test", "run: echo", "no step runs `make test`"),
    "action unpinned": lost(RELEASE, f"checkout@{SHA} # v7.0.1", "checkout@v7", "checkout@v7 must be pinned"),
    "pin moved alone": edited(".github/workflows/template-update.yml", SHA, SHA[::-1], "in its comment did not"),
    "pin moved": Mutation(DEPLOY, f"{SHA} # v7.0.1", f"{SHA[::-1]} # v7.1.0", (("edited", "pin moved"),), note=True),
    "image as root": lost("Dockerfile", "USER 10001:10001", "USER root", "the last USER must be a number"),
    "image of a moving base": lost("Dockerfile", "python:3.11-slim AS", "python:latest AS", "must name a version"),
    "alert deleted": lost(f"ops/alerts/{RULES}", rule(), "", "has no alert NotificationsFailing", "ops/alerts/rules"),
    "routing edited": edited("ops/alerts/alertmanager/alertmanager.yml", "group_wait: 30s", "group_wait: 9h", "edited"),
    "dashboard edited": lost("ops/grafana/dashboards/fleet.json", '"editable": ', '"editable":  ', "", "ops/grafana"),
    "stop on hosts": lost(f"{ROLE}/vars/main.yml", " + service_flush_seconds | int", "", "service_stop_seconds"),
    "probe of hosts": lost(f"{ROLE}/templates/haproxy.cfg.j2", "/health/ready", "/health/live", "readiness"),
    "lock stale": Mutation("pyproject.toml", '"pydantic>', '"anyio>=3",\n    "pydantic>', (("lock", ""),), "uv.lock"),
    "support ended": Mutation(
        ANSWERS,
        "[template]\n",
        "[template]\nsupported_until = 2020-01-01\n",
        (("edited", "was edited"), ("support", "is supported until 2020-01-01")),
    ),
    "commit moved": edited(".cruft.json", '"commit": "', '"commit": "0', "names the commit 0"),
    "script edited": edited("deploy/image/build.sh", "# Build", "# Make", "was edited"),
    "file removed": edited(".editorconfig", "", "", "is missing"),
    "shared file edited": edited("README.md", "\n## Updates\n", "\n## Our updates\n", "was changed"),
    "library edited": Mutation(
        "vendor/firstlight/src/firstlight/slo.py", "Count one good", "Count 1 good", (("vendor", "was edited"),)
    ),
}
SECOND = {
    "policy removed": Mutation(POLICY, "", "", (("guarantee", "does not exist; restore it"),)),
    "policy listed": lost(f"{BASE}/kustomization.yaml", "network-policy", "network-policy", "which does not exist"),
    "job not required": lost(CI, "needs: [check, test, ", "needs: [check, ", "the job gate must need test"),
    "job that writes": lost(CI, "contents: read # to", "contents: write # to", ""),
    "lock missing": Mutation("uv.lock", "", "", (("lock", "does not exist"),)),
    "library from outside": lost("pyproject.toml", "firstlight-runtime = {", "other = {", "the public index"),
}


@pytest.fixture(scope="module")
def service(shared: Machine, template: Path) -> Path:
    """A service with everything a team adds, locked, installed and committed."""
    service = shared.cookiecutter(template, {"components": "http_client", "deploy": "all"}).service
    assert len(list(team.work(service))) > len(team.ADDITIONS)
    for command in (
        ["uv", "add", "--quiet", "python-multipart"],
        ["uv", "add", "--quiet", "--dev", "pytest"],
        ["make", "openapi"],
    ):
        done = shared.run(command, service)
        assert done.status == 0, done.stderr
    shared.commit(service)
    return service


def examine(machine: Machine, service: Path) -> dict[str, Any]:
    """What the doctor says, as JSON."""
    done = machine.run([".venv/bin/python", "-m", "firstlight", "doctor", "--json", "--offline"], service)
    assert done.stdout, done.stderr
    content: dict[str, Any] = json.loads(done.stdout)
    assert content["status"] == done.status
    return content


def broken(machine: Machine, service: Path, mutations: dict[str, Mutation]) -> dict[str, Any]:
    """Break the service, examine it and mend it."""
    for mutation in mutations.values():
        mutation.apply(service)
    try:
        return examine(machine, service)
    finally:
        machine.git("checkout", "--quiet", ".", directory=service)


def assert_named(found: list[dict[str, str]], mutations: list[Mutation]) -> None:
    """Each mutation has its findings, and there are no others."""
    wanted = [(kind, each.at or each.file, part) for each in mutations for kind, part in each.findings]
    lines = [(each["kind"], each["file"], each["sentence"]) for each in found]
    missing = [want for want in wanted if not any(fits(line, want) for line in lines)]
    others = [line for line in lines if not any(fits(line, want) for want in wanted)]
    assert (missing, others) == ([], [])


def fits(line: tuple[str, str, str], wanted: tuple[str, str, str]) -> bool:
    """Whether a finding is the one that is wanted."""
    return line[:2] == wanted[:2] and wanted[2] in line[2]


@pytest.mark.slow
def test_a_team_s_ordinary_work_is_healthy(shared: Machine, service: Path) -> None:
    """As people see it, with the template in reach."""
    done = shared.run(["make", "doctor"], service)
    assert done.status == 0, done.stdout + done.stderr
    assert done.stdout.startswith("acme-links: version ")
    assert "\ntemplate: up to date\n" in done.stdout
    assert done.stdout.endswith("\nhealthy\n")


@pytest.mark.slow
@pytest.mark.parametrize("mutations", [FIRST, SECOND], ids=["first", "second"])
def test_each_lost_guarantee_is_named(shared: Machine, service: Path, mutations: dict[str, Mutation]) -> None:
    """Nothing else is, and every edited file is in the list of all edited files."""
    content = broken(shared, service, mutations)
    assert content["status"] == 1
    notes = [note for note in content["notes"] if note["kind"] == "edited"]
    assert_named(content["findings"], [each for each in mutations.values() if not each.note])
    assert_named(notes, [each for each in mutations.values() if each.note])
    changed = [each.file for each in mutations.values() if not each.note and (each.old != each.new or not each.old)]
    owned = {file for file in changed if not file.startswith("vendor/")}
    listed = owned - {"uv.lock"} - ({"pyproject.toml"} if mutations is FIRST else set())
    assert set(content["edited"]) == listed


def test_an_update_writes_the_record_anew(machine: Machine) -> None:
    """The commit and the checksums are those of the new version; a service without a record gets one."""
    platform = machine.template()
    service = machine.cookiecutter(platform).service
    (service / ".template.json").unlink()
    machine.commit(service)
    replace(platform / SERVICE_DIRECTORY / "Makefile", "Fix style", "Repair style")
    commit = machine.commit(platform)
    updated = machine.run(["make", "update"], service)
    assert updated.status == 0, updated.stderr
    fresh, updated_record = machine.cookiecutter(platform).service, (service / ".template.json").read_bytes()
    assert updated_record == (fresh / ".template.json").read_bytes()
    record = json.loads(updated_record)
    assert record["commit"] == commit
    assert "service.mk" not in record["files"]
    assert not [path for path in record["files"] if path.startswith(("tests/", "vendor/"))]
