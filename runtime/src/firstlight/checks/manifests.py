"""Check `manifests`: deploy/kubernetes fits the service. The files are the team's to edit; these joints must hold."""

import re
from collections.abc import Iterator

from . import contract, deployments, document, overlays, start, variables
from .document import Document
from .finding import Finding, FindingError, each
from .overlays import DEPLOYMENT, KUBERNETES
from .project import Project

PROBES = {"live": "livenessProbe", "ready": "readinessProbe", "startup": "startupProbe"}
POLICY = f"{KUBERNETES}/base/network-policy.yaml"
SERVICE = f"{KUBERNETES}/base/service.yaml"
MONITOR = f"{KUBERNETES}/components/prometheus-operator/service-monitor.yaml"
TARGET = ("env", "instance", "process", "service")


def findings(project: Project) -> Iterator[Finding]:
    """Pods that would not start, be ready, be scraped, or end in time."""
    if project.has(KUBERNETES):
        yield from each(project, (_probes, _ports, _references, _monitor, _names, _values, _grace, _startup, _overlays))


def _open(project: Project) -> dict[str, int]:
    """The ports of the container, by name."""
    entries = overlays.container(project).items("ports")
    return {entry.text("name"): int(entry.number("containerPort")) for entry in entries}


def _probes(project: Project) -> Iterator[Finding]:
    """Three probes, three paths, all on the management port."""
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
    """Services and the network policy name the ports of the container, each once."""
    ports = sorted(_open(project))
    services = document.read_all(project, SERVICE)
    named = [port.at("targetPort") for service in services for port in service.items("spec", "ports")]
    rules = document.read(project, POLICY).items("spec", "ingress")
    allowed = [port.at("port") for rule in rules for port in rule.items("ports")]
    for file, key, found in ((SERVICE, "targetPort", named), (POLICY, "ingress port", allowed)):
        if sorted(map(str, found)) != ports:
            names = ", ".join(map(str, found))
            yield Finding(file, f"must name {' and '.join(ports)} as {key}, each once; it names {names}.")


def _monitor(project: Project) -> Iterator[Finding]:
    """Metrics are scraped where they are, with the labels by which rules and dashboards know a target."""
    shipped = contract.of(project)
    endpoint = document.read(project, MONITOR).items("spec", "endpoints")[0]
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


def _names(project: Project) -> Iterator[Finding]:
    """Nobody would notice a misspelt name."""
    known = variables.known(project)
    own = {name for name, _ in overlays.in_container(project)}
    for overlay in overlays.names(project):
        given = overlays.variables(project, overlay)
        mentioned = set(re.findall(r"\$\((\w+)\)", " ".join(given.values())))
        for name in sorted(given.keys() - mentioned - known):
            file = DEPLOYMENT if name in own else overlays.settings_file(overlay)
            yield Finding(file, f"sets {name}, which the service does not read; .env.example has what it reads.")


def _starts(project: Project) -> Iterator[tuple[str, start.Start]]:
    names = overlays.names(project)
    yield from zip(names, start.read(project, [overlays.variables(project, name) for name in names]), strict=True)


def _values(project: Project) -> Iterator[Finding]:
    """A bad value would end every pod at its start."""
    for overlay, started in _starts(project):
        if started.error:
            sentence = f"the service does not start with it: {started.error}."
            yield Finding(overlays.settings_file(overlay), sentence)


def _grace(project: Project) -> Iterator[Finding]:
    """The wait for proxies, the drain, the requests in flight and the last telemetry fit into the grace period."""
    pod = Document(DEPLOYMENT, overlays.deployment(project).mapping("template", "spec"))
    wait = overlays.container(project).number("lifecycle", "preStop", "sleep", "seconds")
    flush = contract.of(project).fact("drain", "flush_seconds")
    given = pod.number("terminationGracePeriodSeconds")
    for overlay, started in _starts(project):
        if started.error:
            continue
        needed = wait + started.seconds("drain_seconds") + started.seconds("graceful_seconds") + flush
        if given < needed:
            sentence = (
                f"terminationGracePeriodSeconds is {given:g}, and {overlay} needs {needed:g}: preStop {wait:g}, "
                f"DRAIN_SECONDS, GRACEFUL_SECONDS, and {flush:g} for the last telemetry."
            )
            yield Finding(DEPLOYMENT, sentence)


def _startup(project: Project) -> Iterator[Finding]:
    """A rollout must not be called failed while a pod may still start."""
    deployment, container = overlays.deployment(project), overlays.container(project)
    period, failures = (container.number("startupProbe", key) for key in ("periodSeconds", "failureThreshold"))
    may_take = period * failures + deployment.number("minReadySeconds")
    if deployment.number("progressDeadlineSeconds") <= may_take:
        sentence = (
            f"progressDeadlineSeconds must be above {may_take:g}, the time that startupProbe and minReadySeconds allow."
        )
        yield Finding(DEPLOYMENT, sentence)


def _overlays(project: Project) -> Iterator[Finding]:
    """The label decides who is woken, and Kustomize replaces the image and the settings by name alone."""
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
            found = [entry.at("name") for entry in kustomization.items(key)]
            if found != names:
                yield Finding(
                    file, f"{key} must name {', '.join(names)}, as {DEPLOYMENT} does, not {', '.join(found)}."
                )
