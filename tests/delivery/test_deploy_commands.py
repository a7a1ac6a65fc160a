"""A release whose component has a command and a worker, up to the cluster: script and rendering are real."""

from pathlib import Path

import pytest
import yaml
from delivery.kubernetes.manifests import Object, kubectl
from made_up_template import MadeUp
from template import Machine, Outcome

pytestmark = pytest.mark.delivery
IMAGE = "ghcr.io/acme/acme-links"
DIGEST = f"sha256:{'5' * 64}"
JOB = "acme-links-prepare-55555555"
ALL = "rollout status deployment/acme-links --timeout=10m", "rollout status deployment/acme-links-worker --timeout=10m"
# It writes down what it is asked and what it is to apply, renders, and says of Jobs and rollouts what lists say next.
KUBECTL = """#!/bin/sh
directory={directory}
echo "$*" | sed 's/[.]\\/release[.][A-Za-z0-9]*/RELEASE/g' >> $directory/calls
next() {{
  head -n 1 $directory/$1 2>/dev/null
  sed -i 1d $directory/$1
}}
case "$*" in
"kustomize "*) {kubectl} kustomize "$2" ;;
"apply --filename -") cat > $directory/needed.yaml ;;
"apply --filename "*) cp "$3" $directory/all.yaml ;;
"apply --kustomize "*) {kubectl} kustomize "$3" > $directory/applied.yaml ;;
*" get job "*) next jobs ;;
*" logs "*) echo "the command said this" ;;
*" rollout status "*) exit "$(next statuses)" ;;
*" rollout undo "*) exit "$(next undone)" ;;
esac
"""


class Cluster:
    """A `kubectl` on the path whose answers are given."""

    def __init__(self, directory: Path, **answers: list[str]) -> None:
        """Answer `jobs` (conditions of a Job), `statuses` and `undone` (exit statuses), call by call."""
        self.directory = directory / "cluster"
        self.directory.mkdir()
        program = self.directory / "kubectl"
        program.write_text(KUBECTL.format(directory=self.directory, kubectl=kubectl()), encoding="utf-8")
        program.chmod(0o755)
        for name in ("jobs", "statuses", "undone"):
            lines = "".join(f"{answer}\n" for answer in answers.get(name, []))
            (self.directory / name).write_text(lines, encoding="utf-8")

    def deploy(self, machine: Machine, service: Path, **variables: str) -> Outcome:
        """Deploy to staging, as a pipeline does."""
        known = {"IMAGE": IMAGE, "DIGEST": DIGEST, "ENVIRONMENT": "staging", **variables}
        known["GITHUB_STEP_SUMMARY"] = str(self.directory / "summary")
        path = f'PATH="{self.directory}:$PATH" exec "$@"'
        command = [*(f"{name}={value}" for name, value in known.items()), "make", "deploy-kubernetes"]
        return machine.run(["sh", "-c", path, "sh", "env", *command], service)

    @property
    def calls(self) -> list[str]:
        """What it was asked, namespaces left out."""
        text = (self.directory / "calls").read_text(encoding="utf-8")
        return text.replace("--namespace acme-links-staging ", "").splitlines()

    @property
    def rolled_out(self) -> bool:
        """Whether anything was that runs."""
        return any(call.startswith(("apply --kustomize", "rollout")) for call in self.calls)

    def objects(self, name: str) -> list[Object]:
        """What one call was to apply."""
        return list(yaml.safe_load_all((self.directory / name).read_text(encoding="utf-8")))

    @property
    def summary(self) -> str:
        """The summary of the run."""
        return (self.directory / "summary").read_text(encoding="utf-8")


@pytest.fixture
def service(made_up: MadeUp, tmp_path: Path) -> Path:
    """A service with the made-up component."""
    return made_up.copy("tasks", tmp_path)


def test_the_command_is_done_before_anything_is_rolled_out(machine: Machine, service: Path) -> None:
    """What it needs is there, it is waited for, and then web and worker roll out. Nothing is left behind."""
    cluster = Cluster(machine.directory, jobs=["", "", "SuccessCriteriaMet Complete"], statuses=["0", "0"])
    before = sorted(path.name for path in (service / "deploy/kubernetes").iterdir())

    outcome = cluster.deploy(machine, service)

    assert outcome.status == 0, outcome.stderr
    asks = [call.split(" --output")[0] for call in cluster.calls]
    canary = "get rollouts.argoproj.io acme-links --ignore-not-found"
    replicas = "get deployment/acme-links --ignore-not-found"
    assert asks == [
        "kustomize RELEASE",
        "apply --filename -",
        f"get job {JOB} --ignore-not-found",
        "apply --filename RELEASE/all.yaml --selector command=prepare",
        f"get job {JOB} --ignore-not-found",
        f"get job {JOB} --ignore-not-found",
        *(canary, replicas),
        "apply --kustomize RELEASE",
        *(canary, replicas),
        *ALL,
    ]
    assert {each["kind"] for each in cluster.objects("needed.yaml")} == {
        *("ConfigMap", "Namespace", "NetworkPolicy", "ServiceAccount"),
    }
    assert cluster.summary == f"staging runs {IMAGE}@{DIGEST}.\n"
    assert sorted(path.name for path in (service / "deploy/kubernetes").iterdir()) == before


