"""Every object, unchanged: valid, strictly, and sized so that nothing is lost. No API server is asked: none can be had.

What a server would take and do wrong without a word is in `test_overlays.py`.
"""

import jsonschema
import pytest
from delivery.kubernetes.manifests import NEWEST, OLDEST, SLUG, Object, at, only, planted, pod, validate


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_object_is_valid(emitted: list[Object], version: str) -> None:
    """Field by field, for the oldest supported Kubernetes and the newest."""
    kinds = [manifest["kind"] for manifest in emitted]
    assert {"Deployment", "NetworkPolicy", "ServiceMonitor", "Rollout", "AnalysisTemplate"} < set(kinds)
    for manifest in emitted:
        validate(manifest, version)


CONTAINER = ("spec", "template", "spec", "containers", 0)
MISTAKES: dict[str, tuple[str, tuple[str | int, ...], object]] = {
    "a misspelt probe": ("Deployment", ("spec", "template", "spec", "containers", 0, "readynessProbe"), {}),
    "a quoted port": ("Deployment", ("spec", "template", "spec", "containers", 0, "ports", 0, "containerPort"), "8000"),
    "a misspelt policy": ("PodDisruptionBudget", ("spec", "unhealthyPodEviction"), "AlwaysAllow"),
    "an old metric": ("HorizontalPodAutoscaler", ("spec", "targetCPUUtilizationPercentage"), 70),
    "a port too many": ("NetworkPolicy", ("spec", "ingress", 0, "ports", 0, "name"), "http"),
    "a misspelt relabeling": ("ServiceMonitor", ("spec", "endpoints", 0, "relabeling"), []),
    "an interval without a unit": ("ServiceMonitor", ("spec", "endpoints", 0, "interval"), "15"),
    "a misspelt strategy": ("Rollout", ("spec", "strategy", "canary", "maxSurges"), "25%"),
    "a pause in days": ("Rollout", ("spec", "strategy", "canary", "steps", 1, "pause", "duration"), "1d"),
    "an underscore in a name": ("Deployment", ("metadata", "name"), "acme_links"),
    "a Service that begins with a digit": ("Service", ("metadata", "name"), "1-acme"),
    "a name that is too long": ("Deployment", (*CONTAINER, "name"), "a" * 64),
    "a port with a long name": ("Service", ("spec", "ports", 0, "name"), "management-of-web"),
    "a workload whose pods have no host name": ("Deployment", ("metadata", "name"), "a" * 64),
    "a volume with a long name": ("Deployment", ("spec", "template", "spec", "volumes", 0, "name"), "a" * 64),
    "a variable that begins with a digit": ("Deployment", (*CONTAINER, "env", 0, "name"), "1ST"),
    "a namespace with a dot": ("Namespace", ("metadata", "name"), "acme.links"),
    "an object with a name of 254 characters": ("PodDisruptionBudget", ("metadata", "name"), ".".join(["a" * 50] * 5)),
    "a label with a long name": ("Deployment", ("metadata", "labels", "a" * 64), "payments"),
    "a label with a long value": ("Deployment", ("metadata", "labels", "team"), "a" * 64),
    "a label with a space": ("Deployment", ("metadata", "labels", "team"), "our team"),
    "a misspelt condition": ("AnalysisTemplate", ("spec", "metrics", 0, "failCondition"), "true"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_refused(emitted: list[Object], mistake: str) -> None:
    """The schemas are as strict as a server, and stricter where a server would drop a field without a word."""
    kind, path, value = MISTAKES[mistake]
    manifest = next(manifest for manifest in emitted if manifest["kind"] == kind)
    validate(manifest)
    with pytest.raises(jsonschema.ValidationError):
        validate(planted(manifest, path, value))


def test_memory_is_reserved_and_cpu_is_shared(emitted: list[Object]) -> None:
    """As much memory as may be used, no CPU limit, and a request for the autoscaler to count in."""
    resources = pod(emitted)["spec"]["containers"][0]["resources"]
    assert resources["requests"].keys() == {"cpu", "memory"}
    assert resources["limits"] == {"memory": resources["requests"]["memory"]}


def test_capacity_is_never_given_away(emitted: list[Object]) -> None:
    """A rollout adds before it takes, a drain takes one of at least two, and the autoscaler owns the number."""
    deployment = only(emitted, "Deployment")["spec"]
    budget = only(emitted, "PodDisruptionBudget")["spec"]
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert only(emitted, "Rollout")["spec"]["strategy"]["canary"]["maxUnavailable"] == 0
    assert only(emitted, "HorizontalPodAutoscaler")["spec"]["minReplicas"] - budget["maxUnavailable"] >= 1
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert "replicas" not in deployment
    assert "replicas" not in only(emitted, "Rollout")["spec"]


def test_the_management_port_is_for_monitoring_alone(emitted: list[Object]) -> None:
    """No rule of the network mixes the planes, and the service that callers use has one port."""
    policy = only(emitted, "NetworkPolicy")["spec"]
    doors = {
        port["port"]: [at(peer, "namespaceSelector", "matchLabels") for peer in rule["from"]]
        for rule in policy["ingress"]
        for port in rule["ports"]
    }
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert doors["management"] == [{"kubernetes.io/metadata.name": "monitoring"}]
    assert {"kubernetes.io/metadata.name": "monitoring"} not in doors["http"]
    services = {service["metadata"]["name"]: service["spec"] for service in emitted if service["kind"] == "Service"}
    assert [port["targetPort"] for port in services[SLUG]["ports"]] == ["http"]
