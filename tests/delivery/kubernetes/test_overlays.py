"""Every overlay with every choice of components, rendered and checked for faults that an API server accepts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from delivery.kubernetes.manifests import SLUG, Object, at, edited, only, pod, render, validate
from delivery.kubernetes.pod_security import violations

pytestmark = pytest.mark.delivery

ENVIRONMENTS = ("staging", "production")
CLUSTER_WIDE = {"Namespace"}
DIGEST = "sha256:" + "0123456789abcdef" * 4
VARIANTS: dict[str, list[str]] = {
    "as emitted": ["prometheus-operator"],
    "with canary": ["prometheus-operator", "canary"],
    "without operator": [],
}


@pytest.fixture(params=[(environment, variant) for environment in ENVIRONMENTS for variant in VARIANTS], ids="-".join)
def rendered(request: pytest.FixtureRequest, copied: Path) -> tuple[str, list[Object]]:
    """Every overlay, with every choice of components."""
    environment, variant = request.param
    components = [f"../../components/{name}" for name in VARIANTS[variant]]
    return environment, render(edited(copied / "overlays" / environment, components=components))


def test_overlays_render_to_valid_objects(rendered: tuple[str, list[Object]]) -> None:
    """Valid, restricted, in a namespace of their own that restricts."""
    environment, manifests = rendered
    namespace = only(manifests, "Namespace")["metadata"]
    for manifest in manifests:
        validate(manifest)
        if manifest["kind"] not in CLUSTER_WIDE:
            assert manifest["metadata"]["namespace"] == namespace["name"], manifest["kind"]
    assert namespace["name"] == f"{SLUG}-{environment}"
    assert namespace["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert violations(pod(manifests)) == set()
    assert pod(manifests)["metadata"]["labels"]["env"] == environment


def selecting(manifests: list[Object]) -> Iterator[tuple[str, dict[str, str], dict[str, str]]]:
    """Every selector, with the labels of what it is meant to select."""
    pods = pod(manifests)["metadata"]["labels"]
    paths = {
        "Deployment": ("spec", "selector", "matchLabels"),
        "NetworkPolicy": ("spec", "podSelector", "matchLabels"),
        "PodDisruptionBudget": ("spec", "selector", "matchLabels"),
        "Rollout": ("spec", "selector", "matchLabels"),
        "Service": ("spec", "selector"),
    }
    for manifest in manifests:
        if path := paths.get(manifest["kind"]):
            yield manifest["kind"], at(manifest, *path), pods
        if manifest["kind"] == "ServiceMonitor":
            services = [each["metadata"]["labels"] for each in manifests if "clusterIP" in each["spec"]]
            yield "ServiceMonitor", at(manifest, "spec", "selector", "matchLabels"), services[0]
    for spread in pod(manifests)["spec"]["topologySpreadConstraints"]:
        yield "topology spread", at(spread, "labelSelector", "matchLabels"), pods


def test_selectors_select(rendered: tuple[str, list[Object]]) -> None:
    """Ours select our pods, and those of other people's pods stay as they were written."""
    _, manifests = rendered
    manifests = [{"spec": {}} | manifest for manifest in manifests]
    for kind, selector, labels in selecting(manifests):
        assert selector, kind
        assert selector.items() <= labels.items(), kind
    assert "env" not in only(manifests, "Deployment")["spec"]["selector"]["matchLabels"]
    policy = only(manifests, "NetworkPolicy")["spec"]
    peers = [peer for rule in (*policy["ingress"], *policy["egress"]) for peer in rule.get("from", rule.get("to", ()))]
    assert {name for peer in peers for name in at(peer, "namespaceSelector", "matchLabels")} == {
        "kubernetes.io/metadata.name"
    }


def test_selectors_of_web_do_not_match_a_worker(rendered: tuple[str, list[Object]]) -> None:
    """What is about web selects web; a pod of another kind is discovered all the same, and its network restricted."""
    _, manifests = rendered
    manifests = [{"spec": {}} | manifest for manifest in manifests]
    web = pod(manifests)["metadata"]["labels"]
    worker = web | {"app.kubernetes.io/component": "worker"}
    assert web["app.kubernetes.io/component"] == "web"
    selected = {kind for kind, selector, labels in selecting(manifests) if selector.items() <= worker.items()}
    assert selected == {"NetworkPolicy", "Service"}
    (service,) = (
        each["metadata"]["name"]
        for each in manifests
        if each["kind"] == "Service" and each["spec"]["selector"].items() <= worker.items()
    )
    assert service == f"{SLUG}-management"


def references(manifests: list[Object]) -> Iterator[tuple[str, str]]:
    """Everything one object calls by the name of another."""
    spec = pod(manifests)["spec"]
    yield "ServiceAccount", spec["serviceAccountName"]
    yield from (("ConfigMap", source["configMapRef"]["name"]) for source in spec["containers"][0]["envFrom"][:1])
    scaled = only(manifests, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    yield scaled["kind"], scaled["name"]
    for rollout in (manifest["spec"] for manifest in manifests if manifest["kind"] == "Rollout"):
        yield rollout["workloadRef"]["kind"], rollout["workloadRef"]["name"]
        for template in rollout["strategy"]["canary"]["analysis"]["templates"]:
            yield "AnalysisTemplate", template["templateName"]


def test_names_refer_to_something(rendered: tuple[str, list[Object]]) -> None:
    """A server accepts the name of an object that does not exist, and waits for ever."""
    _, manifests = rendered
    there = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests}
    assert set(references(manifests)) <= there
    scales = {"Rollout"} if ("Rollout", SLUG) in there else {"Deployment"}
    assert {only(manifests, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["kind"]} == scales


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_pipeline_says_which_image_runs(copied: Path, environment: str) -> None:
    """`kustomize edit set image` writes this entry, and a digest reaches the pod."""
    image = {"name": SLUG, "newName": f"registry.example.com/team/{SLUG}", "digest": DIGEST}
    overlay = edited(copied / "overlays" / environment, images=[image])
    (container,) = pod(render(overlay))["spec"]["containers"]
    assert container["image"] == f"registry.example.com/team/{SLUG}@{DIGEST}"


def test_a_changed_setting_is_a_new_release(copied: Path) -> None:
    """Its name changes with its content, so that pods are replaced, and the ones before keep theirs."""
    overlay = copied / "overlays/production"
    before = only(render(overlay), "ConfigMap")["metadata"]["name"]
    with (overlay / "settings.env").open("a", encoding="utf-8") as settings:
        settings.write("GRACEFUL_SECONDS=15\n")
    manifests = render(overlay)
    assert only(manifests, "ConfigMap")["metadata"]["name"] != before
    assert only(manifests, "ConfigMap")["data"]["GRACEFUL_SECONDS"] == "15"