def test_the_job_is_of_this_release(machine: Machine, service: Path) -> None:
    """Image, settings, namespace and environment are those of the pods that follow."""
    cluster = Cluster(machine.directory, jobs=["", "Complete"], statuses=["0", "0"])
    assert cluster.deploy(machine, service).status == 0
    (job,) = (each for each in cluster.objects("all.yaml") if each["kind"] == "Job")
    deployments = [each for each in cluster.objects("applied.yaml") if each["kind"] == "Deployment"]
    assert job["metadata"]["name"] == JOB
    assert job["metadata"]["namespace"] == "acme-links-staging"
    assert job["spec"]["template"]["metadata"]["labels"]["env"] == "staging"
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert len(deployments) == 2
    for deployment in deployments:
        (other,) = deployment["spec"]["template"]["spec"]["containers"]
        assert (container["image"], container["envFrom"]) == (other["image"], other["envFrom"])
    assert container["image"] == f"{IMAGE}@{DIGEST}"
    assert [each["kind"] for each in cluster.objects("applied.yaml") if each["kind"] == "Job"] == []


def test_a_command_that_fails_stops_the_release(machine: Machine, service: Path) -> None:
    """Its log is shown, the status is not 0, and what runs stays as it is."""
    cluster = Cluster(machine.directory, jobs=["", "", "FailureTarget Failed"])

    outcome = cluster.deploy(machine, service)

    assert outcome.status != 0
    assert "the command said this" in outcome.stderr
    assert not cluster.rolled_out
    assert cluster.summary == f"staging: the command prepare of {IMAGE}@{DIGEST} failed. Nothing was rolled out.\n"


def test_a_command_without_end_stops_the_release(machine: Machine, service: Path) -> None:
    """A Job whose pod never starts, for one."""
    cluster = Cluster(machine.directory)

    outcome = cluster.deploy(machine, service, COMMAND_SECONDS="1")

    assert outcome.status != 0
    assert not cluster.rolled_out
    assert "the command prepare of" in cluster.summary
    assert "did not end within 1 s. Nothing was rolled out." in cluster.summary


@pytest.mark.parametrize("before", ["Complete", "Failed"])
def test_a_digest_that_was_deployed_before_runs_again(machine: Machine, service: Path, before: str) -> None:
    """Its Job has the same name, and a template cannot be changed: it goes first."""
    cluster = Cluster(machine.directory, jobs=[before, "Complete"], statuses=["0", "0"])
    assert cluster.deploy(machine, service).status == 0
    deleted = cluster.calls.index(f"delete job {JOB}")
    applied = cluster.calls.index("apply --filename RELEASE/all.yaml --selector command=prepare")
    assert deleted < applied


def test_a_worker_that_is_not_ready_rolls_web_back(machine: Machine, service: Path) -> None:
    """All Deployments of a release are rolled back together."""
    cluster = Cluster(machine.directory, jobs=["", "Complete"], statuses=["0", "1", "0", "0"], undone=["0", "0"])

    assert cluster.deploy(machine, service).status != 0

    undone = [call for call in cluster.calls if call.startswith("rollout undo")]
    assert undone == ["rollout undo deployment/acme-links", "rollout undo deployment/acme-links-worker"]
    assert cluster.summary == f"staging was rolled back: {IMAGE}@{DIGEST} did not become ready.\n"


def test_a_failed_rollback_of_the_worker_is_reported(machine: Machine, service: Path) -> None:
    """Web is rolled back all the same."""
    cluster = Cluster(machine.directory, jobs=["", "Complete"], statuses=["0", "1", "0", "0"], undone=["0", "1"])
    assert cluster.deploy(machine, service).status != 0
    assert "rollout undo deployment/acme-links" in cluster.calls
    assert "the rollback failed. Check the pods: kubectl --namespace " in cluster.summary
