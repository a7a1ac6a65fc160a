"""Check `manifests`: deploy/kubernetes fits the service. The team may edit the files; these values must match."""

from collections.abc import Iterator

from . import contract, deployments, document, instances, overlays, pods, processes, rules, sandbox
from .finding import Finding, FindingError, each
from .overlays import DEPLOYMENT, KUBERNETES
from .project import Project

PROBES = {"live": "livenessProbe", "ready": "readinessProbe", "startup": "startupProbe"}
POLICY = f"{KUBERNETES}/base/network-policy.yaml"
SERVICE = f"{KUBERNETES}/base/service.yaml"
MONITOR = f"{KUBERNETES}/components/prometheus-operator/service-monitor.yaml"
ANALYSIS = f"{KUBERNETES}/components/canary/analysis.yaml"
TARGET = ("env", "instance", "process", "service")


def findings(project: Project) -> Iterator[Finding]:
    """Faults that keep pods from starting, getting ready, being scraped or ending in time."""
    if project.has(KUBERNETES):
        own = (_probes, _ports, _references, _monitor, _overlays, _queries, processes.in_cluster)
        yield from each(project, (*own, instances.few, *pods.PARTS, *sandbox.PARTS))


def _open(project: Project) -> dict[str, int]:
    """The ports of the container, by name."""
    entries = overlays.container(project).items("ports")
    return {entry.text("name"): int(entry.number("containerPort")) for entry in entries}


def _probes(project: Project) -> Iterator[Finding]:
    """Each of the three probes has its own path, on the management port."""
    shipped = contract.of(project)
    container, ports, port = overlays.container(project), _open(project), deployments.ports(project)["web"]
    for kind, probe in PROBES.items():
        path, asked = container.at(probe, "httpGet", "path"), container.at(probe, "httpGet", "port")
        if path != shipped.probes[kind]:
            yield Finding(DEPLOYMENT, f"{probe} asks {path}, and must ask {shipped.probes[kind]}.")
        if ports.get(asked, asked) != port:
            yield Finding(DEPLOYMENT, f"{probe} asks port {asked}, and must ask the management port, {port}.")


def _ports(project: Project) -> Iterator[Finding]:
    known, ports = deployments.ports(project), _open(project)
    for name, wanted in {"http": known["http"], "management": known["web"]}.items():
        if ports.get(name) != wanted:
            yield Finding(DEPLOYMENT, f"must have a port {name} with containerPort {wanted}, not {ports.get(name)}.")


def _references(project: Project) -> Iterator[Finding]:
    """Services and the network policy name each port of the container once."""
    ports = sorted(_open(project))
    services = document.read_all(project, SERVICE)
    named = [port.at("targetPort") for service in services for port in service.items("spec", "ports")]
    ingress = document.read(project, POLICY).items("spec", "ingress")
    allowed = [port.at("port") for rule in ingress for port in rule.items("ports")]
    for file, key, found in ((SERVICE, "targetPort", named), (POLICY, "ingress port", allowed)):
        if sorted(map(str, found)) != ports:
            names = ", ".join(map(str, found))
            yield Finding(file, f"must name {' and '.join(ports)} as {key}, each once; it names {names}.")


def _monitor(project: Project) -> Iterator[Finding]:
    """The monitor names port and path of the metrics, and sets the target labels that rules and dashboards use."""
    shipped = contract.of(project)
    endpoint = document.read(project, MONITOR).first("spec", "endpoints")
    services = document.read_all(project, SERVICE)
    targets = {port.text("name"): port.at("targetPort") for each in services for port in each.items("spec", "ports")}
    port = _open(project).get(targets.get(endpoint.text("port"), ""))
    if port != deployments.ports(project)["web"]:
        yield Finding(MONITOR, f"port {endpoint.text('port')} must lead to the management port.")
    if endpoint.text("path") != shipped.fact("management", "metrics"):
        yield Finding(MONITOR, f"path must be {shipped.fact('management', 'metrics')}.")
    labels = {label.text("targetLabel") for label in endpoint.items("relabelings")}
    for label in sorted(set(TARGET) - labels):
        yield Finding(MONITOR, f"relabelings must set the label {label}.")


def _queries(project: Project) -> Iterator[Finding]:
    """The analysis of a canary reads series that exist."""
    if project.has(ANALYSIS):
        known = rules.series(project)
        for analysis in document.read_all(project, ANALYSIS):
            for metric in analysis.entries("spec", "metrics"):
                query = metric.text("provider", "prometheus", "query")
                yield from (Finding(ANALYSIS, f"{metric.text('name')} {wrong}") for wrong in known.complaints(query))


def _overlays(project: Project) -> Iterator[Finding]:
    """Overlays set `env`, by which alerts are routed, and name image and settings as the Deployment does.

    Kustomize replaces them by name, and ignores a name that does not occur.
    """
    container = overlays.container(project)
    maps = [source.find("configMapRef", "name") for source in container.items("envFrom")]
    wanted = {"images": [container.text("image")], "configMapGenerator": [name for name in maps if name]}
    for overlay in overlays.names(project):
        file = f"{KUBERNETES}/overlays/{overlay}/kustomization.yaml"
        try:
            kustomization = document.read(project, file)
            labels = kustomization.items("labels")
        except FindingError as error:
            yield error.finding
            continue
        if overlay not in [label.find("pairs", "env") for label in labels if label.find("includeTemplates")]:
            yield Finding(file, f"must set the label env: {overlay}, with includeTemplates: true.")
        for key, names in wanted.items():
            found = [entry.text("name") for entry in kustomization.items(key)]
            if found != names:
                yield Finding(
                    file, f"{key} must name {', '.join(names)}, as {DEPLOYMENT} does, not {', '.join(found)}."
                )
