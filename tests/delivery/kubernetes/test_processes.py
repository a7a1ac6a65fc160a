"""A component's command and worker in a cluster: valid, restricted, discovered, and separate from web."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from delivery.kubernetes.manifests import NEWEST, OLDEST, SLUG, Object, edited, read, render, validate
from delivery.kubernetes.pod_security import violations
from made_up_template import MadeUp
from template import Machine, replace

from generator.names import LONGEST
from generator.rules import LONGEST_NAME

pytestmark = pytest.mark.delivery
VARIANTS = {
    "as emitted": ["prometheus-operator"],
    "with canary": ["prometheus-operator", "canary"],
    "without operator": [],
}
NAME, KIND = "app.kubernetes.io/name", "app.kubernetes.io/component"


def named(objects: list[Object], kind: str) -> Mapping[str, Object]:
    """The objects of a kind, by name."""
    return {found["metadata"]["name"]: found for found in objects if found["kind"] == kind}


@pytest.fixture(params=VARIANTS)
def objects(request: pytest.FixtureRequest, made_up: MadeUp, tmp_path: Path) -> list[Object]:
    """What a cluster gets for production, with each choice of components of the overlay."""
    components = [f"../../components/{name}" for name in VARIANTS[request.param]]
    overlays = made_up.copy("tasks", tmp_path) / "deploy/kubernetes/overlays"
    return render(edited(overlays / "production", components=components))


def pods(objects: list[Object]) -> Mapping[str, Object]:
    """The pod templates, by their Deployment or Job."""
    kinds = {**named(objects, "Deployment"), **named(objects, "Job")}
    return {name: found["spec"]["template"] for name, found in kinds.items()}


def test_a_worker_is_deployed_beside_web(objects: list[Object]) -> None:
    """The same image, settings and restrictions; its own command, port, probes, limits and time to drain."""
    for each in objects:
        validate(each)
    assert pods(objects).keys() == {SLUG, f"{SLUG}-worker"}
    web, worker = pods(objects)[SLUG], pods(objects)[f"{SLUG}-worker"]
    assert violations(worker) == set()
    ours, theirs = worker["spec"]["containers"][0], web["spec"]["containers"][0]
    for shared in ("image", "envFrom", "env", "securityContext"):
        assert ours[shared] == theirs[shared], shared
    assert ours["args"] == ["python", "-m", "acme_links", "worker"]
    assert ours["ports"] == [{"name": "management", "containerPort": 9465}]
    probes = {name: probe["httpGet"] for name, probe in ours.items() if name.endswith("Probe")}
    asked = {name: (probe["path"], probe["port"]) for name, probe in probes.items()}
    assert asked == {
        "startupProbe": ("/health/startup", "management"),
        "livenessProbe": ("/health/live", "management"),
        "readinessProbe": ("/health/ready", "management"),
    }
    assert ours["resources"]["limits"] == {"memory": "128Mi"}
    assert ours["resources"]["requests"]["memory"] == "128Mi"
    assert worker["spec"]["terminationGracePeriodSeconds"] >= 30
    assert worker["metadata"]["labels"] == {NAME: SLUG, KIND: "worker", "env": "production"}


def test_objects_of_web_do_not_select_the_worker(objects: list[Object]) -> None:
    """Its own selector; neither the Service, the budget, the autoscaler nor the canary take it for web."""
    worker = pods(objects)[f"{SLUG}-worker"]["metadata"]["labels"]
    selectors = {
        (each["kind"], each["metadata"]["name"]): each["spec"].get("selector", each["spec"].get("podSelector", {}))
        for each in objects
        if each["kind"] in {"Deployment", "Rollout", "PodDisruptionBudget", "Service", "NetworkPolicy"}
    }
    selecting = {
        kind for kind, selector in selectors.items() if selector.get("matchLabels", selector).items() <= worker.items()
    }
    assert selecting == {
        ("Deployment", f"{SLUG}-worker"),
        ("Service", f"{SLUG}-management"),  # how Prometheus finds it
        ("NetworkPolicy", SLUG),
        ("NetworkPolicy", f"{SLUG}-worker"),
    }
    (scaler,) = named(objects, "HorizontalPodAutoscaler").values()
    assert scaler["spec"]["scaleTargetRef"]["name"] == SLUG
    for rollout in named(objects, "Rollout").values():
        assert rollout["spec"]["workloadRef"]["name"] == SLUG


def test_it_reaches_what_its_manifest_names(objects: list[Object]) -> None:
    """The component's egress is open to all its pods, that of the worker to the worker alone."""
    policies = named(objects, "NetworkPolicy")
    opened = {
        name: [port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]]
        for name, policy in policies.items()
    }
    assert opened == {SLUG: [53, 53, 4318, 7000], f"{SLUG}-worker": [25]}
    assert policies[f"{SLUG}-worker"]["spec"]["policyTypes"] == ["Egress"]


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_a_command_is_a_job_that_ends(made_up: MadeUp, version: str) -> None:
    """Once, within a time, restricted, with a day for its log; labels say of what it is."""
    jobs = read(made_up.service("tasks") / "deploy/kubernetes/commands/jobs.yaml")
    (job,) = jobs
    validate(job, version)
    spec, pod = job["spec"], job["spec"]["template"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"]) == (0, 600, 86_400)
    assert violations(pod) == set()
    assert pod["spec"]["restartPolicy"] == "Never"
    (container,) = pod["spec"]["containers"]
    assert container["args"] == ["python", "-m", "acme_links", "prepare"]
    assert container["resources"]["limits"] == {"memory": "96Mi"}
    assert "ports" not in container  # nothing that discovery could scrape
    assert job["metadata"]["labels"] == {KIND: "command", "command": "prepare"}
    assert pod["metadata"]["labels"] == {NAME: SLUG, KIND: "command", "command": "prepare"}


def jobs(kubernetes: Path) -> list[Object]:
    """The Jobs of a release, as `commands/run.sh` names them."""
    release = kubernetes / "release"
    release.mkdir()
    text = 'nameSuffix: "-55555555"\nresources: [../commands]\n'
    (release / "kustomization.yaml").write_text(text, encoding="utf-8")
    return render(release)


def test_the_longest_names_are_valid(made_up: MadeUp, machine: Machine) -> None:
    """A slug, a command and a process of as many characters as a generation accepts; one more is refused there."""
    template = Path(shutil.copytree(made_up.template, machine.directory / "longest"))
    manifest = template / "components/tasks/component.toml"
    replace(manifest, 'name = "prepare"', f'name = "{"c" * LONGEST_NAME}"')
    replace(manifest, "[processes.worker]", f"[processes.{'p' * LONGEST_NAME}]")
    machine.commit(template)
    slug = "b" * LONGEST
    service = machine.cookiecutter(template, {"project_slug": slug, "components": "tasks", "deploy": "all"}).service
    kubernetes = service / "deploy/kubernetes"
    components = [f"../../components/{name}" for name in ("prometheus-operator", "canary", "private-images")]
    for environment in ("staging", "production"):
        found = render(edited(kubernetes / "overlays" / environment, components=components))
        for each in found:
            validate(each)
    assert named(found, "Deployment").keys() == {slug, f"{slug}-{'p' * LONGEST_NAME}"}
    (job,) = jobs(kubernetes)
    validate(job)
    assert len(job["metadata"]["name"]) == LONGEST + LONGEST_NAME + len("--55555555")


def test_every_pod_has_the_login_to_the_registry(made_up: MadeUp, tmp_path: Path) -> None:
    """By its service account: web, workers and the Jobs of commands, when an overlay lists the component."""
    kubernetes = made_up.copy("tasks", tmp_path) / "deploy/kubernetes"
    staging = kubernetes / "overlays/staging"
    assert "imagePullSecrets" not in named(render(staging), "ServiceAccount")[SLUG]
    found = render(edited(staging, components=["../../components/private-images"]))
    account = named(found, "ServiceAccount")[SLUG]
    validate(account)
    assert account["imagePullSecrets"] == [{"name": "registry"}]
    users = pods([*found, *jobs(kubernetes)])
    assert len(users) == 3
    assert {pod["spec"]["serviceAccountName"] for pod in users.values()} == {SLUG}


def test_an_overlay_has_no_job(made_up: MadeUp) -> None:
    """Applied by hand a second time, a Job of another image would be refused."""
    overlay = made_up.service("tasks") / "deploy/kubernetes/overlays/staging"
    assert named(render(overlay), "Job") == {}


@pytest.mark.parametrize("choice", ["none", "events"])
def test_without_commands_and_processes_nothing_is_there(made_up: MadeUp, choice: str) -> None:
    """No file and no text mentions them."""
    kubernetes = made_up.service(choice) / "deploy/kubernetes"
    assert not (kubernetes / "commands").exists()
    assert not (kubernetes / "base/processes.yaml").exists()
    assert "commands" not in (kubernetes / "deploy.sh").read_text(encoding="utf-8")
    assert pods(render(kubernetes / "overlays/staging")).keys() == {SLUG}
