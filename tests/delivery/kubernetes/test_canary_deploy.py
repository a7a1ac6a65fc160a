"""`deploy.sh` with a canary: the script and kubectl are real, and a small API server plays the cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from delivery.kubernetes.api_server import Cluster, Object, served
from delivery.kubernetes.manifests import SLUG, edited, kubectl
from template import Machine, Outcome

pytestmark = pytest.mark.delivery
IMAGE = "ghcr.io/acme/acme-links"
DIGESTS = [f"sha256:{digit * 64}" for digit in "1234"]
NAMESPACE = f"{SLUG}-staging"
PROMOTE = f"Look at it, then: kubectl argo rollouts --namespace {NAMESPACE} promote {SLUG}, or abort {SLUG}."
HEALTHY = {"phase": "Healthy"}
PROGRESSING = {"phase": "Progressing", "message": "more replicas need to be updated"}
TIME: Object = {"reason": "CanaryPauseStep", "startTime": "2026-11-27T00:00:00Z"}
TIMED = {"phase": "Paused", "message": "CanaryPauseStep", "currentStepIndex": 1, "pauseConditions": [TIME]}
UNDECIDED = TIMED | {"pauseConditions": [TIME, {"reason": "InconclusiveAnalysisRun"}]}
ABORTED = {"phase": "Degraded", "abort": True, "message": 'RolloutAborted: metric "latency" assessed Failed'}
KUBECONFIG = """apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "%s"}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
users: [{name: u, user: {}}]
current-context: c
"""


class Deploys:
    """A service whose overlay has the canary, or not, and a cluster to deploy it to."""

    def __init__(self, machine: Machine, service: Path, cluster: Cluster) -> None:
        """Point kubectl at the cluster."""
        self.machine, self.service, self.cluster = machine, service, cluster
        self.kubeconfig = machine.directory / "kubeconfig"
        self.kubeconfig.write_text(KUBECONFIG % cluster.address, encoding="utf-8")

    def canary(self, *components: str) -> None:
        """Edit the overlay, as its owner does."""
        paths = [f"../../components/{name}" for name in ("prometheus-operator", *components)]
        edited(self.service / "deploy/kubernetes/overlays/staging", components=paths)

    def __call__(self, digest: str, *phases: Object, **variables: str) -> Outcome:
        """Deploy, while the Rollout goes through these phases."""
        self.cluster.phases[:] = phases
        self.cluster.asked.clear()
        known = {"IMAGE": IMAGE, "DIGEST": digest, "ENVIRONMENT": "staging", "KUBECONFIG": str(self.kubeconfig)}
        given = [f"{name}={value}" for name, value in {**known, **variables}.items()]
        path = f'PATH="{Path(kubectl()).parent}:$PATH" exec "$@"'
        return self.machine.run(["sh", "-c", path, "sh", "env", *given, "make", "deploy-kubernetes"], self.service)

    @property
    def image(self) -> str:
        """What the Deployment's template runs."""
        spec: Any = self.cluster.objects["deployments", SLUG]["spec"]["template"]["spec"]
        return str(spec["containers"][0]["image"])

    def replicas(self, kind: str) -> int:
        """How many pods a Deployment or Rollout is to have."""
        return int(self.cluster.objects[kind, SLUG]["spec"].get("replicas", 1))


@contextmanager
def deploying(machine: Machine, service: Path, *components: str, argo: bool = True) -> Iterator[Deploys]:
    """Serve a cluster, with or without Argo Rollouts."""
    with served(Cluster(argo=argo)) as cluster:
        deploys = Deploys(machine, service, cluster)
        deploys.canary(*components)
        yield deploys


@pytest.fixture
def deploys(machine: Machine, service: Path) -> Iterator[Deploys]:
    """A canary that has been through one release."""
    with deploying(machine, service, "canary") as deploys:
        assert deploys(DIGESTS[0], HEALTHY).status == 0
        yield deploys


def told(outcome: Outcome) -> str:
    """The last line of what it said, without that of make."""
    lines = [line for line in (outcome.stdout).splitlines() if not line.startswith("make")]
    return lines[-1]


def test_a_canary_is_done_when_its_rollout_is_healthy(deploys: Deploys) -> None:
    """Not when the Deployment is, which has no pods; and not by the phase of the release before."""
    stale = {**HEALTHY, "workloadObservedGeneration": "1"}
    outcome = deploys(DIGESTS[1], stale, PROGRESSING, TIMED, HEALTHY)
    assert outcome.status == 0, outcome.stderr
    assert deploys.cluster.phases == [HEALTHY]
    shown = [line for line in outcome.stderr.splitlines() if line.startswith("canary: ")]
    assert shown == [
        "canary: Progressing: more replicas need to be updated",
        "canary: Paused at step 1: CanaryPauseStep",
        "canary: Healthy",
    ]
    assert told(outcome) == f"staging runs {IMAGE}@{DIGESTS[1]}."
    assert (deploys.image, deploys.replicas("deployments")) == (f"{IMAGE}@{DIGESTS[1]}", 0)


