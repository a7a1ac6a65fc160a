"""Part of the check `manifests`: what a pod of the service may do, and that kustomize applies every manifest."""

from collections.abc import Callable, Iterator

from . import document, overlays
from .document import Document
from .finding import Finding
from .overlays import KUBERNETES
from .project import Project

BASE = f"{KUBERNETES}/base"
KUSTOMIZATION = f"{BASE}/kustomization.yaml"
POLICY = f"{BASE}/network-policy.yaml"
POD = (
    (("automountServiceAccountToken",), False),
    (("securityContext", "runAsNonRoot"), True),
    (("securityContext", "seccompProfile", "type"), "RuntimeDefault"),
)
CONTAINER = (
    (("securityContext", "allowPrivilegeEscalation"), False),
    (("securityContext", "readOnlyRootFilesystem"), True),
    (("securityContext", "capabilities", "drop"), ["ALL"]),
)
HOST = ("hostNetwork", "hostPID", "hostIPC")


def _pods(project: Project) -> Iterator[tuple[str, Document]]:
    """The name of each Deployment of the base, and its pod."""
    for file in project.glob(f"{BASE}/*.yaml"):
        for each in document.read_all(project, file):
            if each.find("kind") == "Deployment":
                yield str(each.find("metadata", "name")), Document(file, each.at("spec", "template", "spec"))


def _restricted(project: Project) -> Iterator[Finding]:
    """No pod runs as root, writes to its image or gains privileges, as the standard `restricted` demands."""
    for name, pod in _pods(project):
        yield from _lost(name, pod, POD)
        for key in HOST:
            if pod.find(key):
                yield Finding(pod.file, f"{name} must not have {key}: true.")
        for container in pod.items("containers"):
            yield from _lost(name, container, CONTAINER)
            for part in (pod, container):
                if part.find("securityContext", "runAsUser") == 0:
                    yield Finding(pod.file, f"{name} must not have securityContext.runAsUser: 0, which is root.")
            yield from _regained(name, container)


def _lost(name: str, part: Document, wanted: tuple[tuple[tuple[str, ...], object], ...]) -> Iterator[Finding]:
    for path, value in wanted:
        if part.find(*path) != value:
            text = "[ALL]" if isinstance(value, list) else str(value).lower() if isinstance(value, bool) else value
            yield Finding(part.file, f"{name} must have {'.'.join(path)}: {text}, not {part.find(*path)}.")


def _regained(name: str, container: Document) -> Iterator[Finding]:
    """What a container gives itself against its pod."""
    given = container.find("securityContext")
    context = given if isinstance(given, dict) else {}
    capabilities = context.get("capabilities")
    added = capabilities.get("add") if isinstance(capabilities, dict) else None
    for key, given in (("capabilities.add", added), ("privileged", context.get("privileged"))):
        if given:
            yield Finding(container.file, f"{name} must not have securityContext.{key}: {given}.")
    if context.get("runAsNonRoot") is False:
        yield Finding(container.file, f"{name} must not have securityContext.runAsNonRoot: false in a container.")


def _applied(project: Project) -> Iterator[Finding]:
    """A manifest that kustomization.yaml does not list is not applied."""
    listed = document.read(project, KUSTOMIZATION).texts("resources")
    for file in project.glob(f"{BASE}/*.yaml"):
        name = file.removeprefix(f"{BASE}/")
        if file != KUSTOMIZATION and name not in listed:
            yield Finding(KUSTOMIZATION, f"resources must list {name}, which would not be applied.")
    for name in listed:
        if not project.has(f"{BASE}/{name}"):
            yield Finding(KUSTOMIZATION, f"resources lists {name}, which does not exist.")


def _policy(project: Project) -> Iterator[Finding]:
    """The network policy is for every pod of the service, in both directions, and allows nobody everything."""
    spec = Document(POLICY, document.read(project, POLICY).mapping("spec"))
    labels = overlays.deployment(project).mapping("template", "metadata", "labels")
    if sorted(spec.texts("policyTypes")) != ["Egress", "Ingress"]:
        yield Finding(POLICY, "policyTypes must be [Ingress, Egress]: connections in the other direction are open.")
    selected = spec.find("podSelector", "matchLabels")
    if not isinstance(selected, dict) or not selected.items() <= labels.items():
        yield Finding(POLICY, "podSelector.matchLabels must be the label of the service's pods.")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        if any(not rule.find("ports") and not rule.find(peers) for rule in spec.entries(direction)):
            yield Finding(POLICY, f"a rule of {direction} names neither ports nor {peers}, so it allows everything.")


PARTS: tuple[Callable[[Project], Iterator[Finding]], ...] = (_restricted, _applied, _policy)
