"""A deploy to Kubernetes, up to the cluster: pipeline, script and rendering are real, its answers are ours."""

import json
import stat
from pathlib import Path

import pytest
import yaml
from delivery.kubernetes.manifests import kubectl
from delivery.workflows import Act
from template import Machine, Outcome

pytestmark = pytest.mark.delivery
REPOSITORY = "ghcr.io/acme/acme-links"
DIGEST = f"sha256:{'5' * 64}"
# It renders what is applied, and answers `rollout status` with the next status of a list.
KUBECTL = """#!/bin/sh
echo "$*" >> {directory}/kubectl-calls
case "$*" in
"apply --kustomize "*) {kubectl} kustomize "$3" > {directory}/applied.yaml ;;
*" rollout status "*)
  status=$(head -n 1 {directory}/statuses)
  sed -i 1d {directory}/statuses
  exit "$status" ;;
esac
"""
COSIGN = """#!/bin/sh
echo "$*" >> {directory}/cosign-calls
"""


class Cluster:
    """A `kubectl` and a `cosign` on the path that write down what they are asked."""

    def __init__(self, directory: Path, *statuses: int) -> None:
        """Put them there. `statuses` are those of `rollout status`, call by call."""
        self.directory = directory
        self.directory.mkdir()
        for name, program in (("kubectl", KUBECTL), ("cosign", COSIGN)):
            path = directory / name
            path.write_text(program.format(directory=directory, kubectl=kubectl()), encoding="utf-8")
            path.chmod(0o755)
        (directory / "statuses").write_text("".join(f"{status}\n" for status in statuses), encoding="utf-8")

    def read(self, name: str) -> str:
        """Read what one of them wrote, or the summary of the run."""
        return (self.directory / name).read_text(encoding="utf-8")

    def deploy(self, machine: Machine, service: Path, environment: str = "staging", **variables: str) -> Outcome:
        """Deploy, as a person does."""
        known = {"IMAGE": REPOSITORY, "DIGEST": DIGEST, "ENVIRONMENT": environment} | variables
        known |= {"GITHUB_STEP_SUMMARY": str(self.directory / "summary")}
        path = f'PATH="{self.directory}:$PATH" exec "$@"'
        command = [*(f"{name}={value}" for name, value in known.items()), "make", "deploy-kubernetes"]
        return machine.run(["sh", "-c", path, "sh", "env", *command], service)


def test_the_pipeline_deploys_what_release_signed(machine: Machine, service: Path) -> None:
    """The digest is checked against the release pipeline's signature; then the overlay is applied with it."""
    cluster = Cluster(machine.directory / "cluster", 0)
    event = machine.directory / "event.json"
    event.write_text(json.dumps({"inputs": {"environment": "production", "digest": DIGEST}}), encoding="utf-8")
    path = f"{cluster.directory}:{machine.environment()['PATH']}"
    secrets = ("--secret", "GITHUB_TOKEN=none", "--secret", "KUBECONFIG=the way in")
    act = Act(machine, service, {"PATH": path}, {})
    run = act.jobs("deploy-kubernetes.yml", "--eventpath", str(event), *secrets, event="workflow_dispatch")
    assert (run.status, run.jobs) == (0, {"deploy": "success"}), run
    assert f"production runs {REPOSITORY}@{DIGEST}." in run.text
    for verified in cluster.read("cosign-calls").splitlines():
        assert r"^https://github.com/acme/acme-links/\.github/workflows/release\.yml@refs/tags/" in verified
        assert verified.endswith(f"{REPOSITORY}@{DIGEST}")
    (deployment,) = (o for o in yaml.safe_load_all(cluster.read("applied.yaml")) if o["kind"] == "Deployment")
    assert deployment["metadata"]["namespace"] == "acme-links-production"
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == f"{REPOSITORY}@{DIGEST}"
    kubeconfig = machine.home / ".kube/config"
    assert kubeconfig.read_text(encoding="utf-8") == "the way in\n"
    assert stat.S_IMODE(kubeconfig.stat().st_mode) == 0o600


def test_a_release_that_does_not_get_ready_is_rolled_back(machine: Machine, service: Path) -> None:
    """The deploy fails, and the summary reports the rollback."""
    cluster = Cluster(machine.directory / "cluster", 1, 0)
    outcome = cluster.deploy(machine, service)
    assert outcome.status != 0
    assert "rollout undo deployment/acme-links" in cluster.read("kubectl-calls")
    assert cluster.read("summary") == f"staging was rolled back: {REPOSITORY}@{DIGEST} did not become ready.\n"


def test_a_rollback_that_fails_calls_a_person(machine: Machine, service: Path) -> None:
    """Two failures are not the same as one."""
    cluster = Cluster(machine.directory / "cluster", 1, 1)
    assert cluster.deploy(machine, service).status != 0
    assert "going back failed. A person has to look." in cluster.read("summary")


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"environment": "prod"}, "ENVIRONMENT must be one of production staging."),
        ({"DIGEST": "v1.2.3"}, "DIGEST must say what runs: sha256: and 64 hexadecimal digits."),
        ({"IMAGE": "acme-links"}, "IMAGE must say where it is, such as registry.example.com/acme-links."),
    ],
)
def test_nothing_is_applied_that_nobody_meant(
    machine: Machine, service: Path, variables: dict[str, str], sentence: str
) -> None:
    """One sentence, and the cluster is not asked."""
    cluster = Cluster(machine.directory / "cluster")
    outcome = cluster.deploy(machine, service, **variables)
    assert outcome.status != 0
    assert outcome.stderr.startswith(sentence)
    assert not (cluster.directory / "kubectl-calls").exists()