def test_a_canary_that_is_aborted_is_rolled_back(deploys: Deploys) -> None:
    """By the analysis, by its deadline, or by a person: the Deployment gets the template of the release before."""
    outcome = deploys(DIGESTS[1], PROGRESSING, ABORTED, HEALTHY)
    assert outcome.status != 0
    reason = 'failed (RolloutAborted: metric "latency" assessed Failed)'
    assert told(outcome) == f"staging was rolled back: {IMAGE}@{DIGESTS[1]} {reason}."
    assert deploys.image == f"{IMAGE}@{DIGESTS[0]}"


def test_a_canary_that_takes_too_long_is_rolled_back(deploys: Deploys) -> None:
    """Such as one whose controller does not run."""
    outcome = deploys(DIGESTS[1], {**HEALTHY, "workloadObservedGeneration": "1"}, HEALTHY, CANARY_SECONDS="0")
    assert outcome.status != 0
    assert f"{IMAGE}@{DIGESTS[1]} did not become healthy within 0 s" in told(outcome)
    assert deploys.image == f"{IMAGE}@{DIGESTS[0]}"


def test_a_canary_without_a_verdict_waits_for_a_person(deploys: Deploys) -> None:
    """The deploy fails, because the release is not out, but nothing is rolled back."""
    outcome = deploys(DIGESTS[1], PROGRESSING, UNDECIDED)
    assert outcome.status != 0
    reason = "has no verdict: too few requests, or no data in Prometheus"
    assert told(outcome) == f"staging: the canary of {IMAGE}@{DIGESTS[1]} {reason}. {PROMOTE}"
    assert deploys.image == f"{IMAGE}@{DIGESTS[1]}"


def test_a_step_that_waits_for_a_person_is_no_failure(deploys: Deploys) -> None:
    """It is in the Rollout because somebody wants it."""
    rollout = deploys.service / "deploy/kubernetes/components/canary/rollout.yaml"
    text = rollout.read_text(encoding="utf-8")
    rollout.write_text(text.replace("pause: {duration: 10m}", "pause: {}", 1), encoding="utf-8")
    outcome = deploys(DIGESTS[1], PROGRESSING, TIMED)
    assert outcome.status == 0, outcome.stderr
    reason = "waits at step 1, which has no time limit"
    assert told(outcome) == f"staging: the canary of {IMAGE}@{DIGESTS[1]} {reason}. {PROMOTE}"
    assert deploys.image == f"{IMAGE}@{DIGESTS[1]}"


def test_a_canary_keeps_the_number_of_pods(machine: Machine, service: Path) -> None:
    """A new Rollout begins with one. Pods of the Deployment that came back later end, and leaving needs pods first."""
    with deploying(machine, service) as deploys:
        assert deploys(DIGESTS[0]).status == 0
        deploys.cluster.objects["deployments", SLUG]["spec"]["replicas"] = 7
        deploys.canary("canary")
        assert deploys(DIGESTS[1], HEALTHY).status == 0
        assert (deploys.replicas("rollouts"), deploys.replicas("deployments")) == (7, 0)

        deploys.cluster.objects["deployments", SLUG]["spec"]["replicas"] = 3
        assert deploys(DIGESTS[2], HEALTHY).status == 0
        assert (deploys.replicas("rollouts"), deploys.replicas("deployments")) == (7, 0)

        deploys.canary()
        del deploys.cluster.objects["rollouts", SLUG]
        outcome = deploys(DIGESTS[3])
        assert outcome.status != 0
        scale = f"Scale it: kubectl --namespace {NAMESPACE} scale deployment/{SLUG} --replicas=2."
        assert told(outcome) == f"staging: the Deployment has 0 replicas, so no pod runs {IMAGE}@{DIGESTS[3]}. {scale}"


def test_a_cluster_without_argo_is_asked_about_its_deployment(machine: Machine, service: Path) -> None:
    """It does not know the kind, which is no error."""
    with deploying(machine, service, argo=False) as deploys:
        outcome = deploys(DIGESTS[0])
        assert (outcome.status, told(outcome)) == (0, f"staging runs {IMAGE}@{DIGESTS[0]}."), outcome.stderr


def test_a_cluster_that_does_not_answer_is_named(machine: Machine, service: Path) -> None:
    """Before anything is applied: nobody knows then what runs the pods."""
    with deploying(machine, service) as deploys:
        pass
    outcome = deploys(DIGESTS[0])
    assert outcome.status != 0
    assert "kubectl: " in outcome.stderr
    assert "refused" in outcome.stderr


def test_a_time_limit_that_is_no_number_is_refused(machine: Machine, service: Path) -> None:
    """One sentence, before anything is applied."""
    with deploying(machine, service) as deploys:
        outcome = deploys(DIGESTS[0], CANARY_SECONDS="45m")
        assert "CANARY_SECONDS must be a whole number of seconds." in outcome.stderr
        assert deploys.cluster.asked == []
