"""Part of the checks `stack` and `manifests`: each kind of process runs, on its own port, and is scraped."""

import json
from collections.abc import Callable, Iterator

from . import contract, deployments, document
from .compose import PROMETHEUS, Stack
from .finding import Finding
from .project import Project

BASE = "deploy/kubernetes/base"
PROCESSES = f"{BASE}/processes.yaml"
KIND = "app.kubernetes.io/component"


def _part_of(process: str) -> str:
    """The name of a kind of process in compose.yaml."""
    return "service" if process == "web" else process


def _run(stack: Stack) -> Iterator[Finding]:
    """Each kind of process runs in a container, with its own management port and a health check there."""
    for process, port in stack.project.processes.items():
        name = _part_of(process)
        part = stack.part(name)
        if process != "web":
            wanted = ["python", "-m", stack.project.package, process]
            if part.find("command") != wanted:
                yield stack.wrong(name, f"must run the process: command: [{', '.join(wanted)}].")
            if stack.published(name) != {port}:
                yield stack.wrong(name, f"must publish {port}, its management port.")
            if str(part.find("environment", "MANAGEMENT_PORT")) != str(port):
                yield stack.wrong(name, f"must be told MANAGEMENT_PORT: {port}, for its healthcheck.")


def _scraped(stack: Stack) -> Iterator[Finding]:
    """The target labels `service` and `env` in Prometheus are the service's own name and environment."""
    known, shipped = deployments.ports(stack.project), contract.of(stack.project)
    job = stack.job
    groups = job.items("static_configs")
    environment = str(stack.service.at("environment", "ENVIRONMENT"))
    for number, process in enumerate(name for name in known if name != "http"):
        labels = {"service": stack.project.slug, "env": environment, "process": process}
        wanted = {"targets": [f"{_part_of(process)}:{known[process]}"], "labels": labels}
        for key, value in wanted.items():
            found = groups[number].find(key) if number < len(groups) else None
            if found != value:
                sentence = f"{key} of the job service must be {json.dumps(value)}, not {json.dumps(found)}."
                yield Finding(PROMETHEUS, sentence)
    path = shipped.fact("management", "metrics")
    if (job.find("metrics_path") or "/metrics") != path:
        yield Finding(PROMETHEUS, f"metrics_path of the job service must be {path}.")


def in_cluster(project: Project) -> Iterator[Finding]:
    """Each kind of process except web has a Deployment with its label, and a container with its port."""
    found = {
        str(each.find("spec", "template", "metadata", "labels", KIND)): each
        for file in project.glob(f"{BASE}/*.yaml")
        for each in document.read_all(project, file)
        if each.find("kind") == "Deployment"
    }
    for process, port in project.processes.items():
        if process == "web":
            continue  # other parts of `manifests` check web
        if process not in found:
            yield Finding(PROCESSES, f"must have a Deployment whose pods have the label {KIND}: {process}.")
            continue
        container = found[process].first("spec", "template", "spec", "containers")
        ports = {each.find("name"): each.find("containerPort") for each in container.entries("ports")}
        if ports.get("management") != port:
            yield Finding(found[process].file, f"{process} must have a port management with containerPort {port}.")


PARTS: tuple[Callable[[Stack], Iterator[Finding]], ...] = (_run, _scraped)
